"""An export while its spans are counted: its cells, which times are believed, and what is kept of a span."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from datetime import timedelta
from functools import lru_cache
from typing import Any

from services.metrics.rules.availability import EARLY, LATE, SLICE, Cell, Export, Hit, Sums, weight
from services.metrics.rules.blame import Ended
from services.metrics.rules.fact import EPOCH
from services.metrics.rules.span import SLOW_MS, Outcome
from services.metrics.wire import attributes
from services.metrics.wire.request import Promise, Promises

MS_NS = 1_000_000
SLICE_NS = SLICE // timedelta(microseconds=1) * 1000
SLOW_NS = SLOW_MS * MS_NS


class Tally:
    """What the spans of one export come to so far."""

    def __init__(self, export: Export, promises: Promises) -> None:
        self.export = export
        self.promises = promises
        self._received_ns = (export.received_at - EPOCH) // timedelta(microseconds=1) * 1000
        self._earliest = self._received_ns - LATE // timedelta(microseconds=1) * 1000
        self._latest = self._received_ns + EARLY // timedelta(microseconds=1) * 1000

    def at(self, ended: int) -> int:
        """When a span counts, which ended by its own clock at so many nanoseconds."""
        return ended if self._earliest <= ended <= self._latest else self._received_ns

    def believed(self, ended: int) -> int:
        """As `at`; one that its clock does not place is told as moved."""
        at = self.at(ended)
        self.export.moved += at != ended
        return at

    def slices(self, ends: list[int]) -> Iterator[tuple[int, int, int]]:
        """The slices in which spans count that ended then, in nanoseconds: (slice, how many, the last end).

        All ends at once, because telling the slice of each, a division of 64-bit numbers, would cost as much as
        reading it; sorting what is nearly in order costs next to nothing.
        """
        ends.sort()
        first, past = bisect_left(ends, self._earliest), bisect_right(ends, self._latest)
        if moved := len(ends) - (past - first):
            self.export.moved += moved
            ends = sorted(ends[first:past] + [self._received_ns] * moved)
        start = 0
        while start < len(ends):
            slice = ends[start] // SLICE_NS
            stop = bisect_left(ends, (slice + 1) * SLICE_NS, start)
            yield slice, stop - start, ends[stop - 1]
            start = stop

    def begun(self, span: Any, ended: int) -> int:
        """The slice in which a span started; the one in which it counts, when its own time does not."""
        began: int = span.start_time_unix_nano
        return (began if self._earliest <= began <= ended else ended) // SLICE_NS

    def cell(self, slice: int, service: str) -> Sums:
        """Where a service's requests of a slice are added up."""
        # A plain tuple equals the cell, and costs a third of making one.
        found = self.export.cells.get((slice, service))  # type: ignore[call-overload]  # see above
        if found is None:
            found = self.export.cells[Cell(slice, service)] = Sums()
        return found  # type: ignore[no-any-return]  # as above

    def hit(self, slice: int, service: str) -> Hit:
        """Where is kept whom a service's bad requests hit that started in a slice."""
        found = self.export.hits.get((slice, service))  # type: ignore[call-overload]  # as above
        if found is None:
            found = self.export.hits[Cell(slice, service)] = Hit()
        return found  # type: ignore[no-any-return]  # as above

    def promised(self, promised: tuple[Promise, ...], span: Any, outcome: Outcome, *, events: bool = False) -> None:
        """Counts a request, or an event, for the business services that it is part of."""
        if outcome is Outcome.LEFT_OUT:
            return
        names: set[str] | None = None
        weight = weight_of(span.trace_state)
        ended = self.at(span.end_time_unix_nano)
        length = span.end_time_unix_nano - span.start_time_unix_nano
        for one in promised:
            if one.events is not events:
                continue
            if one.routes:
                if names is None:
                    names = {text(span.name), attributes.hit_by(span.attributes)[2]}
                if not names & one.routes:
                    continue
            bad = outcome is Outcome.BAD or (one.slow_ns > 0 and length > one.slow_ns)
            counted = Sums(weight, 0.0 if bad else weight, weight * weight, 1, int(bad), ended // MS_NS)
            self.cell(ended // SLICE_NS, one.name).merge(counted)

    def bone(
        self, service: str, span: Any, how: Ended, callee: str, route: str, weight: float, *, is_call: bool, bad: bool
    ) -> None:
        """Keeps of a span what blame needs."""
        began, ended = span.start_time_unix_nano // MS_NS, span.end_time_unix_nano // MS_NS
        ids = (span.trace_id, span.span_id, span.parent_span_id)
        self.export.bones.append((*ids, service, is_call, bad, began, ended, int(how), callee, route, weight))


def weight_of(state: bytes) -> float:
    """How many spans one stands for, by its tracestate."""
    return _weight(state) if state else 1.0


@lru_cache(maxsize=4096)
def _weight(state: bytes) -> float:
    return weight(state.decode(errors="replace"))


@lru_cache(maxsize=4096)
def text(name: bytes) -> str:
    """A span's name as text, cut to what is kept of one."""
    return name.decode(errors="replace")[: attributes.LONGEST_NAME]
