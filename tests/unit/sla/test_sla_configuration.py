"""Promises as a file: faults by line, without a system, and the same file out of what was read in."""

from __future__ import annotations

import pytest

from services.runtime.refusal import Refusal
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

PLANNED = """\
rotas:
- name: rotas/tills
  display_names:
    en: Tills
  time_zone: Asia/Shanghai
  layers:
  - people:
    - people/zhou-yan
    hand_over: HAND_OVER_WEEKLY
    first_date: '2026-11-02'
    time: 09:00
    hours:
    - weekday: 1
      segments:
      - start: 09:00
        end: '18:00'
  notice_days: 7
escalation_plans:
- name: escalationPlans/critical
  order: 10
  match:
    priorities:
    - 1
  steps:
  - clock: CLOCK_KIND_RESOLUTION
    measure: STEP_MEASURE_PERCENT
    anchor: STEP_ANCHOR_DUE
    amount: 75
    recipients:
    - kind: RECIPIENT_KIND_ON_CALL
      name: rotas/tills
  quiet_hours:
    time_zone: Asia/Shanghai
    start: '22:00'
    end: 07:30
    break_through:
    - 1
"""


def names_of(read: lint.File) -> set[str]:
    return {name for items in read.items.values() for name in items}


@pytest.mark.parametrize("text", [GOOD, PLANNED, GOOD + PLANNED])
def test_a_file_comes_out_as_it_went_in(text: str) -> None:
    """Nothing is added, nothing lost, and the order stays; held against itself nothing differs."""
    read = lint.read(text)

    assert read.faults == []
    assert configuration.written(read.items) == text
    system = {
        kind.key: {name: kind.judge(one, names_of(read)) for name, one in read.items[kind.key].items()}
        for kind in configuration.KINDS
    }
    assert configuration.differences(read.items, system) == []


def test_hours_are_read_as_people_write_them() -> None:
    """An hour is no number of seconds, a day no date."""
    read = lint.read(GOOD)
    assert lint.read(GOOD.replace("'18:00'", "18:00")).items == read.items


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("unit == 'cn/east'", "gold", 17, "CONDITION_INVALID"),
        ("kind: CLOCK_KIND_RESOLUTION", "kind: CLOCK_KIND_NEVER", 19, "CLOCK_KIND_NEVER"),
        ("duration: 14400s", "duration: 14400.5s", 20, "TARGET_DURATION_INVALID"),
        ("calendar: calendars/office", "calendar: calendars/none", 25, "CALENDAR_UNKNOWN"),
        ("order: 10", "order: -1", 13, "POLICY_ORDER_INVALID"),
        ("order: 10", "version: 3", 13, "leave it out"),
        ("order: 10", "colour: red", 13, "colour"),
        ("Asia/Shanghai", "Mars/Olympus", 5, "CALENDAR_ZONE_UNKNOWN"),
        ("name: policies/p1", "name: p1", 12, "does not match"),
        ("policies:", "teams: []\npolicies:", 11, "Nothing of this kind"),
        ("- name: policies/p1", "- name: policies/p1\n  <<: [", 15, "no YAML"),
    ],
)
def test_each_fault_has_its_line(old: str, new: str, line: int, says: str) -> None:
    """Form, contract and rules alike."""
    read = lint.read(GOOD.replace(old, new))

    assert not read.fit
    assert [(one.line, says in one.text) for one in read.faults][:1] == [(line, True)]


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("name: rotas/tills\n  quiet", "name: rotas/net\n  quiet", 31, "ROTA_UNKNOWN"),
        ("amount: 75", "amount: 0", 28, "STEP_AMOUNT_INVALID"),
        ("start: '22:00'", "start: 25:00", 34, "LOCAL_TIME_INVALID"),
        ("kind: RECIPIENT_KIND_ON_CALL", "kind: RECIPIENT_KIND_PERSON", 31, "RECIPIENT_INVALID"),
        ("measure: STEP_MEASURE_PERCENT", "measure: STEP_MEASURE_UNSPECIFIED", 26, "not"),
        ("- people/zhou-yan", "- zhou-yan", 8, "PERSON_UNKNOWN"),
        ("'2026-11-02'", "'2026-13-02'", 10, "LOCAL_DATE_INVALID"),
        ("time: 09:00\n    hours", "time: 9 am\n    hours", 11, "LOCAL_TIME_INVALID"),
        ("Asia/Shanghai\n  layers", "Mars/Olympus\n  layers", 5, "ZONE_UNKNOWN"),
        ("notice_days: 7", "overrides: []", 17, "leave it out"),
        ("notice_days: 7", "notice_days: 70", 17, "ROTA_NOTICE_INVALID"),
    ],
)
def test_each_fault_of_a_plan_or_a_rota_has_its_line(old: str, new: str, line: int, says: str) -> None:
    """Who is on call, who is told when, and in which hours nobody is."""
    read = lint.read(PLANNED.replace(old, new))

    assert not read.fit
    assert [(one.line, says in one.text) for one in read.faults][:1] == [(line, True)]


def test_another_way_to_write_the_same_is_no_difference() -> None:
    """What is left out says what the system says for it, and lists have no order of their own."""
    fuller = lint.read(PLANNED.replace("    - 1\n  steps", "    - 2\n    - 1\n  steps"))
    shorter = PLANNED.replace("    - 1\n  steps", "    - 1\n    - 2\n  steps").replace(
        "    anchor: STEP_ANCHOR_DUE\n", ""
    )
    system = {
        kind.key: {name: kind.judge(one, names_of(fuller)) for name, one in fuller.items[kind.key].items()}
        for kind in configuration.KINDS
    }

    assert configuration.differences(lint.read(shorter).items, system) == []


def test_what_the_system_refuses_is_told_by_line_too() -> None:
    """Who works here only the system knows; its field is a place in the file."""
    read, rotas = lint.read(PLANNED), configuration.KINDS[2]
    refusal = Refusal.invalid("rota.layers[0].people[0]", "PERSON_UNKNOWN", "Take somebody who has not left.")
    fault = read.fault(rotas, "rotas/tills", refusal)

    assert str(fault) == "8: rotas/tills.layers[0].people[0]: PERSON_UNKNOWN: Take somebody who has not left."


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
