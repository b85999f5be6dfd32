"""Promises as a file: faults by line, without a system, and the same file out of what was read in."""

from __future__ import annotations

import pytest

from tool import configuration, lint

GOOD = """\
calendars:
- name: calendars/office
  display_names:
    en: Office
  time_zone: Asia/Shanghai
  weekly_hours:
  - weekday: 1
    segments:
    - start: 09:00
      end: '18:00'
policies:
- name: policies/p1
  order: 10
  match:
    priorities:
    - 1
    condition: unit == 'cn/east'
  targets:
  - kind: CLOCK_KIND_RESOLUTION
    duration: 14400s
    pause_states:
    - TICKET_STATE_ON_HOLD
    pause_hold_reasons:
    - HOLD_REASON_VENDOR
  calendar: calendars/office
"""


def test_a_file_comes_out_as_it_went_in() -> None:
    """Nothing is added, nothing lost, and the order stays."""
    read = lint.read(GOOD)

    assert read.faults == []
    assert configuration.written(read.items) == GOOD
    # As people write it: an hour is no number of seconds, a day no date.
    assert lint.read(GOOD.replace("'18:00'", "18:00")).items == read.items


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("unit == 'cn/east'", "vip", 17, "CONDITION_INVALID"),
        ("kind: CLOCK_KIND_RESOLUTION", "kind: CLOCK_KIND_NEVER", 19, "CLOCK_KIND_NEVER"),
        ("duration: 14400s", "duration: 14400.5s", 20, "TARGET_DURATION_INVALID"),
        ("calendar: calendars/office", "calendar: calendars/none", 25, "CALENDAR_UNKNOWN"),
        ("order: 10", "order: -1", 13, "POLICY_ORDER_INVALID"),
        ("order: 10", "version: 3", 13, "leave it out"),
        ("order: 10", "colour: red", 13, "colour"),
        ("Asia/Shanghai", "Mars/Olympus", 5, "CALENDAR_ZONE_UNKNOWN"),
        ("name: policies/p1", "name: p1", 12, "does not match"),
        ("policies:", "rotas: []\npolicies:", 11, "Nothing of this kind"),
        ("- name: policies/p1", "- name: policies/p1\n  <<: [", 15, "no YAML"),
    ],
)
def test_each_fault_has_its_line(old: str, new: str, line: int, says: str) -> None:
    """Form, contract and rules alike."""
    read = lint.read(GOOD.replace(old, new))

    assert not read.fit
    assert [(one.line, says in one.text) for one in read.faults][:1] == [(line, True)]


def test_what_can_never_win_is_noted() -> None:
    """Behind a policy for every ticket nothing is tried; the file can be applied all the same."""
    more = GOOD + "- name: policies/all\n  order: 5\n" + GOOD[GOOD.index("  targets:") :]
    read = lint.read(more)

    assert read.fit
    assert [(one.line, one.where) for one in read.faults] == [(13, "policies/p1")]


def test_a_name_twice_and_a_list_that_is_none() -> None:
    """Both are said, and an empty file promises nothing."""
    twice = lint.read(GOOD + GOOD[GOOD.index("- name: policies/p1") :])
    assert [(one.where, one.line) for one in twice.faults] == [("policies/p1", 26)]
    assert [one.text for one in lint.read("policies: 3").faults] == ["Give a list."]
    assert lint.read("").fit
    assert not lint.read("- a").fit
