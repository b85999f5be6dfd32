"""Ledger entries as messages and back, and the ends of incidents as the events of tickets tell them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from throughline.metrics.v1 import events_pb2
from throughline.metrics.v1 import metrics_pb2 as pb
from throughline.tickets.v1 import ticket_pb2
from throughline.type.v1 import money_pb2

from services.metrics.rules.fact import State
from services.metrics.rules.fold import Seen, exclusion_of
from services.metrics.rules.ledger import FORMULAS, End, Entry, EntryRecorded, Evidence, Place, inputs_by_name
from services.metrics.rules.people_model import Inputs
from services.metrics.wire.board import CATEGORIES
from services.metrics.wire.fact import CHANNEL_OF, CHANNELS, TYPE_OF, TYPES, seen
from services.metrics.wire.instants import instant, set_instant, timestamp

CATEGORY_OF = {value: one for one, value in CATEGORIES.items()}
_HOUR = timedelta(hours=1)
_TICKET = "the ticket, as of the event that ended it"
_MODEL = "the cost model"
_ASSUMED = "assumed by people/1: the number of users is uncertain by half"
# What each input is counted in, and where it is from.
_UNITS = {
    "users": ("people", f"{_MODEL}, by the ticket's impact"),
    "per_mille": ("per mille of their work", f"{_MODEL}, by the ticket's priority"),
    "hourly_rate": ("minor units per person and hour", _MODEL),
    "start_ms": ("milliseconds since 1970-01-01 UTC", "the ticket's opening"),
    "ms": ("milliseconds", f"{_TICKET}: from its opening, wall clock, capped by the cost model"),
    "low_per_mille": ("per mille of the users", _ASSUMED),
    "high_per_mille": ("per mille of the users", _ASSUMED),
    "sign": ("factor", "1 books, -1 takes back"),
}


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


def entry_message(entry: Entry) -> pb.LedgerEntry:
    """An entry as its readers see it; hours in which nothing was lost have no line."""
    first = entry.amounts.first_hour
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
        inputs=[
            pb.FormulaInput(name=name, value=value, unit=_UNITS[name][0], source=_UNITS[name][1])
            for name, value in inputs_by_name(entry.inputs).items()
        ],
        occur_time=timestamp(entry.occurred_at),
        record_time=timestamp(entry.recorded_at),
        reverses=entry.reverses,
        low=_money(entry, entry.low),
        high=_money(entry, entry.high),
        ticket=entry.ticket,
    )


def entry_of(message: events_pb2.LedgerEntryRecorded) -> Entry:
    """The entry that an event holds; its lines are made from its inputs.

    Raises:
        KeyError, TypeError: a formula, category or input that this release does not know.
        ValueError: its inputs do not give its total.
    """
    one = message.entry
    inputs = Inputs(**{given.name: given.value for given in one.inputs})
    entry = Entry(
        name=one.name,
        ticket=one.ticket,
        category=CATEGORY_OF[one.category],
        currency=one.total.currency_code,
        formula=one.formula,
        inputs=inputs,
        amounts=FORMULAS[one.formula](inputs),
        place=Place(
            service=message.place.service,
            team=message.place.team,
            site=message.place.site,
            unit=message.place.unit,
            channel=CHANNEL_OF[message.place.channel],
            type=TYPE_OF[message.place.type],
            priority=message.place.priority,
            source=message.place.source,
        ),
        evidence=tuple(Evidence(given.resource, given.version, given.note) for given in one.evidence),
        occurred_at=instant(one.occur_time),
        recorded_at=instant(one.record_time),
        reverses=one.reverses,
    )
    if entry.total != one.total.minor_units:
        raise ValueError(f"{one.name} says {one.total.minor_units}, and its inputs give {entry.total}")
    return entry


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
        ),
    )


def _place(told: Seen) -> Place:
    return Place(told.service, told.team, told.site, told.unit, told.channel, told.type, told.priority, told.source)


def _money(entry: Entry, amount: int) -> money_pb2.Money:
    return money_pb2.Money(currency_code=entry.currency, minor_units=amount)
