"""What would be promised to a ticket that is opened now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.sla.rules.book import Book
from services.sla.rules.calendar import Edition
from services.sla.rules.clock import reached
from services.sla.rules.policy import ClockKind, Policy
from services.sla.rules.ticket import Facts


@dataclass(frozen=True, slots=True)
class Promise:
    """The policy, the calendar version, and the due moments (None: not promised, or out of reach)."""

    policy: Policy
    calendar: Edition
    response_due_at: datetime | None
    resolution_due_at: datetime | None


def preview(book: Book, facts: Facts, now: datetime) -> Promise | None:
    """The promise for a ticket with these facts, opened now; None when no policy matches."""
    policy = book.choose(facts)
    if policy is None:
        return None
    calendar = book.pin(policy, now)
    dues = {one.kind: reached(calendar, now, one.duration) for one in policy.targets}
    edition = book.calendars[policy.calendar].edition(calendar.version)
    return Promise(policy, edition, dues.get(ClockKind.RESPONSE), dues.get(ClockKind.RESOLUTION))
