"""Bottlenecks of late tickets as messages."""

from __future__ import annotations

from google.protobuf.duration_pb2 import Duration
from throughline.metrics.v1 import bottlenecks_pb2 as pb

from services.metrics.rules.bottleneck import Cause, bottleneck
from services.metrics.rules.bottleneck_report import BottleneckReport
from services.metrics.rules.fact import Fact
from services.metrics.wire.fact import fact_message
from services.metrics.wire.registry import value_message

CAUSES = {one: pb.BottleneckCause.Value(f"BOTTLENECK_CAUSE_{one.name}") for one in Cause}
_CAUSE_OF: dict[int, Cause] = {value: one for one, value in CAUSES.items()}


def cause_of(number: int) -> Cause | None:
    """The cause that a request asks for; None for every one."""
    return _CAUSE_OF.get(number)


def report_message(report: BottleneckReport) -> pb.BottleneckReport:
    """The report."""
    return pb.BottleneckReport(
        causes=[
            pb.BottleneckCauseRow(
                cause=CAUSES[one.cause],
                tickets=one.tickets,
                waited=Duration(seconds=one.seconds),
                share=value_message(one.share),
            )
            for one in report.rows
        ],
        late_tickets=report.late,
        ended_tickets=report.ended,
    )


def ticket_message(fact: Fact) -> pb.BottleneckTicket:
    """A late ticket with what it waited for longest."""
    found = pb.BottleneckTicket(fact=fact_message(fact), title=fact.title)
    if (late := bottleneck(fact)) is not None:
        found.cause = CAUSES[late.cause]
        found.waited.seconds = late.seconds
    return found
