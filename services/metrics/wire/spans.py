"""An OTLP export request as the counts that it comes to, in one pass over its spans."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from services.metrics.rules import span as spans
from services.metrics.rules.availability import (
    EARLY,
    LATE,
    SLICE,
    SLICES_AN_HOUR,
    Cell,
    Export,
    Hit,
    Lost,
    Sums,
    Way,
    weight,
)
from services.metrics.rules.blame import Ended
from services.metrics.rules.fact import EPOCH
from services.metrics.rules.span import SLOW_MS, Outcome
from services.metrics.wire import attributes, otlp
from services.metrics.wire.attributes import ADDRESS, CALLEE, GRPC, HTTP, NOBODYS, STORE
from services.metrics.wire.request import Promise, Promises, digest, few, hashed_user
from services.runtime.refusal import Refusal

UNKNOWN_SERVICE = "unknown_service"
_HAS_REMOTE, _REMOTE = 0x100, 0x200
_SERVER, _CLIENT, _CONSUMER = Span.SPAN_KIND_SERVER, Span.SPAN_KIND_CLIENT, Span.SPAN_KIND_CONSUMER
_MS_NS = 1_000_000
_SLICE_NS = SLICE // timedelta(microseconds=1) * 1000
_SLOW_NS = SLOW_MS * _MS_NS
_GOOD, _BAD, _LEFT_OUT = Outcome.GOOD, Outcome.BAD, Outcome.LEFT_OUT
_weight = lru_cache(maxsize=4096)(lambda state: weight(state.decode(errors="replace")))


def measured(data: bytes, received_at: datetime, promises: Promises | None = None) -> Export:
    """What an export request comes to. received_at: aware UTC, when it came.

    Raises:
        Refusal: SPANS_UNREADABLE, when the bytes are no such request.
    """
    try:
        request = otlp.Request.FromString(data)
    except DecodeError as error:
        raise Refusal.invalid("", "SPANS_UNREADABLE", f"This is no OTLP trace export: {error}.") from error
    return _Pass(request, Export(digest(data), received_at), promises or {}).export


class _Pass:
    """One pass over a request."""

    def __init__(self, request: Any, export: Export, promises: Promises) -> None:
        self._request = request
        self._promises = promises
        self.export = export
        self._received_ns = (export.received_at - EPOCH) // timedelta(microseconds=1) * 1000
        self._earliest = self._received_ns - LATE // timedelta(microseconds=1) * 1000
        self._latest = self._received_ns + EARLY // timedelta(microseconds=1) * 1000
        self._owners: dict[bytes, str] | None = None
        # Good requests by service, then slice and tracestate: most spans are no more than one more of these.
        self._good: dict[str, dict[tuple[int, bytes], int]] = {}
        self._newest: dict[str, int] = {}
        self._tries: dict[tuple[int, str, bytes], float] = {}
        self._ways: dict[str, dict[tuple[int, str], list[Any]]] = {}
        for resource in request.resource_spans:
            service, site = attributes.service_of(resource.resource.attributes)
            for scope in resource.scope_spans:
                self._scope(service or UNKNOWN_SERVICE, site, scope.spans)
        self._sum_up()

    def _scope(self, service: str, site: str, found: Any) -> None:  # noqa: C901 - a call for each span would cost more than its count
        self.export.spans += len(found)
        of_grpc, of_http = _of_grpc, _of_http
        layouts = attributes.layouts_of(service)
        layout_of = layouts.get
        known, learnt, is_error = attributes.known.get, attributes.learnt, attributes.is_error
        earliest, latest = self._earliest, self._latest
        good = self._good.setdefault(service, {})
        promised = self._promises.get(service)
        newest = self._newest.get(service, 0)
        calls: list[Any] = []
        for span in found:
            kind = span.kind
            if kind == _CLIENT:
                calls.append(span)
                continue
            if kind != _SERVER and (kind != _CONSUMER or promised is None):
                continue
            flags = span.flags
            # Who says that the parent is not remote may have none: the first span of a trace is an entry too.
            if not flags & _REMOTE and (
                span.parent_span_id if flags & _HAS_REMOTE else not self._is_entry(span.parent_span_id, service)
            ):
                continue
            if kind == _CONSUMER:
                self._consumed(promised or (), span)
                continue
            name, told = span.name, span.attributes
            count = len(told)
            layout = layout_of((kind, name, count)) or attributes.new_layout(layouts, kind, name, count, is_call=False)
            if layout.is_own:
                continue
            status = span.status
            error = bool(status) and is_error(status)
            grpc = http = None
            place = layout.place
            if place >= 0 and layout.left and not error:
                layout.left -= 1
                attribute = told[place]
                one = known(attribute)
                if one is None:
                    one = learnt(attribute)
                said: Any = (one,) if one else ()
            else:
                said = layout.said(told, whole=error)
            for what, value in said:
                if what == GRPC:
                    grpc = value
                elif what == HTTP:
                    http = value
                elif what == NOBODYS:
                    break
            else:
                if grpc is not None:
                    outcome = of_grpc(grpc)
                elif http is not None:
                    outcome = of_http(http)
                else:
                    outcome = _BAD if error else _GOOD
                raw = span.end_time_unix_nano
                ended = raw if earliest <= raw <= latest else self._moved()
                if outcome is _GOOD and (raw - (began := span.start_time_unix_nano) < _SLOW_NS or not began):
                    if ended > newest:  # noqa: PLR1730 - max() costs three times as much
                        newest = ended
                    key = (ended // _SLICE_NS, span.trace_state)
                    good[key] = good.get(key, 0) + 1
                else:
                    self._notable(service, site, span, ended, outcome, grpc, http)
                if promised is not None:
                    self._promised(promised, span, ended, outcome)
        self._newest[service] = newest
        if calls:
            self._calls(service, calls, layouts)

    def _moved(self) -> int:
        self.export.moved += 1
        return self._received_ns

    def _is_entry(self, parent: bytes, service: str) -> bool:
        """Whether a span whose exporter does not say so was called from outside: its parent is not of this service."""
        return not parent or self._owner(parent) != service

    def _owner(self, span_id: bytes) -> str | None:
        if self._owners is None:
            self._owners = {
                span.span_id: service or UNKNOWN_SERVICE
                for resource in self._request.resource_spans
                for service, _ in (attributes.service_of(resource.resource.attributes),)
                for scope in resource.scope_spans
                for span in scope.spans
            }
        return self._owners.get(span_id)

    def _notable(
        self, service: str, site: str, span: Any, ended: int, outcome: Outcome, grpc: int | None, http: int | None
    ) -> None:
        """A request that ended badly, slowly, or without its caller."""
        export, state = self.export, span.trace_state
        weight = _weight(state) if state else 1.0
        if parent := span.parent_span_id:
            export.answered.add(parent)
        if outcome is not _LEFT_OUT:
            sums = self._cell(ended // _SLICE_NS, service)
            sums.valid += weight
            sums.squares += weight * weight
            sums.n += 1
            sums.last_ms = max(sums.last_ms, ended // _MS_NS)
            if outcome is _GOOD:
                sums.good += weight
            else:
                sums.bad += 1
        user, own_site, route = attributes.hit_by(span.attributes)
        if outcome is _BAD:
            begun = self._begun(span, ended)
            place = (begun, service, span.trace_id)
            self._tries[place] = self._tries.get(place, 0.0) + weight
            sums = self._cell(begun, service)
            sums.begun += 1
            sums.begun_weight += weight
            hit = export.hits.setdefault(Cell(begun, service), Hit())
            if user:
                hashed = hashed_user(user)
                hit.users[hashed] = hit.users.get(hashed, 0) + 1
            if where := own_site or site:
                hit.sites[where] = hit.sites.get(where, 0.0) + weight
        how = spans.ended_of_request(grpc, http, bad=outcome is _BAD)
        self._bone(service, span, how, "", route or _text(span.name), weight, is_call=False, bad=outcome is _BAD)

    def _calls(self, service: str, found: Sequence[Any], layouts: attributes.Layouts) -> None:  # noqa: C901 - as `_scope`
        layout_of = layouts.get
        known, learnt, is_error = attributes.known.get, attributes.learnt, attributes.is_error
        earliest, latest = self._earliest, self._latest
        ways = self._ways.setdefault(service, {})
        failing: set[bytes] = set()
        for span in found:
            name, told = span.name, span.attributes
            count = len(told)
            layout = layout_of((_CLIENT, name, count))
            if layout is None:
                layout = attributes.new_layout(layouts, _CLIENT, name, count, is_call=True)
            if layout.is_own:
                continue
            status = span.status
            error = bool(status) and is_error(status)
            callee = host = store = ""
            grpc = http = None
            place = layout.place
            if place >= 0 and layout.left and not error:
                layout.left -= 1
                attribute = told[place]
                one = known(attribute)
                if one is None:
                    one = learnt(attribute)
                said: Any = (one,) if one else ()
            else:
                said = layout.said(told, whole=error)
            for what, value in said:
                if what == CALLEE:
                    callee = value
                elif what == GRPC:
                    grpc = value
                elif what == HTTP:
                    http = value
                elif what == ADDRESS:
                    host = value
                elif what == STORE:
                    store = value
                elif what == NOBODYS:
                    break
            else:
                callee = callee or store or host
                raw = span.end_time_unix_nano
                began = span.start_time_unix_nano
                slow = raw - began >= _SLOW_NS and began > 0
                if not callee and not error and not slow:
                    continue
                ended = raw if earliest <= raw <= latest else self._moved()
                state = span.trace_state
                weight = _weight(state) if state else 1.0
                if callee:
                    seen = (ended // _SLICE_NS, callee)
                    way = ways.get(seen)
                    if way is None:
                        way = ways[seen] = [0, 0, 0.0]
                    way[0] += 1
                    if ended > way[1]:  # noqa: PLR1730 - max() costs three times as much
                        way[1] = ended
                    way[2] += weight
                if error or slow:
                    self._failed_call(
                        service, span, ended, weight, callee, grpc, http, store=bool(store), error=error, slow=slow
                    )
                    if error and (parent := span.parent_span_id):
                        failing.add(parent)
        if failing:
            self._siblings(service, found, failing)

    def _failed_call(
        self,
        service: str,
        span: Any,
        ended: int,
        weight: float,
        callee: str,
        grpc: int | None,
        http: int | None,
        *,
        store: bool,
        error: bool,
        slow: bool,
    ) -> None:
        how = spans.ended_of_call(grpc, http, error=error)
        # gRPC says UNAVAILABLE when there was no answer; other protocols then have no status to tell.
        silent = how == Ended.SILENT or (how == Ended.LATE and slow and http is None)
        if error and silent and callee and not store:
            slice = ended // _SLICE_NS
            # Both in one hour, because hours are folded one by one.
            begun = max(self._begun(span, ended), slice - slice % SLICES_AN_HOUR)
            lost = Lost(span.span_id, slice, callee, weight, ended // _MS_NS, begun, span.trace_id)
            self.export.lost.append(lost)
            self.export.lost += [
                lost._replace(callee=one.name)
                for one in self._promises.get(callee, ())
                if not one.events and (not one.routes or _text(span.name) in one.routes)
            ]
        self._bone(service, span, how, callee, _text(span.name), weight, is_call=True, bad=False)

    def _siblings(self, service: str, calls: Sequence[Any], failing: set[bytes]) -> None:
        """Calls that went well beside one that did not: it may have been tried again."""
        for span in calls:
            if span.parent_span_id in failing and not attributes.is_error(span.status):
                callee = next(
                    (
                        said[1]  # type: ignore[index]  # set by the clause below
                        for one in span.attributes
                        if (said := attributes.known.get(one)) and said[0] == CALLEE  # type: ignore[index]  # set by the clause below
                    ),
                    "",
                )
                self._bone(service, span, Ended.FINE, callee, _text(span.name), 1.0, is_call=True, bad=False)

    def _bone(
        self,
        service: str,
        span: Any,
        how: Ended,
        callee: str,
        route: str,
        weight: float,
        *,
        is_call: bool,
        bad: bool,
    ) -> None:
        began, ended = span.start_time_unix_nano // _MS_NS, span.end_time_unix_nano // _MS_NS
        ids = (span.trace_id, span.span_id, span.parent_span_id)
        self.export.bones.append((*ids, service, is_call, bad, began, ended, int(how), callee, route, weight))

    def _consumed(self, promised: tuple[Promise, ...], span: Any) -> None:
        """Counts an event that was processed, where one is promised; its status says how that went."""
        status, raw = span.status, span.end_time_unix_nano
        ended = raw if self._earliest <= raw <= self._latest else self._moved()
        outcome = _BAD if bool(status) and attributes.is_error(status) else _GOOD
        self._promised(promised, span, ended, outcome, events=True)

    def _promised(
        self, promised: tuple[Promise, ...], span: Any, ended: int, outcome: Outcome, *, events: bool = False
    ) -> None:
        """Counts a request, or an event, for the business services that it is part of."""
        if outcome is _LEFT_OUT:
            return
        names: set[str] | None = None
        weight = _weight(span.trace_state) if span.trace_state else 1.0
        length = span.end_time_unix_nano - span.start_time_unix_nano
        for one in promised:
            if one.events is not events:
                continue
            if one.routes:
                if names is None:
                    names = {_text(span.name), attributes.hit_by(span.attributes)[2]}
                if not names & one.routes:
                    continue
            bad = outcome is _BAD or (one.slow_ns > 0 and length > one.slow_ns)
            counted = Sums(weight, 0.0 if bad else weight, weight * weight, 1, int(bad), ended // _MS_NS)
            self._cell(ended // _SLICE_NS, one.name).merge(counted)

    def _begun(self, span: Any, ended: int) -> int:
        """The slice in which a span started; the one in which it counts, when its own time does not."""
        began: int = span.start_time_unix_nano
        return (began if self._earliest <= began <= ended else ended) // _SLICE_NS

    def _cell(self, slice: int, service: str) -> Sums:
        # A plain tuple equals the cell, and costs a third of making one.
        found = self.export.cells.get((slice, service))  # type: ignore[call-overload]  # see above
        if found is None:
            found = self.export.cells[Cell(slice, service)] = Sums()
        return found  # type: ignore[no-any-return]  # as above

    def _sum_up(self) -> None:
        export = self.export
        for service, good in self._good.items():
            for (slice, state), count in good.items():
                weight = _weight(state) if state else 1.0
                valid = weight * count
                last = min(self._newest[service] // _MS_NS, (slice + 1) * _SLICE_NS // _MS_NS - 1)
                self._cell(slice, service).merge(Sums(valid, valid, weight * valid, count, 0, last))
        for (slice, service, _), weight in self._tries.items():
            self._cell(slice, service).begun_squares += weight * weight
        for caller, ways in self._ways.items():
            for (slice, callee), (calls, last, called) in ways.items():
                export.ways[Way(slice, caller, callee)] = (calls, last // _MS_NS)
                self._cell(slice, callee).called += called
        export.bones = few(export.bones)


_of_grpc = lru_cache(maxsize=64)(spans.of_grpc)
_of_http = lru_cache(maxsize=1024)(spans.of_http)


@lru_cache(maxsize=4096)
def _text(name: bytes) -> str:
    return name.decode(errors="replace")[: attributes.LONGEST_NAME]
