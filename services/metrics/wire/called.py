"""Calls that a service made, counted from its spans: whom it called how often, and what is kept of failed ones."""

from __future__ import annotations

from typing import Any

from services.metrics.rules import span as spans
from services.metrics.rules.availability import SLICES_AN_HOUR, Lost, Way
from services.metrics.rules.blame import Ended
from services.metrics.wire import attributes, layouts
from services.metrics.wire.attributes import ADDRESS, CALLEE, GRPC, HTTP, NOBODYS, OK, STORE
from services.metrics.wire.layouts import Layout
from services.metrics.wire.tally import MS_NS, SLICE_NS, SLOW_NS, Tally, text, weight_of


class Called:
    """The calls of one service in one export."""

    def __init__(self, service: str, tally: Tally) -> None:
        self._service = service
        self._tally = tally
        self._layouts = layouts.of_calls(service)
        # When calls ended, by whom they were to and their weight; the same lists by the attributes that say so.
        self._ends: dict[tuple[str, float], list[int]] = {}
        self._ends_of: dict[Any, list[int]] = {}

    def count(self, found: list[Any]) -> None:
        """Counts the spans of one list, in which the tries of one request stand beside each other."""
        # As the loop over requests: nearly every call went well and names whom it was to where its likes do, so that
        # the very bytes of the attribute lead to the list of its ends.
        layout_of, ends_of = self._layouts.latest.get, self._ends_of.get
        failing: set[bytes] = set()
        for span in found:
            name, told = span.name, span.attributes
            layout = layout_of(name)
            if layout is None or layout.count != len(told):
                layout = self._layouts.find(name, len(told))
            if layout.left and (not (status := span.status) or status == OK):
                ended = span.end_time_unix_nano
                if ended - span.start_time_unix_nano < SLOW_NS:
                    layout.left -= 1
                    said = told[layout.place] if layout.place >= 0 else layout.at_places(told)
                    state = span.trace_state
                    key = (said, weight_of(state)) if state else said
                    ends = ends_of(key)
                    if ends is None:
                        ends = self._ends_of_new(key, layout.at_places(told), weight_of(state))
                    ends.append(ended)
                    continue
            if not layout.is_own and self._judge(span, layout, told) and (parent := span.parent_span_id):
                failing.add(parent)
        if failing:
            self._siblings(found, failing)

    def sum_up(self) -> None:
        """Adds up what was counted so far."""
        tally, ways = self._tally, self._tally.export.ways
        for (callee, weight), ends in self._ends.items():
            if not callee:
                continue
            for slice, count, last in tally.slices(ends):
                way = Way(slice, self._service, callee)
                calls, latest = ways.get(way, (0, 0))
                ways[way] = calls + count, max(latest, last // MS_NS)
                tally.cell(slice, callee).called += weight * count

    def _ends_of_new(self, key: Any, found: tuple[bytes, ...], weight: float) -> list[int]:
        """Where the ends of calls belong whose attributes were not seen before in this export; "" is to nobody."""
        said = dict(attributes.said(found))
        callee = "" if NOBODYS in said else _callee(said)
        ends = self._ends_of[key] = self._ends.setdefault((callee, weight), [])
        return ends

    def _judge(self, span: Any, layout: Layout, told: Any) -> bool:
        """Counts a call of which more is to be read; returns whether it failed."""
        tally = self._tally
        error = attributes.is_error(span.status)
        said = dict(layout.said(told, whole=error))
        if NOBODYS in said:
            return False
        callee = _callee(said)
        raw, began = span.end_time_unix_nano, span.start_time_unix_nano
        slow = raw - began >= SLOW_NS and began > 0
        weight = weight_of(span.trace_state)
        if callee:
            self._ends.setdefault((callee, weight), []).append(raw)
        if error or slow:
            # The ends of those that have a callee are believed, or not, when they are added up.
            ended = tally.at(raw) if callee else tally.believed(raw)
            self._failed(span, ended, weight, callee, said, error=error, slow=slow)
        return error

    def _failed(
        self, span: Any, ended: int, weight: float, callee: str, said: dict[int, Any], *, error: bool, slow: bool
    ) -> None:
        tally, http = self._tally, said.get(HTTP)
        how = spans.ended_of_call(said.get(GRPC), http, error=error)
        # gRPC says UNAVAILABLE when there was no answer; other protocols then have no status to tell.
        silent = how == Ended.SILENT or (how == Ended.LATE and slow and http is None)
        name = text(span.name)
        if error and silent and callee and STORE not in said:
            slice = ended // SLICE_NS
            # Both in one hour, because hours are folded one by one.
            begun = max(tally.begun(span, ended), slice - slice % SLICES_AN_HOUR)
            lost = Lost(span.span_id, slice, callee, weight, ended // MS_NS, begun, span.trace_id)
            tally.export.lost.append(lost)
            tally.export.lost += [
                lost._replace(callee=one.name)
                for one in tally.promises.get(callee, ())
                if not one.events and (not one.routes or name in one.routes)
            ]
        tally.bone(self._service, span, how, callee, name, weight, is_call=True, bad=False)

    def _siblings(self, found: list[Any], failing: set[bytes]) -> None:
        """Calls that went well beside one that did not: it may have been tried again."""
        for span in found:
            if span.parent_span_id in failing and not attributes.is_error(span.status):
                said = (attributes.known.get(one) for one in span.attributes)
                callee = next((one[1] for one in said if one and one[0] == CALLEE), "")
                self._tally.bone(self._service, span, Ended.FINE, callee, text(span.name), 1.0, is_call=True, bad=False)


def _callee(said: dict[int, Any]) -> str:
    """Whom a call was to: as it is named, else the database, else the host."""
    return said.get(CALLEE) or said.get(STORE) or said.get(ADDRESS) or ""
