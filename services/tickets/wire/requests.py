"""Requests -> what the rules and the store ask for."""

from __future__ import annotations

import hashlib
from datetime import datetime

from throughline.tickets.v1 import tickets_service_pb2 as pb

from services.tickets.rules.history import Opening, Past, Step
from services.tickets.rules.selection import Order, Selection
from services.tickets.rules.ticket import Channel, HoldReason, Type
from services.tickets.rules.work import Filing
from services.tickets.wire.words import CHANNELS, HOLD_REASONS, ORDERS, STATES, TYPES, moment


def filing(request: pb.CreateTicketRequest) -> Filing:
    """What is filed; a channel that is not said is the API."""
    channel = CHANNELS.word(request.channel)
    return Filing(
        type=TYPES.word(request.type),
        title=request.title,
        description=request.description,
        requester=request.requester,
        channel=Channel.API if channel is Channel.UNSPECIFIED else channel,
        service=request.service,
        category=request.category,
        site=request.site,
        impact=request.impact,
        urgency=request.urgency,
        item=request.item,
        impact_started_at=impact_start(request),
    )


def impact_start(request: pb.CreateTicketRequest | pb.SetImpactStartRequest) -> datetime | None:
    """When the impact began; None where nothing is said of it."""
    return moment(request.impact_start_time) if request.HasField("impact_start_time") else None


def selection(asked: pb.TicketFilter) -> Selection:
    """Which tickets a list asks for."""
    return Selection(
        states=STATES.words(asked.states),
        types=TYPES.words(asked.types),
        priorities=frozenset(asked.priorities),
        requester=asked.requester,
        team=asked.team,
        assignee=asked.assignee,
        service=asked.service,
        owes_answer=asked.owes_answer,
        source=asked.source,
        external_id=asked.external_id,
        text=asked.text,
    )


def order(asked: pb.ListTicketsRequest) -> Order:
    """How the list is sorted; newest first when nothing is said."""
    return ORDERS.word_or(asked.order, Order.NEWEST_FIRST)


def past(source: str, history: pb.TicketHistory) -> Past:
    """A ticket's rows in their order."""
    return Past(_opening(source, history), tuple(_step(row) for row in history.steps), history.complete)


def _opening(source: str, history: pb.TicketHistory) -> Opening:
    return Opening(
        source=source,
        external_id=history.external_id,
        type=TYPES.word_or(history.type, Type.INCIDENT),
        opened_at=moment(history.open_time),
        title=history.title,
        requester=history.requester,
        opener=history.opener,
        channel=CHANNELS.word_or(history.channel, Channel.UNSPECIFIED),
        unit=history.unit,
    )


def _step(row: pb.Step) -> Step:
    return Step(
        id=row.id,
        at=moment(row.time),
        state=STATES.word(row.state),
        hold_reason=HOLD_REASONS.word_or(row.hold_reason, HoldReason.OTHER),
        impact=row.impact,
        urgency=row.urgency,
        team=row.team,
        assignee=row.assignee,
        category=row.category,
        service=row.service,
        site=row.site,
        actor=row.actor,
        knowledge_used=row.knowledge_used,
        digest=hashlib.sha256(row.SerializeToString(deterministic=True)).hexdigest(),
    )
