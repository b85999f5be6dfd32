"""Ledger entries and bookings as messages and back, and the ends of incidents as the events of tickets tell them."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

from google.protobuf.duration_pb2 import Duration
from throughline.metrics.v1 import events_pb2, ledger_pb2
from throughline.metrics.v1 import metrics_pb2 as pb
from throughline.tickets.v1 import ticket_pb2
from throughline.type.v1 import money_pb2

from services.metrics.rules.books import Reopened
from services.metrics.rules.claims import End, Evidence, Place
from services.metrics.rules.fact import EPOCH, State
from services.metrics.rules.fold import Seen, exclusion_of
from services.metrics.rules.formulas import AnyInputs, HourInput, Measured, amounts_of, numbers_of
from services.metrics.rules.ledger import Booking, Entry, EntryRecorded, LeftOut
from services.metrics.rules.people_model import FORMULA as PEOPLE
from services.metrics.rules.people_model import Inputs
from services.metrics.wire.board import CATEGORIES
from services.metrics.wire.fact import CHANNEL_OF, CHANNELS, TYPE_OF, TYPES, seen
from services.metrics.wire.inputs import named
from services.metrics.wire.instants import instant, set_instant, timestamp

CATEGORY_OF = {value: one for one, value in CATEGORIES.items()}
_HOUR = timedelta(hours=1)
_MS = timedelta(milliseconds=1)


def end_of(message: Any) -> End | None:
    """The end of an incident that an event tells; None when it tells none, or one that was told before."""
    ticket: ticket_pb2.Ticket = message.ticket
    told = seen(message)
    resolved_at = set_instant(ticket, "resolve_time")
    if told.state is State.CLOSED and resolved_at is None:
        ended_at = set_instant(ticket, "close_time")
    elif told.state is State.CANCELLED:
        ended_at = instant(ticket.update_time)
    else:
        ended_at = resolved_at if told.state is State.RESOLVED else None
    if ended_at is None:
        return None
    return End(
        ticket=told.name,
        etag=ticket.etag,
        state=told.state,
        impact=told.impact,
        place=_place(told),
        exclusion=exclusion_of(told),
        opened_at=told.opened_at,
        ended_at=ended_at,
        importing=told.importing,
    )


def reopened_of(message: Any) -> Reopened:
    """The reopening that an event tells."""
    return Reopened(message.ticket.name, message.ticket.etag)


def entry_message(entry: Entry) -> pb.LedgerEntry:
    """An entry as its readers see it; hours in which nothing was lost have no line."""
    first = entry.amounts.first_hour
    hours = entry.inputs.hours if isinstance(entry.inputs, Measured) else ()
    return pb.LedgerEntry(
        name=entry.name,
        category=CATEGORIES[entry.category],
        lines=[
            pb.LedgerLine(
                service=entry.place.service, hour_time=timestamp(first + at * _HOUR), amount=_money(entry, amount)
            )
            for at, amount in enumerate(entry.amounts.amounts)
            if amount
        ],
        total=_money(entry, entry.total),
        formula=entry.formula,
        evidence=[pb.Evidence(resource=one.resource, version=one.version, note=one.note) for one in entry.evidence],
        inputs=[named(entry.formula, name, value) for name, value in numbers_of(entry.inputs).items()],
        occur_time=timestamp(entry.occurred_at),
        record_time=timestamp(entry.recorded_at),
        reverses=entry.reverses,
        provisional=entry.provisional,
        low=_money(entry, entry.low),
        middle=_money(entry, entry.middle),
        high=_money(entry, entry.high),
        ticket=entry.ticket,
        cause=entry.cause,
        hours=[hour_message(one) for one in hours],
        left_out=[left_out_message(one) for one in entry.left_out],
    )


def hour_message(hour: HourInput) -> pb.FormulaHour:
    """An hour that a formula adds up."""
    return pb.FormulaHour(
        hour_time=timestamp(EPOCH + hour.start_ms * _MS),
        milliseconds=hour.ms,
        expected_milli=hour.expected,
        actual_milli=hour.actual,
        recovered_milli=hour.recovered,
    )


def left_out_message(one: LeftOut) -> pb.LeftOutTime:
    """Time that is not in an amount."""
    length = Duration(seconds=one.ms // 1000, nanos=one.ms % 1000 * 1_000_000)
    return pb.LeftOutTime(resource=one.resource, duration=length, reason=one.why)


def entry_of(message: events_pb2.LedgerEntryRecorded) -> Entry:
    """The entry that an event holds; its lines are made from its inputs.

    Raises:
        KeyError, TypeError: a formula, category or input that this release does not know.
        ValueError: its inputs do not give its total.
    """
    one = message.entry
    inputs = inputs_of(one)
    entry = Entry(
        name=one.name,
        # An entry of before there were other causes names its ticket alone.
        cause=one.cause or one.ticket,
        category=CATEGORY_OF[one.category],
        currency=one.total.currency_code,
        formula=one.formula,
        inputs=inputs,
        amounts=amounts_of(one.formula, inputs),
        place=Place(
            service=message.place.service,
            team=message.place.team,
            site=message.place.site,
            unit=message.place.unit,
            channel=CHANNEL_OF[message.place.channel],
            type=TYPE_OF[message.place.type],
            priority=message.place.priority,
            source=message.place.source,
            item=message.place.item,
        ),
        evidence=tuple(Evidence(given.resource, given.version, given.note) for given in one.evidence),
        occurred_at=instant(one.occur_time),
        recorded_at=instant(one.record_time),
        reverses=one.reverses,
        provisional=one.provisional,
        left_out=tuple(
            LeftOut(given.resource, given.duration.seconds * 1000 + given.duration.nanos // 1_000_000, given.reason)
            for given in one.left_out
        ),
    )
    if entry.total != one.total.minor_units:
        raise ValueError(f"{one.name} says {one.total.minor_units}, and its inputs give {entry.total}")
    return entry


def inputs_of(entry: pb.LedgerEntry) -> AnyInputs:
    """The inputs that an entry shows.

    Raises:
        TypeError: an input that this release does not know.
    """
    numbers = {given.name: given.value for given in entry.inputs}
    if entry.formula == PEOPLE:
        return Inputs(**numbers)
    hours = tuple(
        HourInput(
            (instant(one.hour_time) - EPOCH) // _MS,
            one.milliseconds,
            one.expected_milli,
            one.actual_milli,
            one.recovered_milli,
        )
        for one in entry.hours
    )
    # A reversal draws as the entry did that it takes back.
    seed = (entry.reverses or entry.name) if "count_low_per_mille" in numbers else ""
    return Measured(tuple(numbers.items()), hours, seed)


def booking_message(booking: Booking) -> ledger_pb2.Booking:
    """What the ledger holds of one cause."""
    span = booking.span
    return ledger_pb2.Booking(
        name=booking.name,
        cause=booking.cause,
        service=booking.service,
        entry=booking.open.name if booking.open is not None else "",
        unbooked_reason=booking.unbooked.name if booking.unbooked else "",
        unbooked_note=booking.unbooked.value,
        start_time=timestamp(span[0]) if span else None,
        end_time=timestamp(span[1]) if span else None,
    )


def told(event: EntryRecorded) -> events_pb2.LedgerEntryRecorded:
    """The message of an event."""
    place = event.entry.place
    return events_pb2.LedgerEntryRecorded(
        entry=entry_message(event.entry),
        place=events_pb2.LedgerPlace(
            service=place.service,
            team=place.team,
            site=place.site,
            unit=place.unit,
            channel=CHANNELS[place.channel],
            type=TYPES[place.type],
            priority=place.priority,
            source=place.source,
            item=place.item,
        ),
    )


def canonical(entry: Entry) -> bytes:
    """SHA-256 of everything that an entry says, the same on every machine."""
    return hashlib.sha256(told(EntryRecorded(entry)).SerializeToString(deterministic=True)).digest()


def _place(told: Seen) -> Place:
    return Place(
        *(told.service, told.team, told.site, told.unit, told.channel, told.type, told.priority, told.source, told.item)
    )


def _money(entry: Entry, amount: int) -> money_pb2.Money:
    return money_pb2.Money(currency_code=entry.currency, minor_units=amount)
