"""Requests that a service served, counted from its spans: which are good, and what is kept of the others."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from services.metrics.rules import span as spans
from services.metrics.rules.availability import Sums
from services.metrics.rules.span import Outcome
from services.metrics.wire import attributes, layouts
from services.metrics.wire.attributes import GRPC, HTTP, NOBODYS, OK
from services.metrics.wire.layouts import Layout
from services.metrics.wire.request import hashed_user
from services.metrics.wire.tally import MS_NS, SLICE_NS, SLOW_NS, Tally, text, weight_of

_HAS_REMOTE, _REMOTE = 0x100, 0x200
_GOOD, _BAD, _LEFT_OUT = Outcome.GOOD, Outcome.BAD, Outcome.LEFT_OUT
_of_grpc = lru_cache(maxsize=64)(spans.of_grpc)
_of_http = lru_cache(maxsize=1024)(spans.of_http)


class Served:
    """The requests to one service in one export. owner: whose a span of the export is."""

    def __init__(self, service: str, tally: Tally, owner: Callable[[bytes], str | None]) -> None:
        self._service = service
        self._tally = tally
        self._owner = owner
        self._layouts = layouts.of_requests(service)
        self._promised = tally.promises.get(service, ())
        # When good requests ended, by their weight: most spans are no more than one more of these.
        self._good: dict[float, list[int]] = {1.0: []}
        self._tries: dict[tuple[int, bytes], float] = {}

    def count(self, found: list[Any], site: str) -> None:
        """Counts spans of servers. site: where their resource says that it is."""
        # Looked up once here, because the loop takes most of the time of an export; it leaves at once with what nearly
        # every span is, a good request that says so where its likes do, and calls nothing for it.
        layout_of, fine = self._layouts.latest.get, attributes.fine
        promised, is_good = self._promised, self._good[1.0].append
        for span in found:
            if not span.flags & _REMOTE and not self._is_entry(span):
                continue
            name, told = span.name, span.attributes
            layout = layout_of(name)
            if layout is None or layout.count != len(told):
                layout = self._layouts.find(name, len(told))
            if layout.left and (told[layout.place] in fine if layout.place >= 0 else layout.is_fine(told)):
                ended = span.end_time_unix_nano
                if ended - span.start_time_unix_nano < SLOW_NS and (not (status := span.status) or status == OK):
                    layout.left -= 1
                    if state := span.trace_state:
                        self._ends(state).append(ended)
                    else:
                        is_good(ended)
                    if promised:
                        self._tally.promised(promised, span, _GOOD)
                    continue
            if not layout.is_own:
                self._judge(span, site, layout, told)

    def consume(self, found: list[Any]) -> None:
        """Counts events that were processed, where one is promised; their status says how that went."""
        if not self._promised:
            return
        for span in found:
            if span.flags & _REMOTE or self._is_entry(span):
                self._tally.believed(span.end_time_unix_nano)
                outcome = _BAD if attributes.is_error(span.status) else _GOOD
                self._tally.promised(self._promised, span, outcome, events=True)

    def sum_up(self) -> None:
        """Adds up what was counted so far."""
        tally = self._tally
        for weight, ends in self._good.items():
            for slice, count, last in tally.slices(ends):
                valid = weight * count
                tally.cell(slice, self._service).merge(Sums(valid, valid, weight * valid, count, 0, last // MS_NS))
        for (slice, _), weight in self._tries.items():
            tally.cell(slice, self._service).begun_squares += weight * weight

    def _is_entry(self, span: Any) -> bool:
        """Whether a span whose parent is not known to be remote was called from outside.

        Who says that the parent is not remote may have none: the first span of a trace is an entry too. Where the
        exporter does not say, the parent is not of this service.
        """
        parent = span.parent_span_id
        return not parent or (not span.flags & _HAS_REMOTE and self._owner(parent) != self._service)

    def _ends(self, state: bytes) -> list[int]:
        return self._good.setdefault(weight_of(state), [])

    def _judge(self, span: Any, site: str, layout: Layout, told: Any) -> None:
        """Counts a span of which more is to be read than one attribute."""
        error = attributes.is_error(span.status)
        grpc = http = None
        for what, value in layout.said(told, whole=error):
            if what == GRPC:
                grpc = value
            elif what == HTTP:
                http = value
            elif what == NOBODYS:
                return
        if grpc is not None:
            outcome = _of_grpc(grpc)
        elif http is not None:
            outcome = _of_http(http)
        else:
            outcome = _BAD if error else _GOOD
        ended, began = span.end_time_unix_nano, span.start_time_unix_nano
        if outcome is _GOOD and (ended - began < SLOW_NS or not began):
            self._ends(span.trace_state).append(ended)
        else:
            self._notable(span, site, outcome, grpc, http)
        if self._promised:
            self._tally.promised(self._promised, span, outcome)

    def _notable(self, span: Any, site: str, outcome: Outcome, grpc: int | None, http: int | None) -> None:
        """A request that ended badly, slowly, or without its caller."""
        tally, service, weight = self._tally, self._service, weight_of(span.trace_state)
        ended = tally.believed(span.end_time_unix_nano)
        if parent := span.parent_span_id:
            tally.export.answered.add(parent)
        if outcome is not _LEFT_OUT:
            sums = tally.cell(ended // SLICE_NS, service)
            sums.valid += weight
            sums.squares += weight * weight
            sums.n += 1
            sums.last_ms = max(sums.last_ms, ended // MS_NS)
            if outcome is _GOOD:
                sums.good += weight
            else:
                sums.bad += 1
        user, own_site, route = attributes.hit_by(span.attributes)
        if outcome is _BAD:
            begun = tally.begun(span, ended)
            place = (begun, span.trace_id)
            self._tries[place] = self._tries.get(place, 0.0) + weight
            sums = tally.cell(begun, service)
            sums.begun += 1
            sums.begun_weight += weight
            hit = tally.hit(begun, service)
            if user:
                hashed = hashed_user(user)
                hit.users[hashed] = hit.users.get(hashed, 0) + 1
            if where := own_site or site:
                hit.sites[where] = hit.sites.get(where, 0.0) + weight
        how = spans.ended_of_request(grpc, http, bad=outcome is _BAD)
        tally.bone(service, span, how, "", route or text(span.name), weight, is_call=False, bad=outcome is _BAD)
