"""All clocks of one ticket, what is told of them, and when they must be looked at again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.runtime.actor import Actor
from services.sla.rules import clock as clock_rules
from services.sla.rules.access import works
from services.sla.rules.book import Book, unverified_years
from services.sla.rules.clock import Clock, ClockState
from services.sla.rules.history import Step
from services.sla.rules.target import INTERNAL, ClockKind
from services.sla.rules.ticket import Facts, Impact, Turn


@dataclass(frozen=True, slots=True)
class TicketClocks:
    """The clocks of a ticket. policy and calendar: the versions pinned when they started or were chosen anew, "" and 0
    without a promise.

    facts: of the ticket now; chosen_for: those that the policy was chosen by.
    trail: the ticket's states since it was opened, so that a promise made later counts from the opening.
    impact: when the impact began, None while that is not known.
    history: what they were folded from, kept by whoever hears the events; the fold itself does not read it.
    last_at: the latest event; passed: the latest deadline that a timer found to have passed, None before the first.
    """

    ticket: str
    requester: str
    unit: str
    team: str
    importing: bool
    facts: Facts
    chosen_for: Facts | None
    trail: tuple[Turn, ...]
    last_at: datetime
    passed: datetime | None = None
    policy: str = ""
    policy_version: int = 0
    calendar: str = ""
    calendar_version: int = 0
    clocks: tuple[Clock, ...] = ()
    history: tuple[Step, ...] = ()
    impact: Impact | None = None

    @property
    def live(self) -> bool:
        """Whether any clock runs or is paused."""
        return any(one.live for one in self.clocks)

    @property
    def horizon(self) -> datetime:
        """The latest moment that is known to have passed."""
        return self.last_at if self.passed is None else max(self.last_at, self.passed)


@dataclass(frozen=True, slots=True)
class ClocksStarted:
    """The ticket got its first clocks."""

    clocks: TicketClocks


@dataclass(frozen=True, slots=True)
class ClocksChanged:
    """They were paused, resumed, given another promise, or judged anew."""

    clocks: TicketClocks


@dataclass(frozen=True, slots=True)
class ClockWarned:
    """The share of the target at which to warn is used up while there is still time."""

    clocks: TicketClocks
    kind: ClockKind


@dataclass(frozen=True, slots=True)
class ClockBreached:
    """The target is used up."""

    clocks: TicketClocks
    kind: ClockKind


@dataclass(frozen=True, slots=True)
class ClockStopped:
    """Met, missed or cancelled."""

    clocks: TicketClocks
    kind: ClockKind


ClocksEvent = ClocksStarted | ClocksChanged | ClockWarned | ClockBreached | ClockStopped


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment at which the clocks must be looked at again. warning: else a breach."""

    kind: ClockKind
    warning: bool
    at: datetime


def moments(clocks: TicketClocks) -> Iterator[Moment]:
    """When the clocks must be looked at again: never while a history is imported or nothing runs."""
    if clocks.importing:
        return
    for one in clocks.clocks:
        if one.state is not ClockState.RUNNING or one.breached_at is not None:
            continue
        if one.due_at is not None:
            yield Moment(one.kind, warning=False, at=one.due_at)
        if one.warn_at is not None and one.warned_at is None:
            yield Moment(one.kind, warning=True, at=one.warn_at)


def remaining(clocks: TicketClocks, book: Book, now: datetime) -> dict[ClockKind, timedelta]:
    """The business time left at `now` of each clock that runs or is paused; negative when overdue.

    Raises:
        NotYet: the book is older than the calendar that the clocks have pinned.
    """
    live = [one for one in clocks.clocks if one.live]
    if not live:
        return {}
    calendar = book.version(clocks.calendar, clocks.calendar_version)
    return {one.kind: clock_rules.remaining(one, calendar, now) for one in live}


def unverified(clocks: TicketClocks, book: Book, now: datetime) -> dict[ClockKind, tuple[int, ...]]:
    """For each running clock the years from now to its due time whose public holidays nobody has confirmed.

    Raises:
        NotYet: the book is older than the calendar that the clocks have pinned.
    """
    dues = {one.kind: one.due_at for one in clocks.clocks if one.state is ClockState.RUNNING and one.due_at is not None}
    if not dues:
        return {}
    calendar = book.version(clocks.calendar, clocks.calendar_version)
    return {kind: unverified_years(calendar, now, due) for kind, due in dues.items() if due > now}


def shown(clocks: TicketClocks, actor: Actor) -> TicketClocks:
    """What the actor may see of the clocks: what others owe us is not for requesters."""
    if works(actor):
        return clocks
    return replace(clocks, clocks=tuple(one for one in clocks.clocks if one.kind not in INTERNAL))
