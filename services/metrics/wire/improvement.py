"""Improvements as messages, both ways."""

from __future__ import annotations

from throughline.metrics.v1 import events_pb2
from throughline.metrics.v1 import governance_pb2 as pb
from throughline.type.v1 import money_pb2

from services.metrics.rules.improvement import Basis, Draft, Improvement, ImprovementChanged, Source, State
from services.metrics.wire.board import interval_message, period_of
from services.metrics.wire.instants import set_instant, timestamp

STATES = {one: pb.ImprovementState.Value(f"IMPROVEMENT_STATE_{one.name}") for one in State}
STATE_OF = {value: one for one, value in STATES.items()}
_SOURCES = {one: pb.ImprovementSource.Value(f"IMPROVEMENT_SOURCE_{one.name}") for one in Source}
_SOURCE_OF = {value: one for one, value in _SOURCES.items()}


def draft_of(message: pb.Improvement) -> Draft:
    """What somebody wrote; the rules check it.

    Raises:
        Refusal: PERIOD_EMPTY.
    """
    basis = message.basis
    return Draft(
        title=message.title,
        goal=message.goal,
        owner=message.owner,
        basis=Basis(
            service=basis.service,
            root=basis.root,
            tickets=tuple(dict.fromkeys(basis.tickets)),
            period=period_of(basis.period, "improvement.basis.period"),
            share=basis.share_per_mille,
        ),
        source=_SOURCE_OF.get(message.source, Source.UNSPECIFIED),
        evidence=message.evidence,
        metric=message.metric,
        due_at=set_instant(message, "due_time"),
    )


def improvement_message(one: Improvement, etag: str) -> pb.Improvement:
    """An item as its readers see it."""
    basis, loss = one.basis, one.loss
    return pb.Improvement(
        name=one.name,
        etag=etag,
        title=one.title,
        goal=one.goal,
        owner=one.owner,
        state=STATES[one.state],
        basis=pb.ImprovementBasis(
            service=basis.service,
            root=basis.root,
            tickets=basis.tickets,
            period=interval_message(basis.period),
            share_per_mille=basis.share,
        ),
        source=_SOURCES[one.source],
        evidence=one.evidence,
        metric=one.metric,
        due_time=timestamp(one.due_at),
        start_time=timestamp(one.started_at),
        finish_time=timestamp(one.finished_at),
        loss=money_pb2.Money(currency_code=loss.currency, minor_units=loss.amount),
        expected=money_pb2.Money(currency_code=loss.currency, minor_units=one.expected),
        entries=loss.entries,
        read_time=timestamp(loss.read_at),
        other_currencies=loss.others,
        author=one.author,
    )


def told(event: ImprovementChanged, etag: str) -> events_pb2.ImprovementChanged:
    """The message of an event."""
    return events_pb2.ImprovementChanged(improvement=improvement_message(event.improvement, etag))
