"""Late tickets of a period by what they waited for longest: a rollup of what facts hold, never a walk over tickets."""

from __future__ import annotations

from dataclasses import dataclass

from services.metrics.rules import statistics
from services.metrics.rules.bottleneck import Cause
from services.metrics.rules.lengths import Lengths
from services.metrics.rules.measures import LATE
from services.metrics.rules.tally import Tally
from services.metrics.rules.values import LEAST, Standing, Value

_DIGITS = 6


@dataclass(frozen=True, slots=True)
class CauseRow:
    """A cause: how many late tickets, the seconds that these waited for it, and their share of the late ones."""

    cause: Cause
    tickets: int
    seconds: int
    share: Value


@dataclass(frozen=True, slots=True)
class BottleneckReport:
    """The causes with late tickets, the most tickets first. ended: all tickets that ended in the period."""

    rows: tuple[CauseRow, ...]
    late: int
    ended: int


def bottleneck_report(tally: Tally) -> BottleneckReport:
    """The report of a period's tally; below the minimum of late tickets counts and hours stand without shares."""
    found = {one: tally.lengths.get(name, Lengths()) for one, name in LATE.items()}
    late = sum(one.n for one in found.values())
    rows = [CauseRow(cause, one.n, one.total, _share(one.n, late)) for cause, one in found.items() if one.n]
    order = list(Cause)
    rows.sort(key=lambda one: (-one.tickets, -one.seconds, order.index(one.cause)))
    return BottleneckReport(tuple(rows), late, tally.count("tickets_ended"))


def _share(tickets: int, late: int) -> Value:
    """In per cent of the late tickets, with Wilson's interval."""
    if late < LEAST:
        note = f"{late}, {LEAST} needed"
        return Value("", Standing.TOO_FEW, n=late, numerator=tickets, denominator=late, note=note)
    low, high = statistics.wilson(tickets, late)
    value, low, high = (round(100 * one, _DIGITS) for one in (tickets / late, low, high))
    return Value("", Standing.SHOWN, value, late, tickets, late, low=low, high=high)
