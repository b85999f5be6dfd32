"""The hours outside service that a ticket's clocks tell of, so that a journey can name them."""

from __future__ import annotations

from throughline.sla.v1 import sla_pb2
from throughline.type.v1 import interval_pb2

MOST = 1000
"""A journey takes no more; beyond it the latest are told, and earlier nights count as what they lie in."""


def off_hours(clocks: sla_pb2.TicketClocks | None) -> list[interval_pb2.Interval]:
    """Each closed stretch once, in order; old ones that a clock summed up have no bounds and are left out."""
    closed = sla_pb2.SEGMENT_KIND_CLOSED
    found: dict[tuple[int, int], interval_pb2.Interval] = {}
    for clock in clocks.clocks if clocks is not None else ():
        for one in clock.segments:
            if one.kind == closed and not one.merged_count:
                ends = (one.start_time.ToMilliseconds(), one.end_time.ToMilliseconds())
                found[ends] = interval_pb2.Interval(start_time=one.start_time, end_time=one.end_time)
    return [found[ends] for ends in sorted(found)][-MOST:]
