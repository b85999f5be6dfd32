"""Ends and reopenings of incidents, booked in the order of their ticket; entries put on file as they are told.

The booking of a ticket tells its entries, and what it told becomes a document of its own; a crash between the two is
healed by the redelivery of what was told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from google.protobuf.message import Message
from throughline.metrics.v1 import events_pb2
from throughline.tickets.v1 import events_pb2 as ticket_events
from throughline.tickets.v1 import ticket_pb2

from services.metrics.rules.ledger import Booked, Booking, Entry, book, booking_name, take_back
from services.metrics.store.cost_models import Models
from services.metrics.wire.ledger import end_of, entry_of
from services.runtime.binding import Heard
from services.runtime.listener import Handler
from services.runtime.records import Change, Follow, Records

_ENDS = (ticket_events.TicketResolved, ticket_events.TicketClosed, ticket_events.TicketCancelled)


def ledger_changes(bookings: Records[Booking], models: Models) -> Callable[[Heard[Any]], Iterable[Change]]:
    """What the ledger does about an event of a ticket: nothing about most.

    Ends and reopenings of a ticket take turns, so that the count of its reopenings numbers both without a gap: what
    comes too early waits, what comes again or ends an ended round is dropped.
    """

    def turn(event: Heard[Any]) -> Iterable[Change]:
        ticket: ticket_pb2.Ticket = event.message.ticket
        if ticket.type != ticket_pb2.TICKET_TYPE_INCIDENT:
            return
        model = models.incidents
        if isinstance(event.message, ticket_events.TicketReopened):
            number = 2 * ticket.reopens

            def decide(before: Booking | None) -> Booked:
                return take_back(before, ticket.name, ticket.etag, number, event.time)

        elif isinstance(event.message, _ENDS) and (end := end_of(event.message)) is not None:
            number = 2 * ticket.reopens + 1

            def decide(before: Booking | None) -> Booked:
                return book(before, end, number, event.time, model)

        else:
            return
        follow = Follow(event.resource, number, fold=True)
        yield bookings.entry(booking_name(ticket.name), event.cause, decide, follow=follow)

    return turn


def entry_handlers(entries: Records[Entry]) -> Mapping[type[Message], Handler]:
    """Files each entry that a booking tells; metrics hears its own stream for that."""

    def file(event: Heard[events_pb2.LedgerEntryRecorded]) -> Iterable[Change]:
        entry = entry_of(event.message)

        def decide(before: Entry | None) -> tuple[Entry, tuple[()]]:
            # Filed before under another cause: an operator has replayed it. An entry never changes.
            return before or entry, ()

        yield entries.entry(entry.name, event.cause, decide)

    return {events_pb2.LedgerEntryRecorded: file}
