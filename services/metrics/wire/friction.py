"""The map of touchpoints as messages."""

from __future__ import annotations

from throughline.metrics.v1 import friction_pb2 as pb

from services.metrics.rules.fact import Fact
from services.metrics.rules.friction import By, FrictionMap, Row, Touchpoint, times
from services.metrics.wire.fact import fact_message
from services.metrics.wire.registry import value_message

TOUCHPOINTS = {one: pb.Touchpoint.Value(f"TOUCHPOINT_{one.name}") for one in Touchpoint}
_TOUCHPOINT_OF: dict[int, Touchpoint] = {value: one for one, value in TOUCHPOINTS.items()}
_BY_OF: dict[int, By] = {pb.FrictionBy.Value(f"FRICTION_BY_{one.name}"): one for one in By}


def touchpoint_of(number: int) -> Touchpoint:
    """The touchpoint that a request names.

    Raises:
        KeyError: it names none.
    """
    return _TOUCHPOINT_OF[number]


def by_of(number: int) -> By:
    """What the rows shall be; services when nothing is said."""
    return _BY_OF.get(number, By.SERVICE)


def map_message(found: FrictionMap) -> pb.FrictionMap:
    """The map."""
    return pb.FrictionMap(
        whole=_row(found.whole), rows=[_row(one) for one in found.rows], places_left_out=found.left_out
    )


def ticket_message(fact: Fact, touchpoint: Touchpoint) -> pb.FrictionTicket:
    """A ticket behind a cell."""
    return pb.FrictionTicket(fact=fact_message(fact), title=fact.title, times=times(fact, touchpoint))


def _row(row: Row) -> pb.FrictionRow:
    return pb.FrictionRow(
        place=row.place,
        ended_tickets=row.ended,
        cells=[
            pb.FrictionCell(
                touchpoint=TOUCHPOINTS[one.touchpoint], times=one.rate.numerator, rate=value_message(one.rate)
            )
            for one in row.cells
        ],
    )
