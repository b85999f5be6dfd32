"""The value ledger's words: entries, which never change, and the booking of a cause, which says what is open.

What an entry holds is enough to compute it again. A correction is a reversal and a new entry.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from services.metrics.rules.claims import End, Evidence, Gain, Outage, Place
from services.metrics.rules.exact import Amounts
from services.metrics.rules.fact import Exclusion
from services.metrics.rules.formulas import AnyInputs, Measured, amounts_of, negated
from services.metrics.rules.money import Category


class Unbooked(StrEnum):
    """Why a cause has nothing in the ledger."""

    NONE = ""
    NO_MODEL = "no cost model was in force when it was opened"
    IMPACT_UNKNOWN = "its impact stands for no number of users"
    PRIORITY_UNKNOWN = "its priority stands for no share of work"
    NO_TIME = "no time passed"
    CANCELLED = "it was cancelled"
    TEST = "it was a test"
    NO_FAULT = "there was no fault"
    DUPLICATE = "another ticket counts for it"
    SYMPTOMATIC = "another service is to blame, whose outage counts"
    UNDETERMINED = "nobody can say yet which service is to blame"
    RETRACTED = "later spans showed that it was none"
    NO_SERVICE = "it is part of no business service"
    NO_COST_MODEL = "its business service names no cost model"
    NOT_COUNTED = "nothing that its cost model counts was counted"
    CLOSED_HOURS = "business was closed all the time"
    SHARED = "all of its time counts for another cause already"
    CALENDAR_UNKNOWN = "the calendar of its cost model is not known"


EXCLUDED = {
    Exclusion.CANCELLED: Unbooked.CANCELLED,
    Exclusion.TEST: Unbooked.TEST,
    Exclusion.NO_FAULT: Unbooked.NO_FAULT,
    Exclusion.DUPLICATE: Unbooked.DUPLICATE,
}


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Time that is not in an amount. resource: what has it instead; ms: how much."""

    resource: str
    ms: int
    why: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One amount with all that it rests on. cause: the ticket, outage or gain; reverses: the entry that it takes back,
    "" when none; provisional: its cause was not over.

    occurred_at: when the cause began; recorded_at: when the event happened that booked it.
    """

    name: str
    cause: str
    category: Category
    currency: str
    formula: str
    inputs: AnyInputs
    amounts: Amounts
    place: Place
    evidence: tuple[Evidence, ...]
    occurred_at: datetime
    recorded_at: datetime
    reverses: str = ""
    provisional: bool = False
    left_out: tuple[LeftOut, ...] = ()

    @property
    def ticket(self) -> str:
        """The incident that caused it, "" when that was none."""
        return self.cause if self.cause.startswith("tickets/") else ""

    @property
    def total(self) -> int:
        """Minor units; the sum of its lines."""
        return sum(self.amounts.amounts)

    @property
    def low(self) -> int:
        """The end of the interval nearer to zero, of the sign of the total."""
        return sum(self.amounts.lows)

    @property
    def middle(self) -> int:
        """The middle of the interval."""
        return self.total if self.amounts.middle is None else self.amounts.middle

    @property
    def high(self) -> int:
        """The other end."""
        return sum(self.amounts.highs)


@dataclass(frozen=True, slots=True)
class Judged:
    """By what a cause was valued: versions by number, 0 for none. model: "costModels/people"."""

    model: str
    version: int
    rates: int = 0
    calendar: int = 0


@dataclass(frozen=True, slots=True)
class Booking:
    """What the ledger holds of one cause in one business service ("" when it is of none).

    open: the entry that nothing has taken back. unbooked: why there is none. turn: the last turn of the cause that was
    taken. entries: how many it told. seq: the last input that it was decided by.
    """

    cause: str
    service: str = ""
    end: End | None = None
    outage: Outage | None = None
    gain: Gain | None = None
    turn: int = 0
    entries: int = 0
    judged: Judged | None = None
    open: Entry | None = None
    unbooked: Unbooked = Unbooked.NONE
    seq: int = 0

    @property
    def name(self) -> str:
        """ "bookings/INC-000123", or "bookings/checkout-api.1795824000~checkout"."""
        return booking_name(self.cause, self.service if self.outage is not None else "")

    @property
    def span(self) -> tuple[datetime, datetime] | None:
        """From when to when it claims time; None when it claims none."""
        if self.end is not None:
            return self.end.opened_at, self.end.ended_at
        return (self.outage.started_at, self.outage.until) if self.outage is not None else None


@dataclass(frozen=True, slots=True)
class EntryRecorded:
    """An entry was booked, and stays as it is."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class Valued:
    """What an entry would say, before it has a name."""

    category: Category
    currency: str
    formula: str
    inputs: AnyInputs
    place: Place
    evidence: tuple[Evidence, ...]
    occurred_at: datetime
    provisional: bool = False
    left_out: tuple[LeftOut, ...] = ()


Booked = tuple[Booking, tuple[EntryRecorded, ...]]


def booking_name(cause: str, service: str = "") -> str:
    """("tickets/INC-000123", "") -> "bookings/INC-000123"."""
    id = cause.partition("/")[2]
    return f"bookings/{id}~{service.partition('/')[2]}" if service else f"bookings/{id}"


def settle(claim: Booking, found: Valued | Unbooked, why: Evidence, at: datetime) -> Booked:
    """The booking after it was valued anew: what changed is taken back and booked again, what is the same stays.

    why: what made it change. at: when that happened.
    """
    before = claim.open
    if isinstance(found, Unbooked):
        after = replace(claim, open=None, unbooked=found)
        return after if before is None else replace(after, entries=claim.entries + 1), _taken_back(claim, why, at)
    if before is not None and _says(before) == _said(found):
        return replace(claim, unbooked=Unbooked.NONE), ()
    back = _taken_back(claim, why, at)
    number = claim.entries + len(back) + 1
    name = _entry_name(claim, number)
    inputs = found.inputs
    if isinstance(inputs, Measured) and inputs.seed:
        inputs = Measured(inputs.numbers, inputs.hours, name)
    entry = Entry(
        name=name,
        cause=claim.cause,
        category=found.category,
        currency=found.currency,
        formula=found.formula,
        inputs=inputs,
        amounts=amounts_of(found.formula, inputs),
        place=found.place,
        evidence=found.evidence,
        occurred_at=found.occurred_at,
        recorded_at=at,
        provisional=found.provisional,
        left_out=found.left_out,
    )
    after = replace(claim, open=entry, unbooked=Unbooked.NONE, entries=number)
    return after, (*back, EntryRecorded(entry))


def recompute(entry: Entry) -> int:
    """The total that the formula gives from the entry's inputs alone, in minor units.

    Raises:
        KeyError: there is no such formula.
    """
    return sum(amounts_of(entry.formula, entry.inputs).amounts)


def _taken_back(claim: Booking, why: Evidence, at: datetime) -> tuple[EntryRecorded, ...]:
    entry = claim.open
    if entry is None:
        return ()
    inputs = negated(entry.inputs)
    own = [one for one in entry.evidence if one.resource != why.resource]
    reversal = replace(
        entry,
        name=_entry_name(claim, claim.entries + 1),
        inputs=inputs,
        amounts=amounts_of(entry.formula, inputs),
        evidence=(why, *own),
        recorded_at=at,
        reverses=entry.name,
    )
    return (EntryRecorded(reversal),)


def _entry_name(claim: Booking, number: int) -> str:
    return f"ledgerEntries/{claim.name.partition('/')[2]}.{number}"


def _says(entry: Entry) -> tuple[object, ...]:
    inputs = entry.inputs
    core = (inputs.numbers, inputs.hours) if isinstance(inputs, Measured) else inputs
    return entry.category, entry.currency, entry.formula, core, entry.place, entry.provisional, entry.left_out


def _said(found: Valued) -> tuple[object, ...]:
    inputs = found.inputs
    core = (inputs.numbers, inputs.hours) if isinstance(inputs, Measured) else inputs
    return found.category, found.currency, found.formula, core, found.place, found.provisional, found.left_out
