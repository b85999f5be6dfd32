"""Who has a stretch of a business service's time when several causes claim it: one of them, once.

A pure function of the set of claims. A measured outage comes before a declared incident, of incidents that count the
business's own time the graver; of equals the one that began first, then by name. Incidents that count people's time do
not compete: each counts its own people, but none of them what an outage of the same service or of theirs counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from services.metrics.rules.business_model import TIMED, Basis, BusinessModel
from services.metrics.rules.claims import Origin, Outage, Standing
from services.metrics.rules.fact import EPOCH, Exclusion
from services.metrics.rules.known import Known
from services.metrics.rules.ledger import Booking

Span = tuple[int, int]
"""Milliseconds since 1970, [start, end)."""
_MS = timedelta(milliseconds=1)


def millis(at: datetime) -> int:
    """An instant in milliseconds since 1970."""
    return (at - EPOCH) // _MS


def away(booking: Booking, around: Iterable[Booking], known: Known) -> list[tuple[Span, str]]:
    """The stretches of its span that other causes have, each with the cause that has it; without overlaps, in order."""
    if booking.span is None:
        return []
    mine = _strength(booking, known)
    own = (millis(booking.span[0]), millis(booking.span[1]))
    others = sorted(
        (strength, other)
        for other in around
        if other.name != booking.name
        and (strength := _strength(other, known)) is not None
        and _meets(other, booking)
        and (strength < mine if mine is not None else other.outage is not None)
    )
    gone: list[tuple[Span, str]] = []
    free = [own]
    for _, other in others:
        for span in claimed(other, around, known):
            taken = intersect(free, [span])
            gone += [(part, other.cause) for part in taken]
            free = subtract(free, taken)
    return sorted(gone)


def claimed(booking: Booking, around: Iterable[Booking], known: Known) -> list[Span]:
    """The stretches in which a cause counts something."""
    if booking.span is None:
        return []
    if booking.outage is None or known.basis(booking.judged) is not Basis.TRANSACTIONS:
        return [(millis(booking.span[0]), millis(booking.span[1]))]
    return union((millis(one.started_at), millis(one.until)) for one in counted(booking, around, known))


def counted(booking: Booking, around: Iterable[Booking], known: Known) -> list[Outage]:
    """The outages whose requests tell what the business lost by this one: its own when its service is part of the
    business service, else those of the parts that fail because of it.
    """
    outage = booking.outage
    service = known.services.get(booking.service)
    if outage is None or service is None:
        return []
    if outage.service in service.components:
        return [outage]
    found = [
        one.outage
        for one in around
        if one.outage is not None
        and one.service == booking.service
        and one.outage.origin is Origin.SYMPTOMATIC
        and one.outage.standing is not Standing.RETRACTED
        and one.outage.root == outage.service
        and one.outage.service in service.components
        and one.outage.started_at < outage.until
        and outage.started_at < one.outage.until
    ]
    return sorted(found, key=lambda one: (one.started_at, one.name))


def union(spans: Iterable[Span]) -> list[Span]:
    """The same time without overlaps, in order."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        elif start < end:
            found.append((start, end))
    return found


def intersect(one: Sequence[Span], other: Sequence[Span]) -> list[Span]:
    """The time in both."""
    return union((max(a, c), min(b, d)) for a, b in one for c, d in other if max(a, c) < min(b, d))


def subtract(spans: Sequence[Span], gone: Sequence[Span]) -> list[Span]:
    """The time of `spans` that is not in `gone`."""
    left = list(spans)
    for start, end in gone:
        left = [part for a, b in left for part in ((a, min(b, start)), (max(a, end), b)) if part[0] < part[1]]
    return union(left)


def _strength(booking: Booking, known: Known) -> tuple[int, int, int, str] | None:
    """How a claim stands against others, the smaller the stronger; None when it takes nothing from anybody."""
    outage, end = booking.outage, booking.end
    if booking.judged is None or booking.span is None:
        return None
    start = millis(booking.span[0])
    if outage is not None:
        counts = outage.origin is Origin.ROOT and outage.standing is not Standing.RETRACTED
        return (0, 0, start, booking.name) if counts else None
    terms = known.terms(booking.judged)
    if end is None or end.exclusion is not Exclusion.NONE or not isinstance(terms, BusinessModel):
        return None
    level = terms.level(end.place.priority)
    return (1, -level, start, booking.name) if level and terms.basis in TIMED else None


def _meets(outer: Booking, booking: Booking) -> bool:
    """Whether they are about the same thing at the same time."""
    if outer.span is None or booking.span is None:
        return False
    if outer.span[0] >= booking.span[1] or booking.span[0] >= outer.span[1]:
        return False
    named = outer.outage is not None and booking.cause in outer.outage.tickets
    return named or bool(booking.service and booking.service == outer.service)
