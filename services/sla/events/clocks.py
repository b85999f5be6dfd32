"""The events of tickets: each is one decision on the clocks of its ticket, folded in the order of the ticket."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from throughline.tickets.v1 import events_pb2

from services.runtime.binding import Heard
from services.runtime.listener import Handler
from services.runtime.records import Change, Follow, Records
from services.sla.rules.clocks import ClocksEvent, TicketClocks
from services.sla.rules.fold import fold
from services.sla.rules.history import extended
from services.sla.store import Shelf
from services.sla.store.roster import Roster
from services.sla.wire.ticket import clocks_name, seen, updates

# All of them, those that turn no clock as well: a fold takes a ticket's events without gap.
TICKET_EVENTS: tuple[type[Message], ...] = tuple(
    GetMessageClass(one)
    for one in events_pb2.DESCRIPTOR.message_types_by_name.values()
    if "ticket" in one.fields_by_name
)


Also = Callable[[Heard[Any]], Iterable[Change]]


def handlers(
    clocks: Records[TicketClocks], shelf: Shelf, roster: Roster, *before: Also
) -> Mapping[type[Message], Handler]:
    """What sla does about each event of tickets; it judges by the event's own time and by the book on the shelf.

    roster: says whether a requester is a VIP; asked once, when the ticket is first heard of, and never of a history.
    before: what else is decided by the same event, written ahead of the clocks.
    """

    def turn(event: Heard[Any]) -> Iterable[Change]:
        for one in before:
            yield from one(event)
        ticket, book = seen(event.message.ticket, updated=updates(event.message)), shelf.book
        vip = not ticket.importing and roster.shelved.directory.is_vip(ticket.requester)

        def decide(state: TicketClocks | None) -> tuple[TicketClocks, tuple[ClocksEvent, ...]]:
            known = replace(ticket, facts=replace(ticket.facts, vip=vip if state is None else state.facts.vip))
            after, told = fold(state, known, event.time, event.cause.id, book)
            if state is None or state.history:
                after = replace(after, history=extended(after.history, known, after.last_at))
            return after, told

        follow = Follow(event.resource, event.sequence, fold=True)
        yield clocks.entry(clocks_name(ticket.name), event.cause, decide, follow=follow)

    return dict.fromkeys(TICKET_EVENTS, turn)
