"""Facts as messages, and the events of tickets and clocks as a fact sees them."""

from __future__ import annotations

from typing import Any

from throughline.metrics.v1 import metrics_pb2 as pb
from throughline.sla.v1 import sla_pb2
from throughline.tickets.v1 import events_pb2, ticket_pb2

from services.metrics.rules.fact import Channel, Fact, Judged, State, Type
from services.metrics.rules.fold import Seen, SeenClocks
from services.metrics.rules.waits import Wait
from services.metrics.wire.instants import duration, instant, set_instant, timestamp

TYPES = {one: ticket_pb2.TicketType.Value(f"TICKET_TYPE_{one.name}") for one in Type}
STATES = {one: ticket_pb2.TicketState.Value(f"TICKET_STATE_{one.name}") for one in State}
CHANNELS = {one: ticket_pb2.Channel.Value(f"CHANNEL_{one.name}") for one in Channel}
TYPE_OF = {value: one for one, value in TYPES.items()}
STATE_OF = {value: one for one, value in STATES.items()}
CHANNEL_OF = {value: one for one, value in CHANNELS.items()}
_HOLDS = {
    ticket_pb2.HOLD_REASON_VENDOR: Wait.VENDOR,
    ticket_pb2.HOLD_REASON_PROBLEM: Wait.PROBLEM,
    ticket_pb2.HOLD_REASON_CHANGE: Wait.CHANGE,
    ticket_pb2.HOLD_REASON_EVIDENCE: Wait.EVIDENCE,
}


def seen(message: Any) -> Seen:
    """What an event of a ticket says of it.

    Raises:
        KeyError: a state, type or channel that this release does not know.
    """
    ticket: ticket_pb2.Ticket = message.ticket
    code = ticket.resolution.code
    return Seen(
        name=ticket.name,
        type=TYPE_OF[ticket.type],
        state=STATE_OF[ticket.state],
        title=ticket.title,
        importing=ticket.importing,
        impact=ticket.impact,
        urgency=ticket.urgency,
        priority=ticket.priority,
        service=ticket.service,
        category=ticket.category,
        team=ticket.team,
        given=_given(message, ticket),
        site=ticket.site,
        unit=ticket.unit,
        channel=CHANNEL_OF[ticket.channel],
        source=ticket.source,
        item=ticket.item,
        opened_at=instant(ticket.open_time),
        responded_at=set_instant(ticket, "first_response_time"),
        no_fault=code == ticket_pb2.RESOLUTION_CODE_NO_FAULT,
        duplicate=code == ticket_pb2.RESOLUTION_CODE_DUPLICATE
        or any(link.relation == ticket_pb2.LINK_RELATION_DUPLICATES for link in ticket.links),
        knowledge_used=ticket.knowledge_used,
        passed_on=_passed_on(message, ticket),
        asked=isinstance(message, events_pb2.RequesterAsked),
        contacted=_contacted(message, ticket),
        caused_by=tuple(link.target for link in ticket.links if _blames_a_change(link)),
        problems=tuple(link.target for link in ticket.links if link.target.startswith("problems/")),
        hold=_HOLDS.get(ticket.hold.reason, Wait.OTHER),
        has_person=bool(ticket.assignee),
        unheld=_unheld(message, ticket),
    )


def _given(message: Any, ticket: ticket_pb2.Ticket) -> bool:
    if isinstance(message, events_pb2.TicketAssigned):
        return bool(ticket.assignee) and ticket.assignee != message.previous_assignee
    return isinstance(message, events_pb2.TicketOpened) and bool(ticket.assignee)


def _passed_on(message: Any, ticket: ticket_pb2.Ticket) -> bool:
    if not isinstance(message, events_pb2.TicketAssigned) or message.previous_team != ticket.team:
        return False
    return bool(message.previous_assignee and ticket.assignee) and message.previous_assignee != ticket.assignee


def _unheld(message: Any, ticket: ticket_pb2.Ticket) -> bool:
    if not isinstance(message, events_pb2.TicketAssigned) or ticket.assignee:
        return False
    return message.previous_team not in ("", ticket.team)


def _contacted(message: Any, ticket: ticket_pb2.Ticket) -> bool:
    if not isinstance(message, events_pb2.CommentAdded) or message.comment.visibility != ticket_pb2.VISIBILITY_PUBLIC:
        return False
    return message.comment.author in {ticket.requester, ticket.opener} - {""}


def _blames_a_change(link: ticket_pb2.Link) -> bool:
    return link.relation == ticket_pb2.LINK_RELATION_CAUSED_BY and link.target.startswith("changes/")


def seen_clocks(clocks: sla_pb2.TicketClocks) -> SeenClocks:
    """What an event of clocks says of them; a cancelled clock judges nothing."""
    by_kind = {clock.kind: _judged(clock) for clock in clocks.clocks}
    return SeenClocks(
        ticket=clocks.ticket,
        response=by_kind.get(sla_pb2.CLOCK_KIND_RESPONSE, Judged()),
        resolution=by_kind.get(sla_pb2.CLOCK_KIND_RESOLUTION, Judged()),
    )


def _judged(clock: sla_pb2.Clock) -> Judged:
    if clock.state == sla_pb2.CLOCK_STATE_CANCELLED:
        return Judged()
    breached_at = set_instant(clock, "breach_time")
    if clock.state not in (sla_pb2.CLOCK_STATE_MET, sla_pb2.CLOCK_STATE_MISSED):
        return Judged(breached_at=breached_at)
    return Judged(
        finished_at=set_instant(clock, "stop_time"),
        met=clock.state == sla_pb2.CLOCK_STATE_MET,
        elapsed=clock.elapsed.seconds,
        breached_at=breached_at,
    )


def fact_message(fact: Fact) -> pb.Fact:
    """A fact as its readers see it."""
    return pb.Fact(
        name=fact.name,
        ticket=fact.ticket,
        type=TYPES[fact.type],
        state=STATES[fact.state],
        priority=fact.priority,
        service=fact.service,
        team=fact.team,
        site=fact.site,
        unit=fact.unit,
        channel=CHANNELS[fact.channel],
        source=fact.source,
        item=fact.item,
        open_time=timestamp(fact.opened_at),
        first_ack_time=timestamp(fact.acked_at),
        first_response_time=timestamp(fact.responded_at),
        first_resolve_time=timestamp(fact.first_resolved_at),
        resolve_time=timestamp(fact.resolved_at),
        close_time=timestamp(fact.closed_at),
        reassignments=fact.reassignments,
        assignment_changes=fact.assignment_changes,
        reopens=fact.reopens,
        response_finished=fact.response.finished_at is not None,
        response_met=fact.response.met,
        resolution_finished=fact.resolution.finished_at is not None,
        resolution_met=fact.resolution.met,
        hold_duration=duration(fact.waited),
        revision=fact.revision,
        knowledge_used=fact.knowledge_used,
        excluded=fact.is_excluded,
        exclusion_rule=fact.exclusion.value,
    )
