"""The value ledger's entries for incidents: what each end of one cost, taken back when it turns out to be no end.

An entry never changes. Which ones there are depends on the ticket's events and on the approved models alone: the first
end of each round counts, from the ticket's opening to that end, under the version in force at its opening.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from enum import StrEnum

from services.metrics.rules import people_model
from services.metrics.rules.cost_model import CostModel, Version, version_in_force
from services.metrics.rules.fact import Channel, Exclusion, State, Type
from services.metrics.rules.money import Category
from services.metrics.rules.people_model import Amounts, Inputs, amounts_of, inputs_of

FORMULAS: Mapping[str, Callable[[Inputs], Amounts]] = {people_model.FORMULA: amounts_of}
"""Every formula by which an entry was ever booked stays here, so that each can be recomputed."""


class Unbooked(StrEnum):
    """Why an end of a ticket cost nothing in the ledger."""

    NONE = ""
    NO_MODEL = "no cost model was in force when it was opened"
    IMPACT_UNKNOWN = "its impact stands for no number of users"
    PRIORITY_UNKNOWN = "its priority stands for no share of work"
    NO_TIME = "no time passed"
    CANCELLED = "it was cancelled"
    TEST = "it was a test"
    NO_FAULT = "there was no fault"
    DUPLICATE = "another ticket counts for it"


_EXCLUDED = {
    Exclusion.CANCELLED: Unbooked.CANCELLED,
    Exclusion.TEST: Unbooked.TEST,
    Exclusion.NO_FAULT: Unbooked.NO_FAULT,
    Exclusion.DUPLICATE: Unbooked.DUPLICATE,
}


@dataclass(frozen=True, slots=True)
class Place:
    """What lists and boards filter by: the ticket as it was when the entry was booked."""

    service: str = ""
    team: str = ""
    site: str = ""
    unit: str = ""
    channel: Channel = Channel.UNSPECIFIED
    type: Type = Type.INCIDENT
    priority: int = 0
    source: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an entry rests on. version: the resource's etag or version at the time."""

    resource: str
    version: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One amount with all that it rests on. reverses: the entry that it takes back, "" when none.

    occurred_at: when the incident was opened; recorded_at: when the event happened that booked it.
    """

    name: str
    ticket: str
    category: Category
    currency: str
    formula: str
    inputs: Inputs
    amounts: Amounts
    place: Place
    evidence: tuple[Evidence, ...]
    occurred_at: datetime
    recorded_at: datetime
    reverses: str = ""

    @property
    def total(self) -> int:
        """Minor units; the sum of its lines."""
        return sum(self.amounts.amounts)

    @property
    def low(self) -> int:
        """The end of the interval nearer to zero, of the sign of the total."""
        return sum(self.amounts.lows)

    @property
    def high(self) -> int:
        """The other end."""
        return sum(self.amounts.highs)


@dataclass(frozen=True, slots=True)
class End:
    """What an event says that ended an incident. etag: of the ticket by that event. importing: a past comes in."""

    ticket: str
    etag: str
    state: State
    impact: int
    place: Place
    exclusion: Exclusion
    opened_at: datetime
    ended_at: datetime
    importing: bool = False


@dataclass(frozen=True, slots=True)
class Booking:
    """What the ledger holds of a ticket. open: the entry that nothing has taken back. unbooked: why the latest end
    gave none.
    """

    ticket: str
    open: Entry | None = None
    unbooked: Unbooked = Unbooked.NONE


@dataclass(frozen=True, slots=True)
class EntryRecorded:
    """An entry was booked, and stays as it is."""

    entry: Entry


Booked = tuple[Booking, tuple[EntryRecorded, ...]]


def entry_name(ticket: str, number: int) -> str:
    """("tickets/INC-000123", 1) -> "ledgerEntries/INC-000123.1"."""
    return f"ledgerEntries/{ticket.partition('/')[2]}.{number}"


def booking_name(ticket: str) -> str:
    """ "tickets/INC-000123" -> "bookings/INC-000123"."""
    return f"bookings/{ticket.partition('/')[2]}"


def book(before: Booking | None, end: End, number: int, at: datetime, model: CostModel | None) -> Booked:
    """Books what the incident cost until this end; nothing, with the reason, when that cannot be said.

    number: the place of this end among the ends and reopenings of the ticket, from 1. at: when the event happened.
    Work that goes on is judged by the versions approved by then; an imported past by whatever is approved.
    """
    booking = before or Booking(end.ticket)
    version = version_in_force(model, end.opened_at, None if end.importing else at)
    found = _entry(end, number, at, model, version)
    if isinstance(found, Unbooked):
        return replace(booking, open=None, unbooked=found), ()
    return replace(booking, open=found, unbooked=Unbooked.NONE), (EntryRecorded(found),)


def take_back(before: Booking | None, ticket: str, etag: str, number: int, at: datetime) -> Booked:
    """Takes the open entry back, because its incident was reopened: the same lines, negative."""
    booking = before or Booking(ticket)
    entry = booking.open
    if entry is None:
        return replace(booking, unbooked=Unbooked.NONE), ()
    inputs = replace(entry.inputs, sign=-entry.inputs.sign)
    reversal = replace(
        entry,
        name=entry_name(ticket, number),
        inputs=inputs,
        amounts=FORMULAS[entry.formula](inputs),
        evidence=(Evidence(ticket, etag, "reopened"), *entry.evidence[1:]),
        recorded_at=at,
        reverses=entry.name,
    )
    return Booking(ticket), (EntryRecorded(reversal),)


def recompute(entry: Entry) -> int:
    """The total that the formula gives from the entry's inputs alone, in minor units.

    Raises:
        KeyError: there is no such formula.
    """
    return sum(FORMULAS[entry.formula](entry.inputs).amounts)


def inputs_by_name(inputs: Inputs) -> dict[str, int]:
    """The inputs as names and integers."""
    return {one.name: getattr(inputs, one.name) for one in fields(inputs)}


def _entry(end: End, number: int, at: datetime, model: CostModel | None, version: Version | None) -> Entry | Unbooked:
    if end.exclusion is not Exclusion.NONE:
        return _EXCLUDED[end.exclusion]
    if model is None or version is None:
        return Unbooked.NO_MODEL
    people = version.people
    users, per_mille = people.users.get(end.impact), people.per_mille.get(end.place.priority)
    if users is None:
        return Unbooked.IMPACT_UNKNOWN
    if per_mille is None:
        return Unbooked.PRIORITY_UNKNOWN
    inputs = inputs_of(people, users, per_mille, end.opened_at, end.ended_at)
    if inputs.ms == 0:
        return Unbooked.NO_TIME
    return Entry(
        name=entry_name(end.ticket, number),
        ticket=end.ticket,
        category=version.category,
        currency=people.currency,
        formula=people_model.FORMULA,
        inputs=inputs,
        amounts=amounts_of(inputs),
        place=end.place,
        evidence=(
            Evidence(end.ticket, end.etag, f"impact {end.impact}, priority {end.place.priority}"),
            Evidence(model.name, str(version.number), "in force when the incident was opened"),
        ),
        occurred_at=end.opened_at,
        recorded_at=at,
    )
