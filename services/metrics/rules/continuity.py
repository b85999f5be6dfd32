"""How long business services hold, how long they are away, and what is left of their budgets: E19-time, E20 and E21.

Committed time is the time of service (around the clock without a calendar) outside planned maintenance. An outage
counts once for each business service that it hits, by the part of it that lies in committed time.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from services.metrics.rules.availability import ENOUGH, SLICE, Sums
from services.metrics.rules.business_service import BusinessService, without
from services.metrics.rules.fact import EPOCH
from services.metrics.rules.lengths import Lengths
from services.metrics.rules.outage_record import Origin, Outage, State
from services.metrics.rules.period import Period
from services.metrics.rules.registry import METRICS
from services.metrics.rules.sharing import Span, intersect, millis, union
from services.metrics.rules.statistics import Z, wilson
from services.metrics.rules.values import Standing, Value, length, too_few, undefined
from services.runtime.worktime import CalendarVersion, in_force, segments

_DIGITS = 6
_MILLION = 1_000_000
_NO_SERVICE = "no business service is published"
_NO_CALENDAR = "no calendar of a business service is known"
_NO_OUTAGE = "no outage in committed time"


@dataclass(frozen=True, slots=True)
class Continuity:
    """Committed and lost time of some business services. downs: of each outage, milliseconds in committed time."""

    committed: int = 0
    downs: tuple[int, ...] = ()
    lost: int = 0
    services: int = 0

    def plus(self, other: Continuity) -> Continuity:
        """Both together."""
        return Continuity(
            self.committed + other.committed,
            self.downs + other.downs,
            self.lost + other.lost,
            self.services + other.services,
        )


def committed(service: BusinessService, period: Period, calendars: Sequence[CalendarVersion]) -> list[Span] | None:
    """The committed time of a service in a period; None when its calendar is not known. calendars: its versions."""
    parts = without(period, service)
    if not service.calendar:
        return [(millis(one.start), millis(one.end)) for one in parts]
    calendar = in_force(calendars, period.start) or next(iter(calendars), None)
    if calendar is None:
        return None
    return [
        (millis(stretch.start), millis(stretch.end))
        for part in parts
        for stretch in segments(calendar, part.start, part.end)
        if stretch.open
    ]


def held(service: BusinessService, time: Sequence[Span], outages: Iterable[Outage]) -> Continuity:
    """How a service held. time: committed. outages: any; those of its parts that began there or nobody can tell count.

    An outage that lasts counts up to the end of its last bad slice.
    """
    parts = {one.service for one in service.components}
    stretches = []
    for one in outages:
        counts = one.state is not State.RETRACTED and one.origin is not Origin.SYMPTOMATIC
        if counts and (one.service in parts or parts & set(one.affected)):
            until = EPOCH + (one.last + 1) * SLICE
            stretch = intersect([(millis(one.start), millis(until))], time)
            stretches += [stretch] if stretch else []
    lost = union(span for stretch in stretches for span in stretch)
    downs = tuple(sum(end - start for start, end in stretch) for stretch in stretches)
    whole = sum(end - start for start, end in time)
    return Continuity(whole, downs, sum(end - start for start, end in lost), 1)


def continuity_values(found: Continuity | None, *, known: bool) -> dict[str, Value]:
    """E19-time, E20, E20-restore and E20-down. found: None when there is no committed time. known: business services
    exist.
    """
    ids = ("availability_time", "time_between_failures", "time_to_restore_service", "downtime")
    if found is None or not found.committed:
        why = _NO_CALENDAR if known else _NO_SERVICE
        return {one: undefined(METRICS[one], why) for one in ids}
    share = round(100 * (found.committed - found.lost) / found.committed, _DIGITS)
    name, n = METRICS["availability_time"].name, found.services
    by_time = Value(name, Standing.SHOWN, share, n, low=share, high=share)
    away = round(found.lost / 1000)
    down = Value(METRICS[ids[3]].name, Standing.SHOWN, away, len(found.downs), low=away, high=away)
    return {"availability_time": by_time, ids[1]: _between(found), ids[2]: _restored(found), ids[3]: down}


def budget_values(spent: Iterable[tuple[BusinessService, Sums]]) -> dict[str, Value]:
    """E21 and its burn rate, by occurrences over the period. spent: services with an objective, and their requests."""
    left, rate = METRICS["error_budget"], METRICS["error_budget_burn"]
    allowed, whole, n = 0.0, Sums(), 0
    for service, sums in spent:
        if service.objective is not None:
            allowed += sums.valid * (_MILLION - service.objective.good) / _MILLION
            whole.merge(sums)
            n += 1
    if not n or not whole.n:
        why = "no request of a service with an objective" if n else "no business service has an objective"
        return {one.id: undefined(one, why) for one in (left, rate)}
    if whole.effective < ENOUGH:
        return {one.id: too_few(one, int(whole.effective), int(ENOUGH)) for one in (left, rate)}
    bad = min(1.0, max(0.0, 1 - whole.good / whole.valid))
    ends = wilson(bad * whole.effective, whole.effective)
    burn, low, high = (round(one * whole.valid / allowed, _DIGITS) for one in (bad, *ends))
    budget, least, most = (round(100 * (1 - one), _DIGITS) for one in (burn, high, low))
    parts = (whole.n, round(whole.valid - whole.good), round(whole.valid))
    return {
        left.id: Value(left.name, Standing.SHOWN, budget, *parts, low=least, high=most),
        rate.id: Value(rate.name, Standing.SHOWN, burn, *parts, low=low, high=high),
    }


def _between(found: Continuity) -> Value:
    """Uptime by outage; the bounds are Garwood's of the count, by Wilson and Hilferty's approximation."""
    metric, n = METRICS["time_between_failures"], len(found.downs)
    if not n:
        return undefined(metric, _NO_OUTAGE)
    up = (found.committed - found.lost) / 1000
    least = n * (1 - 1 / (9 * n) - Z / (3 * math.sqrt(n))) ** 3
    most = (n + 1) * (1 - 1 / (9 * (n + 1)) + Z / (3 * math.sqrt(n + 1))) ** 3
    return Value(metric.name, Standing.SHOWN, round(up / n), n, low=round(up / most), high=round(up / least))


def _restored(found: Continuity) -> Value:
    metric = METRICS["time_to_restore_service"]
    if not found.downs:
        return undefined(metric, _NO_OUTAGE)
    lengths = Lengths()
    for ms in found.downs:
        lengths.add(ms // 1000)
    return length(metric, lengths)


def clipped(period: Period, first: int, now_ms: int) -> Period | None:
    """The part of a period of which anything can be known: from the first span to now; None when there is none.

    first, now_ms: milliseconds since 1970.
    """
    ms = timedelta(milliseconds=1)
    start, end = max(millis(period.start), first), min(millis(period.end), now_ms)
    return Period(EPOCH + start * ms, EPOCH + end * ms) if start < end else None
