"""What may be published, by whom, and who sees the clocks."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.runtime.actor import Actor, system
from services.runtime.refusal import Refusal
from services.sla.rules import access, calendar, policy, promise
from services.sla.rules.book import Book
from services.sla.rules.calendar import Calendar, Draft
from services.sla.rules.policy import ClockKind, Match, Policy, StopMark, Target
from services.sla.rules.ticket import Facts, TicketState, TicketType
from tests.unit.sla.history import ADMIN, OFFICE, at, book
from tests.unit.sla.history import calendar as kept
from tests.unit.sla.history import policy as made
from tests.unit.sla.history import target as promised

WEEK = ((1, (("09:00", "18:00"),)),)
CALENDAR = Draft("calendars/x", "Asia/Shanghai", WEEK)
TARGET = Target(ClockKind.RESOLUTION, timedelta(hours=1), StopMark.RESOLVED)
POLICY = Policy("policies/x", 10, Match(), (TARGET,), OFFICE.name)
DAYS = tuple((f"{2000 + n // 300}-{1 + n % 300 // 25:02}-{1 + n % 25:02}", "", ()) for n in range(2001))


@pytest.mark.parametrize(
    ("draft", "field", "reason"),
    [
        (replace(CALENDAR, name="calendars/X"), "calendar.name", "NAME_INVALID"),
        (replace(CALENDAR, zone="Mars/Olympus"), "calendar.time_zone", "CALENDAR_ZONE_UNKNOWN"),
        (replace(CALENDAR, weekly=()), "calendar.weekly_hours", "CALENDAR_NEVER_OPEN"),
        (replace(CALENDAR, weekly=((8, WEEK[0][1]),)), "calendar.weekly_hours", "WEEKDAY_INVALID"),
        (replace(CALENDAR, weekly=WEEK * 2), "calendar.weekly_hours", "WEEKDAY_REPEATED"),
        (replace(CALENDAR, weekly=((1, (("9", "18"),)),)), "calendar.weekly_hours", "CALENDAR_HOURS_INVALID"),
        (
            replace(CALENDAR, weekly=((1, (("09:00", "12:00"), ("11:00", "13:00"))),)),
            "calendar.weekly_hours",
            "CALENDAR_HOURS_OVERLAP",
        ),
        (replace(CALENDAR, days=(("1 May", "", ()),)), "calendar.days", "CALENDAR_DAY_INVALID"),
        (replace(CALENDAR, days=(("2026-05-01", "x" * 201, ()),)), "calendar.days", "CALENDAR_REASON_TOO_LONG"),
        (replace(CALENDAR, days=(("2026-05-01", "", ()),) * 2), "calendar.days", "CALENDAR_DATE_REPEATED"),
        (replace(CALENDAR, days=(("2026-05-01", "", (("9", "1"),)),)), "calendar.days", "CALENDAR_HOURS_INVALID"),
        (replace(CALENDAR, days=DAYS), "calendar.days", "CALENDAR_DAYS_TOO_MANY"),
        (replace(CALENDAR, display_names={"": "x"}), "calendar.display_names", "DISPLAY_NAME_INVALID"),
    ],
)
def test_calendars_that_cannot_be_published(draft: Draft, field: str, reason: str) -> None:
    """Each refusal names the field of the request, in the request's own words."""
    with pytest.raises(Refusal) as caught:
        calendar.publish(None, draft, by=ADMIN)

    assert (caught.value.field, caught.value.reason) == (field, reason)


@pytest.mark.parametrize(
    ("draft", "field", "reason"),
    [
        (replace(POLICY, name="policies/"), "policy.name", "NAME_INVALID"),
        (replace(POLICY, order=-1), "policy.order", "POLICY_ORDER_INVALID"),
        (replace(POLICY, match=Match(frozenset({5}))), "policy.match.priorities", "PRIORITY_INVALID"),
        (
            replace(POLICY, match=Match(services=frozenset(map(str, range(201))))),
            "policy.match",
            "POLICY_MATCH_TOO_LONG",
        ),
        (replace(POLICY, calendar="calendars/none"), "policy.calendar", "CALENDAR_UNKNOWN"),
        (replace(POLICY, targets=()), "policy.targets", "TARGET_MISSING"),
        (replace(POLICY, targets=(TARGET, TARGET)), "policy.targets", "TARGET_REPEATED"),
        (replace(POLICY, display_names={"en": "x" * 201}), "policy.display_names", "DISPLAY_NAME_INVALID"),
    ],
)
def test_policies_that_cannot_be_published(draft: Policy, field: str, reason: str) -> None:
    """Each refusal names the field of the request."""
    with pytest.raises(Refusal) as caught:
        policy.publish(None, draft, calendars=[OFFICE.name], by=ADMIN)

    assert (caught.value.field, caught.value.reason) == (field, reason)


@pytest.mark.parametrize(
    ("target", "field", "reason"),
    [
        (replace(TARGET, duration=timedelta()), "duration", "TARGET_DURATION_INVALID"),
        (replace(TARGET, duration=timedelta(seconds=1.5)), "duration", "TARGET_DURATION_INVALID"),
        (replace(TARGET, duration=timedelta(days=3651)), "duration", "TARGET_DURATION_INVALID"),
        (replace(TARGET, stop_mark=StopMark.RESPONDED), "stop_mark", "STOP_MARK_INVALID"),
        (replace(TARGET, kind=ClockKind.RESPONSE), "stop_mark", "STOP_MARK_INVALID"),
        (replace(TARGET, pause_states=frozenset({TicketState.RESOLVED})), "pause_states", "PAUSE_STATE_INVALID"),
        (replace(TARGET, warn_percent=100), "warn_percent", "WARN_PERCENT_INVALID"),
    ],
)
def test_targets_that_cannot_be_promised(target: Target, field: str, reason: str) -> None:
    """The field is named with the place of the target in the list."""
    with pytest.raises(Refusal) as caught:
        policy.publish(None, replace(POLICY, targets=(target,)), calendars=[OFFICE.name], by=ADMIN)

    assert (caught.value.field, caught.value.reason) == (f"policy.targets[0].{field}", reason)


def test_a_clock_that_ends_at_closing_may_pause_while_resolved() -> None:
    """Only there the resolved state is one in which the clock would run."""
    target = replace(TARGET, stop_mark=StopMark.CLOSED, pause_states=frozenset({TicketState.RESOLVED}))
    published, told = policy.publish(None, replace(POLICY, targets=(target,)), calendars=[OFFICE.name], by=ADMIN)

    assert (published.version, len(told)) == (1, 1)


def test_a_calendar_has_an_end_of_versions() -> None:
    """A document stays bounded: after five hundred versions another name is asked for."""
    first, _ = calendar.publish(None, CALENDAR, by=ADMIN)
    full = Calendar(first.name, first.editions * calendar.VERSIONS_KEPT)
    with pytest.raises(Refusal) as caught:
        calendar.publish(full, replace(CALENDAR, zone="UTC"), by=ADMIN)

    assert caught.value.reason == "CALENDAR_VERSIONS_FULL"


def test_only_administrators_change_what_is_promised() -> None:
    """Neither an agent nor a service may publish or retire."""
    published, _ = policy.publish(None, POLICY, calendars=[OFFICE.name], by=ADMIN)
    for actor in (Actor("people/ben", frozenset({"agent", "lead", "operator"})), system("tickets")):
        with pytest.raises(Refusal, match="ROLE_REQUIRED"):
            calendar.publish(None, CALENDAR, by=actor)
        with pytest.raises(Refusal, match="ROLE_REQUIRED"):
            policy.publish(None, POLICY, calendars=[OFFICE.name], by=actor)
        with pytest.raises(Refusal, match="ROLE_REQUIRED"):
            policy.retire(published, by=actor)


@pytest.mark.parametrize(
    ("actor", "visible"),
    [
        (Actor("people/ann", frozenset({"requester"}), unit="cn/west"), True),
        (Actor("people/eve", frozenset({"requester"}), unit="cn/east"), False),
        (Actor("people/ben", frozenset({"agent"}), unit="cn/east"), True),
        (Actor("people/ben", frozenset({"agent"}), unit="cn/east/pudong"), False),
        (Actor("people/ben", frozenset({"agent"}), unit="cn/ea"), False),
        (Actor("people/ben", frozenset({"agent"}), unit="cn"), True),
        (Actor("people/ben", frozenset({"agent"})), True),
        (system("metrics"), True),
    ],
)
def test_who_sees_the_clocks_of_a_ticket(actor: Actor, *, visible: bool) -> None:
    """The requester, staff of the unit or above it, and services; for others there is no such ticket."""
    assert access.sees(actor, "people/ann", "cn/east") is visible
    if visible:
        access.own(actor, "clocks/INC-000001", "people/ann", "cn/east")
    else:
        with pytest.raises(Refusal, match="NOT_FOUND"):
            access.own(actor, "clocks/INC-000001", "people/ann", "cn/east")


def test_the_first_policy_that_matches_wins() -> None:
    """All lists of a match must hold, an empty one holds always, and a retired policy is passed over."""
    facts = Facts(2, TicketType.REQUEST, "services/vpn", "")
    for match, holds in (
        (Match(), True),
        (Match(priorities=frozenset({1, 2})), True),
        (Match(priorities=frozenset({1})), False),
        (Match(types=frozenset({TicketType.INCIDENT})), False),
        (Match(services=frozenset({"services/vpn"}), types=frozenset({TicketType.REQUEST})), True),
        (Match(services=frozenset({"services/mail"})), False),
        (Match(sources=frozenset({"uci"})), False),
        (Match(sources=frozenset({""})), True),
    ):
        assert match.holds(facts) is holds
    first, second = replace(POLICY, retired=True), replace(POLICY, name="policies/y")
    assert Book((first, second)).choose(facts) is second


def test_a_promise_ends_in_business_hours() -> None:
    """Two hours from 17:00 on a Friday are up at 10:00 on the next working day; nothing matching promises nothing."""
    rules = book(made(3, promised(ClockKind.RESOLUTION, 120)))
    friday = datetime(2026, 9, 25, 9, 0, tzinfo=UTC)
    found = promise.preview(rules, Facts(3, TicketType.INCIDENT, "", ""), friday)

    assert found is not None
    # The Sunday after it is a make-up morning in this calendar.
    assert found.resolution_due_at == datetime(2026, 9, 27, 2, 0, tzinfo=UTC)
    assert (found.response_due_at, found.calendar) == (None, kept(OFFICE).latest)
    assert promise.preview(rules, Facts(4, TicketType.INCIDENT, "", ""), friday) is None


def test_what_cannot_be_reached_is_not_due() -> None:
    """A calendar that opens on one single past day gives no due moment instead of an error."""
    once = Draft("calendars/once", "UTC", (), (("2026-01-01", "", (("00:00", "24:00"),)),))
    published, _ = calendar.publish(None, once, by=ADMIN)
    rules = Book((replace(POLICY, calendar=once.name),), {once.name: published})
    found = promise.preview(rules, Facts(3, TicketType.INCIDENT, "", ""), at(0))

    assert found is not None
    assert found.resolution_due_at is None


def test_every_reason_of_the_rules_is_explained() -> None:
    """docs/reasons/sla.toml lists each reason that these rules give, in both languages, and no other."""
    root = Path(__file__).parents[3]
    listed = tomllib.loads((root / "docs/reasons/sla.toml").read_text())["reason"]
    text = "".join(path.read_text() for path in (root / "services/sla").rglob("*.py"))

    assert all(one[key] for one in listed for key in ("reason", "when", "when_zh", "do", "do_zh"))
    assert [one["reason"] for one in listed] == sorted({one["reason"] for one in listed})
    assert all(f'"{one["reason"]}"' in text for one in listed)
