"""What would be promised to a ticket that is opened at some moment, and why it would be just that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.sla.rules.book import Book, unverified_years
from services.sla.rules.calendar import Edition
from services.sla.rules.clock import reached
from services.sla.rules.match import Finding
from services.sla.rules.policy import Policy
from services.sla.rules.target import ClockKind, Target
from services.sla.rules.ticket import Facts


@dataclass(frozen=True, slots=True)
class Promised:
    """One target and the moment at which it is due: None when the calendar has not so many hours within ten years.

    unverified: the years up to then whose public holidays nobody has confirmed.
    """

    target: Target
    due_at: datetime | None
    unverified: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Promise:
    """The policy, the calendar version, and what is promised, as it would be without any pause."""

    policy: Policy
    calendar: Edition
    promised: tuple[Promised, ...]

    @property
    def response_due_at(self) -> datetime | None:
        """When somebody would have answered; None: not promised, or out of reach."""
        return self._due_at(ClockKind.RESPONSE)

    @property
    def resolution_due_at(self) -> datetime | None:
        """When it would be solved; None: not promised, or out of reach."""
        return self._due_at(ClockKind.RESOLUTION)

    def _due_at(self, kind: ClockKind) -> datetime | None:
        return next((one.due_at for one in self.promised if one.target.kind is kind), None)


@dataclass(frozen=True, slots=True)
class Tried:
    """A policy held against a ticket. chosen: the first that matched; a retired one never does."""

    policy: Policy
    findings: tuple[Finding, ...]
    matched: bool
    chosen: bool


def preview(book: Book, facts: Facts, now: datetime) -> Promise | None:
    """The promise for a ticket with these facts, opened now; None when no policy matches."""
    policy = book.choose(facts, now)
    return None if policy is None else _promise(book, policy, now)


def explain(book: Book, facts: Facts, at: datetime) -> tuple[tuple[Tried, ...], Promise | None]:
    """Every policy in force at an instant, in the order tried, and the promise of the one that wins."""
    winner = book.choose(facts, at)
    tried = []
    for policy in book.tried(at):
        findings = tuple(policy.match.findings(facts))
        matched = not policy.retired and all(one.holds for one in findings)
        tried.append(Tried(policy, findings, matched, policy is winner))
    return tuple(tried), None if winner is None else _promise(book, winner, at)


def _promise(book: Book, policy: Policy, now: datetime) -> Promise:
    calendar = book.pin(policy, now)
    promised = []
    for target in policy.targets:
        due = reached(calendar, now, target.duration)
        years = () if due is None else unverified_years(calendar, now, due)
        promised.append(Promised(target, due, years))
    return Promise(policy, book.calendars[policy.calendar].edition(calendar.version), tuple(promised))
