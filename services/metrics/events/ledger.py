"""What the ledger hears: each event that it reads is kept as an input, and each entry that a booking tells is filed.

Nothing is booked here: the bookkeeper takes the inputs in one order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from google.protobuf.message import Message
from throughline.metrics.v1 import events_pb2
from throughline.sla.v1 import events_pb2 as sla_events

from services.metrics.rules.intake import Input
from services.metrics.rules.ledger import Entry
from services.metrics.wire.intake import OUTAGES, input_of
from services.metrics.wire.ledger import entry_of
from services.runtime.binding import Heard
from services.runtime.listener import Handler
from services.runtime.records import Change, Records


def ledger_changes(inputs: Records[Input]) -> Callable[[Heard[Any]], Iterable[Change]]:
    """Keeps an event as an input, once, however often and under whichever id it is told; nothing of most."""

    def keep(event: Heard[Any]) -> Iterable[Change]:
        one = input_of(event)
        if one is not None:
            yield inputs.entry(one.name, event.cause, lambda before: (before or one, ()))

    return keep


def calendar_handlers(inputs: Records[Input]) -> Mapping[type[Message], Handler]:
    """Store hours and shift plans, as sla publishes them."""
    return {sla_events.CalendarPublished: ledger_changes(inputs)}


def entry_handlers(entries: Records[Entry], inputs: Records[Input]) -> Mapping[type[Message], Handler]:
    """Files each entry that a booking tells, and keeps outages and business services; metrics hears itself for that."""

    def file(event: Heard[events_pb2.LedgerEntryRecorded]) -> Iterable[Change]:
        entry = entry_of(event.message)

        def decide(before: Entry | None) -> tuple[Entry, tuple[()]]:
            # Filed before under another cause: an operator has replayed it. An entry never changes.
            return before or entry, ()

        yield entries.entry(entry.name, event.cause, decide)

    keep = ledger_changes(inputs)
    return {events_pb2.LedgerEntryRecorded: file, **dict.fromkeys((*OUTAGES, events_pb2.BusinessServiceChanged), keep)}
