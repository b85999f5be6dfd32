"""Events of tickets and of clocks, folded into the fact of their ticket."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from google.protobuf.descriptor import FileDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from throughline.sla.v1 import events_pb2 as sla_events
from throughline.tickets.v1 import events_pb2 as ticket_events

from services.metrics.rules.fact import Fact, fact_name
from services.metrics.rules.fold import Folded, fold_clocks, fold_ticket
from services.metrics.wire.fact import seen, seen_clocks
from services.runtime.binding import Heard
from services.runtime.listener import Handler
from services.runtime.records import Change, Follow, Records

Also = Callable[[Heard[Any]], Iterable[Change]]


def with_field(file: FileDescriptor, field: str) -> tuple[type[Message], ...]:
    """All events of a file that hold the resource; a fold takes every one of them, also those that change nothing."""
    return tuple(GetMessageClass(one) for one in file.message_types_by_name.values() if field in one.fields_by_name)


TICKET_EVENTS = with_field(ticket_events.DESCRIPTOR, "ticket")
CLOCK_EVENTS = with_field(sla_events.DESCRIPTOR, "clocks")


def ticket_handlers(facts: Records[Fact], *also: Also) -> Mapping[type[Message], Handler]:
    """What metrics does about each event of a ticket. also: what else is decided by the same event."""

    def turn(event: Heard[Any]) -> Iterable[Change]:
        told = seen(event.message)
        # A person acts, or a service on a person's behalf; a bot has nobody behind it.
        human = bool(event.cause.actor.behalf)

        def decide(fact: Fact | None) -> Folded:
            return fold_ticket(fact, told, event.time, human=human)

        follow = Follow(event.resource, event.sequence, fold=True)
        yield facts.entry(fact_name(told.name), event.cause, decide, follow=follow)
        for one in also:
            yield from one(event)

    return dict.fromkeys(TICKET_EVENTS, turn)


def clock_handlers(facts: Records[Fact], *also: Also) -> Mapping[type[Message], Handler]:
    """What metrics does about each event of clocks; they may come before their ticket's."""

    def turn(event: Heard[Any]) -> Iterable[Change]:
        told = seen_clocks(event.message.clocks)

        def decide(fact: Fact | None) -> Folded:
            return fold_clocks(fact, told, event.time)

        follow = Follow(event.resource, event.sequence, fold=True)
        yield facts.entry(fact_name(told.ticket), event.cause, decide, follow=follow)
        for one in also:
            yield from one(event)

    return dict.fromkeys(CLOCK_EVENTS, turn)
