"""Made-up histories of one ticket, in whole minutes, and the rules run over them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from services.runtime.actor import Actor
from services.runtime.worktime import ALL_DAY, CLOSED, CalendarVersion, DateOverride, hours, workweek
from services.sla.rules.book import Book
from services.sla.rules.calendar import Calendar, Edition
from services.sla.rules.clocks import ClocksEvent, TicketClocks
from services.sla.rules.fold import fold
from services.sla.rules.policy import ClockKind, Match, Policy, StopMark, Target
from services.sla.rules.ticket import Facts, Seen, TicketState, TicketType

ADMIN = Actor("people/root", roles=frozenset({"administrator"}))
MINUTE = timedelta(minutes=1)
# A Thursday 08:00 in Shanghai; the week after it has a holiday, the weekend between a make-up workday.
ZERO = datetime(2026, 9, 24, 0, 0, tzinfo=UTC)
TICKET = "tickets/INC-000001"

OFFICE = CalendarVersion(
    name="calendars/office",
    version=1,
    zone="Asia/Shanghai",
    effective_from=datetime(1970, 1, 1, tzinfo=UTC),
    weekly=workweek(hours("09:00-12:00", "13:00-18:00")),
    overrides=(
        DateOverride(datetime(2026, 9, 27, tzinfo=UTC).date(), hours("09:00-12:00"), "make-up day"),
        DateOverride(datetime(2026, 9, 29, tzinfo=UTC).date(), CLOSED, "holiday"),
    ),
)
ALWAYS_OPEN = CalendarVersion(
    name="calendars/always",
    version=1,
    zone="UTC",
    effective_from=datetime(1970, 1, 1, tzinfo=UTC),
    weekly=workweek(ALL_DAY, ALL_DAY),
)


@dataclass(frozen=True, slots=True)
class Step:
    """What a ticket is like from `minute` (since ZERO) on."""

    minute: int
    state: TicketState
    priority: int = 3
    responded: bool = False
    importing: bool = False


def at(minute: int) -> datetime:
    """The instant of a minute."""
    return ZERO + minute * MINUTE


def calendar(version: CalendarVersion) -> Calendar:
    """A calendar of that one version."""
    return Calendar(version.name, (Edition(version, {}),))


def target(
    kind: ClockKind,
    minutes: int,
    *,
    pauses: frozenset[TicketState] = frozenset(),
    stop: StopMark | None = None,
    warn: int = 0,
) -> Target:
    """A promise of so many business minutes."""
    usual = StopMark.RESPONDED if kind is ClockKind.RESPONSE else StopMark.RESOLVED
    return Target(kind, minutes * MINUTE, stop or usual, pauses, warn)


def policy(priority: int, *targets: Target, version: CalendarVersion = OFFICE) -> Policy:
    """A policy in force for one priority."""
    return Policy(
        name=f"policies/p{priority}",
        order=priority,
        match=Match(priorities=frozenset({priority})),
        targets=targets,
        calendar=version.name,
        version=1,
    )


def book(*policies: Policy) -> Book:
    """A book of these policies and both calendars."""
    return Book(policies, {one.name: calendar(one) for one in (OFFICE, ALWAYS_OPEN)})


def seen(step: Step, responded_at: datetime | None, opened: int = 0) -> Seen:
    """The ticket at a step."""
    return Seen(
        name=TICKET,
        state=step.state,
        facts=Facts(step.priority, TicketType.INCIDENT, "", ""),
        requester="people/li-na",
        unit="cn/east",
        team="teams/desk",
        opened_at=at(opened),
        responded_at=responded_at,
        importing=step.importing,
    )


def cause(index: int) -> str:
    """The id of the event of a step."""
    return f"{TICKET}/{index + 1}/0~1"


def run(steps: list[Step], rules: Book) -> tuple[TicketClocks, list[ClocksEvent]]:
    """The clocks after all steps, and everything that was told."""
    clocks: TicketClocks | None = None
    told: list[ClocksEvent] = []
    responded_at: datetime | None = None
    for index, step in enumerate(steps):
        if step.responded and responded_at is None:
            responded_at = at(step.minute)
        clocks, events = fold(clocks, seen(step, responded_at, steps[0].minute), at(step.minute), cause(index), rules)
        told += events
    assert clocks is not None
    return clocks, told


_OPEN = (TicketState.NEW, TicketState.IN_PROGRESS, TicketState.AWAITING_REQUESTER, TicketState.ON_HOLD)
_PAUSES = st.frozensets(st.sampled_from((*_OPEN[1:],)), max_size=2)


@st.composite
def targets(draw: st.DrawFn) -> tuple[Target, ...]:
    """A response target, a resolution target, or both."""
    found = []
    which = draw(st.sampled_from(("response", "resolution", "both", "both")))
    if which != "resolution":
        found.append(
            target(
                ClockKind.RESPONSE, draw(st.integers(1, 900)), pauses=draw(_PAUSES), warn=draw(st.sampled_from((0, 50)))
            )
        )
    if which != "response":
        stop = draw(st.sampled_from((StopMark.RESOLVED, StopMark.CLOSED)))
        warn = draw(st.sampled_from((0, 75)))
        found.append(
            target(ClockKind.RESOLUTION, draw(st.integers(1, 2500)), pauses=draw(_PAUSES), stop=stop, warn=warn)
        )
    return tuple(found)


@st.composite
def books(draw: st.DrawFn) -> Book:
    """Policies for priorities 2 and 3, often 1; priority 4 and 0 are promised nothing."""
    policies = [
        policy(priority, *draw(targets()), version=draw(st.sampled_from((OFFICE, OFFICE, ALWAYS_OPEN))))
        for priority in (1, 2, 3)
    ]
    if draw(st.booleans()):
        del policies[0]
    return book(*policies)


@st.composite
def histories(draw: st.DrawFn) -> list[Step]:
    """Up to a dozen steps in up to a fortnight, with pauses, reopens, priority changes and repeats of one minute."""
    count = draw(st.integers(1, 12))
    gaps = draw(st.lists(st.one_of(st.integers(0, 90), st.integers(0, 2500)), min_size=count, max_size=count))
    minute = draw(st.integers(0, 2000))
    priority = draw(st.sampled_from((0, 2, 3, 3)))
    steps = [Step(minute, TicketState.NEW, priority)]
    responded = False
    for gap in gaps:
        minute += gap
        state = draw(st.sampled_from((*_OPEN, *_OPEN, TicketState.RESOLVED, TicketState.CLOSED)))
        if draw(st.integers(0, 5)) == 0:
            priority = draw(st.sampled_from((1, 2, 3, 4)))
        responded = responded or draw(st.integers(0, 5)) == 0
        steps.append(Step(minute, state, priority, responded))
    return steps
