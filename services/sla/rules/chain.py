"""The chain of one ticket: the steps of its plan, told one by one in due order until somebody takes the ticket in hand.

It follows the ticket's clocks: it moves when they move, stands still when they pause and ends when they stop.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.runtime.actor import Actor
from services.runtime.refusal import Refusal
from services.sla.rules import access
from services.sla.rules.book import Book
from services.sla.rules.escalation import Plan, Step, Wanted, choose
from services.sla.rules.rungs import ClockSeen, Rung, rungs
from services.sla.rules.told import Shelved, Told, members, resolve

WORKERS = ("agent", "lead", "operator", "administrator")
LONGEST_ACKNOWLEDGEMENT = timedelta(days=31)
_REACHED_KEPT = 200


@dataclass(frozen=True, slots=True)
class Subject:
    """The ticket as its events show it; wanted: what its plan is chosen by."""

    wanted: Wanted
    unit: str
    assignee: str


@dataclass(frozen=True, slots=True)
class Clocks:
    """The ticket's clocks as their events show them. priority: of the ticket that they know of."""

    priority: int
    calendar: str
    calendar_version: int
    importing: bool
    clocks: tuple[ClockSeen, ...]

    @property
    def live(self) -> bool:
        """Whether any of them runs or is paused."""
        return any(one.live for one in self.clocks)


@dataclass(frozen=True, slots=True)
class Reached:
    """A step that was told. terms: as the plan said it. due: rung.at; fired_at: when it was acted on."""

    rung: Rung
    fired_at: datetime
    told: tuple[Told, ...]
    terms: Step
    plan: str
    plan_version: int
    adoption: int


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """Somebody has it in hand. until: None for until a clock is breached anew."""

    by: str
    at: datetime
    until: datetime | None
    note: str


@dataclass(frozen=True, slots=True)
class Chain:
    """plan: the version that the ticket took, with chosen_for what it was chosen by; adoptions: how many it took.

    ahead: what is not told yet and has a known moment, in due order. passed: rungs that were over before the plan was
    taken. last_at: the latest event.
    """

    ticket: str
    subject: Subject | None = None
    clocks: Clocks | None = None
    plan: Plan | None = None
    chosen_for: Wanted | None = None
    adoptions: int = 0
    ahead: tuple[Rung, ...] = ()
    passed: frozenset[tuple[int, int]] = frozenset()
    reached: tuple[Reached, ...] = ()
    acknowledged: Acknowledged | None = None
    ended_at: datetime | None = None
    last_at: datetime | None = None

    @property
    def running(self) -> bool:
        """Whether it has a plan and a clock that lives."""
        return self.plan is not None and self.clocks is not None and self.clocks.live and not self.clocks.importing


@dataclass(frozen=True, slots=True)
class EscalationStepReached:
    """A step was told."""

    chain: Chain
    step: Reached


@dataclass(frozen=True, slots=True)
class EscalationAcknowledged:
    """Somebody has taken the ticket in hand."""

    chain: Chain


@dataclass(frozen=True, slots=True)
class EscalationEnded:
    """No clock lives any more, or no plan is meant for the ticket."""

    chain: Chain


ChainEvent = EscalationStepReached | EscalationAcknowledged | EscalationEnded
Folded = tuple[Chain, tuple[ChainEvent, ...]]


def take_subject(before: Chain, subject: Subject, at: datetime, book: Book, shelved: Shelved) -> Folded:
    """The chain after an event of the ticket. at: when it happened.

    Raises:
        NotYet: the book is older than the calendar that the clocks have pinned.
    """
    return _settled(before, replace(before, subject=subject), at, book, shelved)


def take_clocks(before: Chain, clocks: Clocks, at: datetime, book: Book, shelved: Shelved) -> Folded:
    """The chain after an event of the ticket's clocks.

    Raises:
        NotYet: the book is older than the calendar that the clocks have pinned.
    """
    return _settled(before, replace(before, clocks=clocks), at, book, shelved)


def pending(chain: Chain) -> Iterator[Rung]:
    """What will be told, in due order, if nothing happens meanwhile."""
    if not chain.running:
        return
    for rung in chain.ahead:
        if not _stopped(chain, rung):
            yield rung


def reach(before: Chain, rung: Rung, fired_at: datetime, shelved: Shelved) -> Folded:
    """Tells a rung when a timer finds that its moment has passed; nothing if it is not the next one any more."""
    plan, subject = before.plan, before.subject
    if rung != next(pending(before), None) or plan is None or subject is None:
        return before, ()
    step = plan.steps[rung.step - 1]
    told = resolve(step.recipients, assignee=subject.assignee, team=subject.wanted.team, shelved=shelved, at=fired_at)
    reached = Reached(rung, fired_at, told, step, plan.name, plan.version, before.adoptions)
    after = replace(
        before,
        reached=(*before.reached, reached)[-_REACHED_KEPT:],
        ahead=tuple(one for one in before.ahead if one.key != rung.key),
    )
    return after, (EscalationStepReached(after, reached),)


def acknowledge(chain: Chain, name: str, until: datetime | None, note: str, *, by: Actor, now: datetime) -> Folded:
    """Somebody takes the ticket in hand: no step is told until then, or until a clock is breached anew.

    Raises:
        Refusal: NOT_FOUND, ROLE_REQUIRED, ESCALATION_OVER, UNTIL_INVALID.
    """
    may_see(chain, name, by)
    if by.sub not in _told(chain):
        by.require(*WORKERS, to="acknowledge an escalation")
    if not chain.running:
        raise Refusal.precondition("ESCALATION_OVER", "Nothing escalates here: no plan waits for this ticket.")
    if until is not None and not now < until <= now + LONGEST_ACKNOWLEDGEMENT:
        raise Refusal.invalid(
            "until_time", "UNTIL_INVALID", f"Say until when, from now to {LONGEST_ACKNOWLEDGEMENT.days} days ahead."
        )
    after = replace(chain, acknowledged=Acknowledged(by.sub, now, until, note.strip()))
    return after, (EscalationAcknowledged(after),)


def in_hand(chain: Chain, now: datetime) -> bool:
    """Whether an acknowledgement holds at an instant for every clock that lives."""
    taken = chain.acknowledged
    if taken is None or chain.clocks is None:
        return False
    if taken.until is not None:
        return now < taken.until
    return not any(
        one.live and one.breached_at is not None and one.breached_at > taken.at for one in chain.clocks.clocks
    )


def may_see(chain: Chain, name: str, actor: Actor) -> None:
    """Who works on tickets of its unit sees a chain, and whoever was told.

    Raises:
        Refusal: NOT_FOUND.
    """
    if actor.sub in _told(chain) or not actor.teams.isdisjoint(_told(chain)):
        return
    unit = chain.subject.unit if chain.subject is not None else ""
    if not access.sees(actor, "", unit):
        raise Refusal.not_found(name)


def _told(chain: Chain) -> frozenset[str]:
    return frozenset(name for one in chain.reached for name in members(one.told))


def _stopped(chain: Chain, rung: Rung) -> bool:
    """Whether an acknowledgement keeps a rung from being told."""
    taken = chain.acknowledged
    if taken is None:
        return False
    if taken.until is not None:
        return rung.at <= taken.until
    clocks = chain.clocks.clocks if chain.clocks is not None else ()
    breach = next((one.breached_at for one in clocks if one.kind is rung.clock), None)
    return breach is None or breach <= taken.at or rung.at < breach


def _settled(before: Chain, after: Chain, at: datetime, book: Book, shelved: Shelved) -> Folded:
    """The chain with its plan and its rungs brought up to what is known of ticket and clocks."""
    at = at if before.last_at is None else max(at, before.last_at)
    after = replace(after, last_at=at)
    subject, clocks = after.subject, after.clocks
    # They come by two ways: while one is ahead of the other, nothing may be concluded from both.
    if subject is None or clocks is None or subject.wanted.priority != clocks.priority:
        return replace(after, ahead=()), ()
    adopted = False
    if after.chosen_for != subject.wanted and clocks.live and not clocks.importing:
        plan = choose(shelved.plans, subject.wanted)
        if plan is not None and after.plan is not None and plan.name == after.plan.name:
            # The version that it took stays: another one would tell again what was told.
            plan = after.plan
        adopted = plan is not None and plan is not after.plan
        after = replace(after, plan=plan, chosen_for=subject.wanted)
        if adopted:
            after = replace(after, adoptions=after.adoptions + 1, passed=frozenset())
    if before.plan is not None and before.ended_at is None and not after.running:
        ended = replace(after, ahead=(), ended_at=at, acknowledged=None)
        return ended, (EscalationEnded(ended),)
    if not after.running or after.plan is None:
        return replace(after, ahead=()), ()
    calendar = book.version(clocks.calendar, clocks.calendar_version)
    every = rungs(after.plan, clocks.clocks, calendar, clocks.priority)
    if adopted:
        after = replace(after, passed=_over(every, at))
    done = after.passed | {one.rung.key for one in after.reached if one.adoption == after.adoptions}
    ahead = tuple(one for one in every if one.key not in done)
    return replace(after, ahead=ahead, ended_at=None), ()


def _over(every: tuple[Rung, ...], at: datetime) -> frozenset[tuple[int, int]]:
    """The rungs that were over when a plan was taken, but for the last of them: that one is still told, at once."""
    over = [one.key for one in every if one.at < at]
    return frozenset(over[:-1])
