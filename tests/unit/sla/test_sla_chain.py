"""Chains by their rules alone: when steps come, what stops them, whom they reach; and wire and store give them back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import bson
import pytest
from bson.codec_options import CodecOptions
from hypothesis import given, settings
from hypothesis import strategies as st

from services.runtime.actor import Actor
from services.runtime.records import Kind, Stamp
from services.runtime.refusal import Refusal
from services.runtime.worktime import SegmentKind, elapsed
from services.sla.rules import chain as rules
from services.sla.rules import escalation as plans
from services.sla.rules.book import Book
from services.sla.rules.chain import Chain, Clocks, EscalationEnded, EscalationStepReached, Subject
from services.sla.rules.clock import ClockState
from services.sla.rules.directory import Colleague, Directory, Group
from services.sla.rules.escalation import Anchor, Measure, Plan, PlanMatch, Quiet, Recipient, Role, Step, Wanted
from services.sla.rules.foresight import preview, seen
from services.sla.rules.policy import ClockKind
from services.sla.rules.rota import HandOver, Layer, Rota
from services.sla.rules.rungs import ClockSeen, moment
from services.sla.rules.ticket import TicketType
from services.sla.rules.told import Outcome, Shelved, resolve
from services.sla.store import CHAINS, PLANS, ROTAS
from services.sla.wire import chain as chain_wire
from services.sla.wire import clocks as clocks_wire
from services.sla.wire import escalation as plan_wire
from services.sla.wire import rota as rota_wire
from tests.unit.sla import history
from tests.unit.sla.history import ALWAYS_OPEN, OFFICE, books, histories, run

_AWARE: CodecOptions[Mapping[str, Any]] = CodecOptions(tz_aware=True, tzinfo=UTC)
ROOT = Actor("people/root", frozenset({"administrator"}))
BEN = Actor("people/ben", frozenset({"agent"}), unit="cn/east")
ZERO, MINUTE, HOUR = history.ZERO, timedelta(minutes=1), timedelta(hours=1)
P1 = Wanted(1, TicketType.INCIDENT, "services/tills", "teams/desk")
DIRECTORY = Directory(
    {name: Colleague(name, staff=True) for name in ("people/ben", "people/mei")},
    {"teams/desk": Group({"en": "Desk"}, "people/mei")},
)
BOOK = Book((), {ALWAYS_OPEN.name: history.calendar(ALWAYS_OPEN), OFFICE.name: history.calendar(OFFICE)})
LEAD, MINE, TEAM = Recipient(Role.LEAD), Recipient(Role.ASSIGNEE), Recipient(Role.TEAM)


def step(amount: int, measure: Measure = Measure.PERCENT, *to: Recipient, anchor: Anchor = Anchor.DUE) -> Step:
    """A step of the resolution clock."""
    return Step(ClockKind.RESOLUTION, measure, anchor, amount, to or (LEAD,))


def plan(*steps: Step, name: str = "x", quiet: Quiet | None = None, **match: Any) -> Plan:
    """A plan in force."""
    return Plan(f"escalationPlans/{name}", 10, PlanMatch(**match), steps, quiet, version=1)


def clock(minutes: int, **fields: Any) -> ClockSeen:
    """A resolution clock that has run since ZERO."""
    due = ZERO + minutes * MINUTE
    running = ClockSeen(ClockKind.RESOLUTION, ClockState.RUNNING, minutes * MINUTE, ZERO, ZERO, timedelta(), due, None)
    return replace(running, **fields)


def clocks(*seen: ClockSeen, priority: int = 1) -> Clocks:
    """These clocks as an event tells them."""
    return Clocks(priority, ALWAYS_OPEN.name, 1, importing=False, clocks=seen)


def begun(*made: Plan, wanted: Wanted = P1, minutes: int = 60, at: datetime = ZERO) -> tuple[Chain, Shelved]:
    """A chain that has taken the first of the plans that matches."""
    shelved = Shelved(made, {}, DIRECTORY)
    chain, _ = rules.take_subject(Chain(history.TICKET), Subject(wanted, "cn/east", "people/ben"), at, BOOK, shelved)
    chain, _ = rules.take_clocks(chain, clocks(clock(minutes), priority=wanted.priority), at, BOOK, shelved)
    return chain, shelved


def at(minute: float) -> datetime:
    """The instant of a minute."""
    return ZERO + minute * MINUTE


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (step(50), 30),
        (step(150), 90),
        (step(-15, Measure.WALL), 45),
        (step(-15, Measure.BUSINESS), 45),
        (step(0, Measure.WALL), 60),
        (step(20, Measure.WALL), 80),
        (step(10, Measure.WALL, anchor=Anchor.START), 10),
        (step(10, Measure.BUSINESS, anchor=Anchor.START), 10),
        (step(-600, Measure.WALL), 0),
        (step(-600, Measure.BUSINESS), 0),
    ],
)
def test_when_a_step_comes(one: Step, expected: int) -> None:
    """Around the clock wall and service time agree; nothing comes before the start."""
    assert moment(one, 0, clock(60), ALWAYS_OPEN) == at(expected)


def test_business_steps_follow_the_calendar_and_wall_steps_the_wall() -> None:
    """Opened Thursday 08:00, due after four hours of service at 14:00; the lunch is no service time, but wall time."""
    due = ZERO + 6 * HOUR
    asked = clock(240, due_at=due)
    assert moment(step(-90, Measure.BUSINESS), 0, asked, OFFICE) == ZERO + 3.5 * HOUR
    assert moment(step(-90, Measure.WALL), 0, asked, OFFICE) == ZERO + 4.5 * HOUR
    assert moment(step(360, Measure.BUSINESS), 0, asked, OFFICE) == datetime(2026, 9, 25, 3, tzinfo=UTC)


def test_pauses_do_not_count_and_a_paused_clock_tells_nothing_to_come() -> None:
    """Breached at 60, paused from 70 to 100: twenty minutes after the due time are over at 110."""
    spans = (
        (at(0), at(70), SegmentKind.RUNNING),
        (at(70), at(100), SegmentKind.PAUSED),
    )
    on = clock(60, since=at(100), elapsed=70 * MINUTE, breached_at=at(60), spans=spans)
    assert moment(step(20, Measure.WALL), 0, on, ALWAYS_OPEN) == at(110)
    assert moment(step(20, Measure.BUSINESS), 0, on, ALWAYS_OPEN) == at(110)
    paused = replace(on, state=ClockState.PAUSED, since=at(100))
    assert moment(step(20, Measure.WALL), 0, paused, ALWAYS_OPEN) is None
    assert moment(step(5, Measure.WALL), 0, paused, ALWAYS_OPEN) == at(65)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(steps=histories(), book=books(), share=st.integers(1, 200))
def test_a_share_of_the_target_is_reached_when_the_clock_says_so(
    steps: list[history.Step], book: Book, share: int
) -> None:
    """For every history: at the moment of a step the clock has run for exactly its share of the target."""
    after, _ = run(steps, book)
    for one in after.clocks:
        if not one.live or not one.terms.duration:
            continue
        calendar = book.version(after.calendar, after.calendar_version)
        asked = Step(one.kind, Measure.PERCENT, Anchor.DUE, share, (LEAD,))
        found = moment(asked, 0, seen(one), calendar)
        wanted = one.terms.duration * share / 100
        if found is None:
            assert one.state is ClockState.PAUSED
            assert one.elapsed < wanted
        elif found >= one.since.at and one.state is ClockState.RUNNING:
            assert one.elapsed + elapsed(calendar, one.since.at, found) == wanted
        else:
            assert one.elapsed >= wanted
        if share == 100 and found is not None:
            assert found == one.due_at


def test_steps_are_told_in_order_each_once() -> None:
    """Only the next one may be told; afterwards it is not ahead any more."""
    chain, shelved = begun(plan(step(80), step(50, Measure.PERCENT, MINE)))
    first, second = rules.pending(chain)
    assert [first.step, second.step] == [2, 1]
    assert rules.reach(chain, second, at(50), shelved) == (chain, ())
    after, told = rules.reach(chain, first, at(31), shelved)
    assert isinstance(told[0], EscalationStepReached)
    assert (told[0].step.rung.at, told[0].step.fired_at) == (at(30), at(31))
    assert [one.name for one in told[0].step.told] == ["people/ben"]
    assert list(rules.pending(after)) == [second]
    assert rules.reach(after, first, at(32), shelved) == (after, ())


def test_a_repeated_step_comes_again() -> None:
    """Twice more, every ten minutes."""
    again = replace(step(50), repeats=2, every=10 * MINUTE)
    chain, _ = begun(plan(again))
    assert [(one.round, one.at) for one in rules.pending(chain)] == [(1, at(30)), (2, at(40)), (3, at(50))]


def test_a_plan_taken_late_tells_the_last_of_what_is_over_alone() -> None:
    """Raised to P1 after 50 of 60 minutes: of the moments at 15, 30 and 45 only the last is told; 54 comes."""
    low, high = (
        plan(step(90), name="low", priorities=frozenset({3})),
        plan(step(25), step(50), step(75), step(90), name="high", priorities=frozenset({1})),
    )
    chain, shelved = begun(low, high, wanted=replace(P1, priority=3))
    subject = Subject(P1, "cn/east", "people/ben")
    waiting, _ = rules.take_subject(chain, subject, at(50), BOOK, shelved)
    assert list(rules.pending(waiting)) == []
    raised, _ = rules.take_clocks(waiting, clocks(clock(60)), at(50), BOOK, shelved)
    assert [(one.step, one.at) for one in rules.pending(raised)] == [(3, at(45)), (4, at(54))]


def test_a_reassigned_ticket_keeps_the_version_of_its_plan() -> None:
    """What was told is not told again because somebody published the plan anew."""
    chain, shelved = begun(plan(step(25), step(50)))
    chain, _ = rules.reach(chain, next(rules.pending(chain)), at(15), shelved)
    newer = replace(shelved, plans=(replace(plan(step(25), step(50)), version=2),))
    moved = Subject(replace(P1, team="teams/net"), "cn/east", "")
    chain, _ = rules.take_subject(chain, moved, at(20), BOOK, newer)
    assert chain.plan is not None
    assert chain.plan.version == 1
    assert [one.step for one in rules.pending(chain)] == [2]


def test_it_ends_with_its_clocks_and_begins_again_with_them() -> None:
    """One EscalationEnded; a clock that lives again has what is still to come."""
    chain, shelved = begun(plan(step(50)))
    chain, _ = rules.acknowledge(chain, "x", None, "mine", by=BEN, now=at(5))
    met = clock(60, state=ClockState.MET)
    ended, told = rules.take_clocks(chain, clocks(met), at(10), BOOK, shelved)
    assert [type(one) for one in told] == [EscalationEnded]
    assert (ended.ended_at, ended.acknowledged) == (at(10), None)
    assert rules.take_clocks(ended, clocks(met), at(11), BOOK, shelved)[1] == ()
    back, _ = rules.take_clocks(ended, clocks(clock(60)), at(12), BOOK, shelved)
    assert [one.step for one in rules.pending(back)] == [1]


def test_quiet_hours_hold_until_their_end_across_midnight() -> None:
    """22:00 to 07:30 in Shanghai; a priority that breaks through is told at once."""
    quiet = Quiet("Asia/Shanghai", 22 * 3600, 7 * 3600 + 1800, frozenset({1}))
    night = datetime(2026, 9, 24, 18, tzinfo=UTC)  # 02:00 of the 25th
    assert plans.held(quiet, 2, night) == datetime(2026, 9, 24, 23, 30, tzinfo=UTC)
    assert plans.held(quiet, 1, night) == night
    evening = datetime(2026, 9, 24, 14, tzinfo=UTC)
    assert plans.held(quiet, 2, evening) == datetime(2026, 9, 24, 23, 30, tzinfo=UTC)
    for free in (datetime(2026, 9, 24, 23, 30, tzinfo=UTC), evening - MINUTE):
        assert plans.held(quiet, 2, free) == free


def test_whom_a_step_reaches_and_why_nobody() -> None:
    """Each once, with a reason where there is nobody; a step that reaches nobody goes to the team."""
    rota = Rota("rotas/x", "UTC", (Layer(("people/mei",), HandOver.DAILY, ZERO.date(), 0),), 7)
    shelved = Shelved((), {"rotas/x": rota}, DIRECTORY)
    on_call = Recipient(Role.ON_CALL, "rotas/x")
    told = resolve((MINE, on_call, LEAD), assignee="people/ben", team="teams/desk", shelved=shelved, at=at(600))
    assert [(one.name, one.outcome) for one in told] == [
        ("people/ben", Outcome.TOLD),
        ("people/mei", Outcome.TOLD),
    ]
    none = resolve(
        (MINE, Recipient(Role.PERSON, "people/old")), assignee="", team="teams/desk", shelved=shelved, at=ZERO
    )
    assert [one.outcome for one in none] == [Outcome.NOBODY_ASSIGNED, Outcome.PERSON_GONE, Outcome.STAND_IN]
    early = resolve((on_call,), assignee="", team="", shelved=shelved, at=ZERO - 30 * HOUR)
    assert [one.outcome for one in early] == [Outcome.NOBODY_ON_CALL]


def test_who_may_acknowledge_and_until_when() -> None:
    """Not a requester, not another unit, not for the past; what falls into the time stated is not told."""
    chain, shelved = begun(plan(step(25), step(50)))
    for actor in (Actor("people/li"), Actor("people/wei", frozenset({"agent"}), unit="cn/west")):
        with pytest.raises(Refusal, match="NOT_FOUND"):
            rules.acknowledge(chain, "x", None, "", by=actor, now=at(1))
    with pytest.raises(Refusal, match="UNTIL_INVALID"):
        rules.acknowledge(chain, "x", at(0), "", by=BEN, now=at(1))
    taken, _ = rules.acknowledge(chain, "x", at(20), "", by=BEN, now=at(1))
    assert [one.step for one in rules.pending(taken)] == [2]
    assert rules.in_hand(taken, at(19))
    assert not rules.in_hand(taken, at(20))
    forever, _ = rules.acknowledge(chain, "x", None, "", by=BEN, now=at(1))
    assert list(rules.pending(forever)) == []
    breached = clocks(clock(60, breached_at=at(60)))
    again, _ = rules.take_clocks(forever, breached, at(60), BOOK, shelved)
    assert list(rules.pending(again)) == []
    assert not rules.in_hand(again, at(60))


def test_plans_and_rotas_go_through_wire_and_store() -> None:
    """What was published is what is answered and stored; sent back as a draft it is nothing new."""
    made = plan(
        replace(step(50, Measure.PERCENT, MINE, LEAD), repeats=2, every=15 * MINUTE),
        step(-15, Measure.WALL, Recipient(Role.ON_CALL, "rotas/x"), anchor=Anchor.DUE),
        quiet=Quiet("Asia/Shanghai", 79_200, 27_000, frozenset({1})),
        priorities=frozenset({1, 2}),
        teams=frozenset({"teams/desk"}),
    )
    published, told = plans.publish(None, made, ["rotas/x"], by=ROOT)
    assert len(told) == 1
    assert _through_store(PLANS, published) == published
    again, told = plans.publish(published, plan_wire.draft(plan_wire.plan(published, "")), ["rotas/x"], by=ROOT)
    assert (again, told) == (published, ())
    layer = Layer(("people/ben",), HandOver.WEEKLY, ZERO.date(), 32_400, hours=OFFICE.weekly)
    rota = Rota("rotas/x", "Asia/Shanghai", (layer,), 7, {"en": "X"})
    assert _through_store(ROTAS, rota) == rota
    assert rota_wire.draft(rota_wire.rota(rota, "")) == rota


@settings(max_examples=40, deadline=None, derandomize=True)
@given(steps=histories(), book=books())
def test_chains_survive_the_store_and_see_clocks_as_they_are(steps: list[history.Step], book: Book) -> None:
    """Clocks told by wire are the clocks of the rules, and a chain made of them comes back from its document."""
    after, _ = run(steps, book)
    told = chain_wire.clocks(clocks_wire.ticket_clocks(after, ""))
    assert told.clocks == tuple(seen(one) for one in after.clocks)
    shelved = Shelved((plan(step(50), replace(step(0, Measure.WALL), repeats=1, every=HOUR)),), {}, DIRECTORY)
    wanted = replace(P1, priority=told.priority)
    chain, _ = rules.take_subject(Chain(after.ticket), Subject(wanted, "cn", ""), ZERO, book, shelved)
    chain, _ = rules.take_clocks(chain, told, after.last_at, book, shelved)
    for rung in list(rules.pending(chain))[:1]:
        chain, _ = rules.reach(chain, rung, rung.at, shelved)
    assert _through_store(CHAINS, chain) == chain
    deadlines = list(CHAINS.deadlines(chain))
    assert [one.at for one in deadlines] == [one.at for one in list(rules.pending(chain))[:1]]
    message: Any = CHAINS.message(EscalationEnded(chain), Stamp("escalations/INC-000001", 7, 9, ZERO))
    assert (message.escalation.etag, message.escalation.ticket) == ('"7"', after.ticket)


def test_a_preview_says_who_would_be_told_when() -> None:
    """For a P1 opened now: half of an hour, then the end of it; without a promise, nothing."""
    promised = history.policy(1, history.target(ClockKind.RESOLUTION, 60), version=ALWAYS_OPEN)
    book = Book((promised,), BOOK.calendars)
    shelved = Shelved((plan(step(50), step(0, Measure.WALL, TEAM)),), {}, DIRECTORY)
    told = preview(book, shelved, P1, ZERO)
    assert [(one.rung.at, [to.name for to in one.told]) for one in told.steps] == [
        (at(30), ["people/mei"]),
        (at(60), ["teams/desk"]),
    ]
    assert preview(BOOK, shelved, P1, ZERO).steps == ()
    with pytest.raises(Refusal, match="NOT_FOUND"):
        preview(book, shelved, P1, ZERO, "escalationPlans/none")


@pytest.mark.parametrize(
    ("wrong", "reason", "field"),
    [
        ({"steps": ()}, "PLAN_STEPS_INVALID", "plan.steps"),
        ({"order": -1}, "PLAN_ORDER_INVALID", "plan.order"),
        ({"steps": (step(0),)}, "STEP_AMOUNT_INVALID", "plan.steps[0].amount"),
        ({"steps": (replace(step(1), recipients=()),)}, "STEP_RECIPIENTS_INVALID", "plan.steps[0].recipients"),
        ({"steps": (replace(step(1), repeats=2),)}, "STEP_REPEAT_INVALID", "plan.steps[0].repeat_minutes"),
        ({"steps": (step(1, Measure.PERCENT, Recipient(Role.ON_CALL, "rotas/none")),)}, "ROTA_UNKNOWN", ""),
        ({"steps": (step(1, Measure.PERCENT, Recipient(Role.PERSON)),)}, "RECIPIENT_INVALID", ""),
        ({"quiet": Quiet("Asia/Atlantis", 0, 1)}, "CALENDAR_ZONE_UNKNOWN", "plan.quiet_hours.time_zone"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(wrong: dict[str, Any], reason: str, field: str) -> None:
    """The reason and the field that is at fault."""
    with pytest.raises(Refusal) as caught:
        plans.publish(None, replace(plan(step(50)), **wrong), [], by=ROOT)
    assert caught.value.reason == reason
    assert caught.value.field == (field or "plan.steps[0].recipients[0].name")


def _through_store(kind: Kind[Any], state: object) -> object:
    """The state as it comes back from the database."""
    document: Mapping[str, Any] = bson.decode(bson.encode(kind.encode(state)), _AWARE)
    return kind.decode(document)
