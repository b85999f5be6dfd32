"""Which tickets belong to an outage, by service, time and the excess over the usual: noise is not billed to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.metrics.rules.outage_record import MOST_TICKETS, Attributed, Tier

BEFORE, AFTER = timedelta(minutes=5), timedelta(minutes=60)
"""How long before the start and after the end of an outage a ticket may come."""


@dataclass(frozen=True, slots=True)
class Report:
    """A ticket that may be about an outage. named: it names a trace of it."""

    ticket: str
    service: str
    opened_at: datetime
    named: bool = False


def attributed(
    reports: Iterable[Report], services: Iterable[str], start: datetime, end: datetime, usual: float
) -> tuple[Attributed, ...]:
    """The tickets of an outage, the certain ones first.

    services: the root and all that fail because of it. usual: how many tickets these have in such a time anyway; only
    what is beyond stands as tier B, the earliest first, and the rest is only possible.
    """
    known = {_plain(one) for one in services}
    certain: list[Attributed] = []
    likely: list[Report] = []
    for one in sorted(reports, key=lambda report: (report.opened_at, report.ticket)):
        if one.named:
            certain.append(Attributed(one.ticket, Tier.A, "names a trace of the outage"))
        elif _plain(one.service) in known and start - BEFORE <= one.opened_at <= end + AFTER:
            likely.append(one)
    excess = max(0, round(len(likely) + len(certain) - usual) - len(certain))
    return (*certain, *_tiers(likely, excess))[:MOST_TICKETS]


def _tiers(likely: Sequence[Report], excess: int) -> list[Attributed]:
    return [
        Attributed(one.ticket, Tier.B, "names an affected service while it failed, beyond the usual number")
        if place < excess
        else Attributed(one.ticket, Tier.C, "names an affected service while it failed, within the usual number")
        for place, one in enumerate(likely)
    ]


def first_lag(reports: Iterable[Report], found: Iterable[Attributed], start: datetime) -> int | None:
    """Whole seconds from the start of an outage to its first ticket of tier A or B; None without one."""
    sure = {one.ticket for one in found if one.tier is not Tier.C}
    opened = [one.opened_at for one in reports if one.ticket in sure]
    return max(0, (min(opened) - start) // timedelta(seconds=1)) if opened else None


def _plain(service: str) -> str:
    """A service's name without its collection, as tickets and spans both write it."""
    return service.rpartition("/")[2].casefold()
