"""Who would be told when, for a ticket that is opened now and that nobody takes in hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.runtime.refusal import Refusal
from services.sla.rules import clock as clock_rules
from services.sla.rules.book import Book
from services.sla.rules.chain import Chain, pending
from services.sla.rules.clock import Clock
from services.sla.rules.escalation import Plan, Wanted, check, choose
from services.sla.rules.rungs import ClockSeen, Rung, rungs
from services.sla.rules.ticket import Facts, TicketState, Turn
from services.sla.rules.told import Shelved, Told, resolve


@dataclass(frozen=True, slots=True)
class Coming:
    """A rung that is not told yet, and whom it would reach."""

    rung: Rung
    told: tuple[Told, ...]


@dataclass(frozen=True, slots=True)
class Foresight:
    """policy: the promise that would hold, "" for none. plan: that would be taken, None for none."""

    policy: str = ""
    plan: Plan | None = None
    steps: tuple[Coming, ...] = ()


def preview(book: Book, shelved: Shelved, wanted: Wanted, now: datetime, plan: str = "") -> Foresight:
    """What would be told of such a ticket, by the plan of that name or by the one that would win.

    Raises:
        Refusal: NOT_FOUND, when there is no such plan.
    """
    return _foreseen(book, shelved, wanted, now, _named(shelved, plan) if plan else choose(shelved.plans, wanted))


def rehearse(book: Book, shelved: Shelved, wanted: Wanted, now: datetime, draft: Plan) -> Foresight:
    """What would be told of such a ticket by a plan that is not published, if it could be.

    Raises:
        Refusal: INVALID with the field of the plan that is at fault.
    """
    check(draft, shelved.rotas)
    return _foreseen(book, shelved, wanted, now, draft)


def _foreseen(book: Book, shelved: Shelved, wanted: Wanted, now: datetime, chosen: Plan | None) -> Foresight:
    policy = book.choose(Facts(wanted.priority, wanted.type, wanted.service, source=""))
    if policy is None or chosen is None:
        return Foresight("" if policy is None else policy.name, chosen)
    calendar = book.pin(policy, now)
    first = Turn(now, TicketState.NEW, cause="")
    clocks = tuple(seen(clock_rules.start(terms, first, calendar)) for terms in policy.targets)
    steps = tuple(
        Coming(rung, whom(chosen, rung, assignee="", team=wanted.team, shelved=shelved))
        for rung in rungs(chosen, clocks, calendar, wanted.priority)
    )
    return Foresight(policy.name, chosen, steps)


def coming(chain: Chain, shelved: Shelved) -> tuple[Coming, ...]:
    """What comes next for a ticket if nothing happens meanwhile."""
    plan, subject = chain.plan, chain.subject
    if plan is None or subject is None:
        return ()
    return tuple(
        Coming(rung, whom(plan, rung, assignee=subject.assignee, team=subject.wanted.team, shelved=shelved))
        for rung in pending(chain)
    )


def whom(plan: Plan, rung: Rung, *, assignee: str, team: str, shelved: Shelved) -> tuple[Told, ...]:
    """Whom a rung of a plan would reach at its moment, as far as anybody knows now."""
    step = plan.steps[rung.step - 1]
    return resolve(step.recipients, assignee=assignee, team=team, shelved=shelved, at=rung.at)


def seen(clock: Clock) -> ClockSeen:
    """A clock as its events would show it."""
    return ClockSeen(
        kind=clock.kind,
        state=clock.state,
        target=clock.terms.duration,
        started_at=clock.started_at,
        since=clock.since.at,
        elapsed=clock.elapsed,
        due_at=clock.due_at,
        breached_at=clock.breached_at,
        spans=tuple((one.start, one.end, one.kind) for one in clock.segments),
    )


def _named(shelved: Shelved, name: str) -> Plan:
    for one in shelved.plans:
        if one.name == name:
            return one
    raise Refusal.not_found(name)
