"""Drafts tried on the past: the book as it would be with them, and which tickets they can concern at all."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.runtime.actor import Actor
from services.runtime.refusal import Refusal
from services.sla.rules import calendar as calendar_rules
from services.sla.rules import policy as policy_rules
from services.sla.rules.access import ADMINISTRATOR
from services.sla.rules.book import Book
from services.sla.rules.policy import Policy
from services.sla.rules.ticket import Facts

LONGEST = timedelta(days=3653)
# Whoever may judge may draft: nothing is published by it.
_DRAFTER = Actor("system/sla", frozenset({ADMINISTRATOR}))


@dataclass(frozen=True, slots=True)
class Trial:
    """The book as published, as it would be with the drafts, and the names of the policies that these concern."""

    published: Book
    drafted: Book
    calendars: frozenset[str]
    policies: frozenset[str]

    def concerns(self, policies: AbstractSet[str], facts: AbstractSet[Facts]) -> bool:
        """Whether the drafts can make any difference to a ticket.

        policies: that judged it. facts: all that policies were or would be chosen by.
        """
        if not self.policies.isdisjoint(policies):
            return True
        return any(
            policy.name in self.policies
            for one in facts
            for book in (self.published, self.drafted)
            for policy in _eligible(book, one)
        )


def _eligible(book: Book, facts: Facts) -> Iterator[Policy]:
    """The policies that a ticket may be judged by: where versions wait for their time, all that match."""
    if book.is_dated:
        yield from (one for one in book.policies if one.match.holds(facts))
    elif (chosen := book.choose(facts)) is not None:
        yield chosen


@dataclass(frozen=True, slots=True)
class Period:
    """Tickets opened in [start, end)."""

    start: datetime
    end: datetime


def period(start: datetime | None, end: datetime | None) -> Period:
    """The period to judge.

    Raises:
        Refusal: JUDGEMENT_PERIOD_INVALID.
    """
    if start is None or end is None or not start < end <= start + LONGEST:
        raise Refusal.invalid(
            "judgement.period", "JUDGEMENT_PERIOD_INVALID", "Give both ends of a period of ten years at most."
        )
    return Period(start, end)


def edition(book: Book) -> str:
    """What is published at one moment, in one line: a judgement that is resumed under another must begin anew."""
    policies = (f"{one.name}@{one.version}" for one in book.policies)
    return " ".join((*policies, *sorted(f"{one.name}@{len(one.editions)}" for one in book.calendars.values())))


def draft(book: Book, policies: Collection[Policy], calendars: Collection[calendar_rules.Draft]) -> Trial:
    """A trial of these drafts. A draft calendar holds as if it had always been so, a draft policy in its order.

    Raises:
        Refusal: DRAFT_MISSING, DRAFT_REPEATED, or what publishing a draft would be refused for, naming its field.
    """
    if not policies and not calendars:
        raise Refusal.invalid("judgement", "DRAFT_MISSING", "Give a draft of a policy or of a calendar to judge by.")
    names = [*(one.name for one in policies), *(one.name for one in calendars)]
    if len(set(names)) < len(names):
        raise Refusal.invalid("judgement", "DRAFT_REPEATED", "Give each policy and each calendar one draft.")
    hours = dict(book.calendars)
    for at, calendar in enumerate(calendars):
        with _inside(f"judgement.calendars[{at}]", "calendar"):
            hours[calendar.name], _ = calendar_rules.publish(None, calendar, by=_DRAFTER)
    promised: dict[str, tuple[Policy, ...]] = {}
    for one in book.policies:
        promised[one.name] = (*promised.get(one.name, ()), one)
    for at, policy in enumerate(policies):
        version = max((one.version for one in promised.get(policy.name, ())), default=0)
        with _inside(f"judgement.policies[{at}]", "policy"):
            drafted, _ = policy_rules.publish(None, policy, calendars=hours.keys(), by=_DRAFTER)
        promised[policy.name] = (replace(drafted, version=version + 1, effective_at=None),)
    changed = frozenset(one.name for one in calendars)
    held = [one for versions in promised.values() for one in versions]
    concerned = {one.name for one in policies} | {one.name for one in held if one.calendar in changed}
    ordered = tuple(sorted(held, key=lambda one: (one.place, one.version)))
    return Trial(book, Book(ordered, hours), changed, frozenset(concerned))


@contextmanager
def _inside(where: str, publisher: str) -> Iterator[None]:
    """Names the fields of a refusal as the request does: "policy.order" is "judgement.policies[0].order"."""
    try:
        yield
    except Refusal as refusal:
        field = where + refusal.field.removeprefix(publisher)
        raise Refusal(refusal.kind, refusal.reason, refusal.message, field) from refusal
