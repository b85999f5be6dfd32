"""Events of tickets and of their clocks, taken by the chain of the ticket: each holds all that it needs to know."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from throughline.sla.v1 import events_pb2
from throughline.tickets.v1 import events_pb2 as ticket_events

from services.runtime.binding import Heard
from services.runtime.listener import Handler
from services.runtime.records import Change, Follow, Records
from services.sla.rules.chain import Chain, Folded, take_clocks, take_subject
from services.sla.store import Shelf
from services.sla.store.roster import Roster
from services.sla.wire import chain as wire

CLOCK_EVENTS: tuple[type[Message], ...] = tuple(
    GetMessageClass(one)
    for one in events_pb2.DESCRIPTOR.message_types_by_name.values()
    if "clocks" in one.fields_by_name
)
# These say nothing about priority, type, service, team or assignee.
_OF_NO_MATTER = (
    ticket_events.CommentAdded,
    ticket_events.AttachmentAdded,
    ticket_events.TicketLinked,
    ticket_events.TicketUnlinked,
    ticket_events.ImpactStartSet,
)


def ticket_changes(chains: Records[Chain], shelf: Shelf, roster: Roster) -> Callable[[Heard[Any]], Iterable[Change]]:
    """What escalation does about an event of a ticket: nothing while it is imported, or before there is a plan."""

    def turn(event: Heard[Any]) -> Iterable[Change]:
        ticket = event.message.ticket
        if not roster.shelved.plans or ticket.importing or isinstance(event.message, _OF_NO_MATTER):
            return
        subject, book, shelved = wire.subject(ticket), shelf.book, roster.shelved

        def decide(chain: Chain | None) -> Folded:
            return take_subject(chain or Chain(ticket.name), subject, event.time, book, shelved)

        follow = Follow(event.resource, event.sequence, fold=False)
        yield chains.entry(wire.chain_name(ticket.name), event.cause, decide, follow=follow)

    return turn


def clock_handlers(chains: Records[Chain], shelf: Shelf, roster: Roster) -> Mapping[type[Message], Handler]:
    """What escalation does about each event of clocks; sla hears its own stream for that."""

    def turn(event: Heard[Any]) -> Iterable[Change]:
        told = event.message.clocks
        if not roster.shelved.plans or told.importing:
            return
        clocks, book, shelved = wire.clocks(told), shelf.book, roster.shelved

        def decide(chain: Chain | None) -> Folded:
            return take_clocks(chain or Chain(told.ticket), clocks, event.time, book, shelved)

        follow = Follow(event.resource, event.sequence, fold=False)
        yield chains.entry(wire.chain_name(told.ticket), event.cause, decide, follow=follow)

    return dict.fromkeys(CLOCK_EVENTS, turn)
