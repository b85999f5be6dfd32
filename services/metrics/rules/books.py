"""The books: what each input changes, in the order in which inputs are taken. The live ledger and a replay are this.

An input changes the booking of its own cause, and those that share time with it; nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from services.metrics.rules.business_model import Basis
from services.metrics.rules.claims import BusinessService, End, Evidence, Gain, Outage
from services.metrics.rules.cost_model import CostModel
from services.metrics.rules.known import Known, Lesson
from services.metrics.rules.ledger import Booked, Booking, Unbooked, booking_name, settle
from services.metrics.rules.rates import RateTable
from services.metrics.rules.valuation import value
from services.runtime.worktime import CalendarVersion


@dataclass(frozen=True, slots=True)
class Reopened:
    """An incident was reopened: its end was none."""

    ticket: str
    etag: str


Told = End | Reopened | Outage | Gain | Lesson
_LESSONS = (CostModel, RateTable, BusinessService, CalendarVersion)


@dataclass(frozen=True, slots=True)
class Taken:
    """An input as it was taken. seq: from 1, without a gap. turn: its place among those of its cause. at: its time."""

    seq: int
    turn: int
    at: datetime
    told: Told

    @property
    def cause(self) -> str:
        """The ticket, outage or gain that it is about; "" for what is only to be known."""
        if isinstance(self.told, End | Reopened):
            return self.told.ticket
        return self.told.name if isinstance(self.told, Outage | Gain) else ""


class Books:
    """Bookings by name, and what is known. Holds all of them in a replay, and live what an input can reach."""

    def __init__(self, known: Known | None = None, bookings: Iterable[Booking] = ()) -> None:
        self.known = known or Known()
        self.bookings: dict[str, Booking] = {}
        self._of_service: dict[str, set[str]] = {}
        self._naming: dict[str, set[str]] = {}
        for one in bookings:
            self.put(one)

    def put(self, booking: Booking) -> None:
        """Keeps a booking as it is now."""
        self.bookings[booking.name] = booking
        if booking.service:
            self._of_service.setdefault(booking.service, set()).add(booking.name)
        if booking.outage is not None:
            for ticket in booking.outage.tickets:
                self._naming.setdefault(ticket, set()).add(booking.name)

    def own(self, taken: Taken) -> list[tuple[Booking | None, Booking]]:
        """The bookings of the input's own cause, each before it and as it claims now, not yet valued."""
        told = taken.told
        if isinstance(told, Outage):
            kept = [one for one in self.bookings.values() if one.cause == told.name]
            # Words come again when a write failed, so an older one may be the last: the newest counts. A word that is
            # being taken again after a crash is as new as what it wrote.
            if any(one.turn > taken.turn for one in kept):
                return []
            return [self._claimed(taken, service) for service in self._hit(told, kept)]
        return [] if isinstance(told, _LESSONS) else [self._claimed(taken, "")]

    def take(self, taken: Taken) -> list[tuple[bool, Booked]]:
        """What the input changes, those of other causes first; each with whether it is of its own cause."""
        if isinstance(taken.told, _LESSONS):
            self.known = self.known.learned(taken.told)
            return []
        claims = self.own(taken)
        reached = {name for before, after in claims for name in (*self.near(before), *self.near(after))}
        names = {after.name for _, after in claims}
        for _, after in claims:
            self.put(after)
        found: list[tuple[bool, Booked]] = []
        why = _why(taken)
        for name in (*sorted(reached - names), *sorted(names)):
            booking = self.bookings[name]
            valued = value(booking, self.around(booking), self.known)
            after, events = settle(booking, valued, why, taken.at)
            self.put(replace(after, seq=taken.seq))
            if name in names or events or after != booking:
                found.append((name in names, (self.bookings[name], events)))
        return found

    def near(self, booking: Booking | None) -> Iterator[str]:
        """The bookings that a change of this one may change: those of its service and its tickets, at its time."""
        if booking is None or booking.span is None:
            return
        names = set(self._of_service.get(booking.service, ())) if booking.service else set()
        names |= self._naming.get(booking.cause, set())
        if booking.outage is not None:
            names |= {booking_name(one) for one in booking.outage.tickets} & self.bookings.keys()
        for name in names - {booking.name}:
            span = self.bookings[name].span
            if span is not None and span[0] < booking.span[1] and booking.span[0] < span[1]:
                yield name

    def around(self, booking: Booking) -> list[Booking]:
        """Those that may share time with it, by name."""
        return [self.bookings[name] for name in sorted(self.near(booking))]

    def _hit(self, outage: Outage, kept: Iterable[Booking]) -> list[str]:
        """The business services in which an outage is booked: where it was before, and what is made of its services."""
        before = {one.service for one in kept if one.service}
        now = {one.name for one in self.known.services_hit(frozenset({outage.service, *outage.affected}))}
        return sorted(before | now) or [""]

    def _claimed(self, taken: Taken, service: str) -> tuple[Booking | None, Booking]:
        told, known = taken.told, self.known
        before = self.bookings.get(booking_name(taken.cause, service))
        booking = replace(before or Booking(taken.cause, service), turn=taken.turn, unbooked=Unbooked.NONE)
        if isinstance(told, Reopened):
            return before, replace(booking, end=None, judged=None)
        if isinstance(told, End):
            at_service = known.service_of(told.place.service)
            model = known.incident_model(at_service)
            judged = known.judge(model, told.opened_at, None if told.importing else taken.at)
            named = at_service.name if at_service is not None else ""
            return before, replace(booking, end=told, judged=judged, service=named)
        if isinstance(told, Gain):
            return before, replace(booking, gain=told, judged=known.judge(told.model, told.occurred_at, taken.at))
        assert isinstance(told, Outage)  # noqa: S101 - lessons have no cause
        found = known.services.get(service)
        judged = booking.judged if booking.open is not None else None
        if judged is None and found is not None and found.cost_model:
            judged = known.judge(found.cost_model, told.started_at, taken.at)
        if known.basis(judged) is Basis.GAIN:
            judged = None
        return before, replace(booking, outage=told, judged=judged)


def _why(taken: Taken) -> Evidence:
    told = taken.told
    if isinstance(told, Reopened):
        return Evidence(told.ticket, told.etag, "reopened")
    if isinstance(told, End):
        return Evidence(told.ticket, told.etag, "counts some of the same time, or counts it no longer")
    if isinstance(told, Outage):
        return Evidence(told.name, told.etag, f"{told.standing.value.lower()}: counted anew")
    assert isinstance(told, Gain)  # noqa: S101 - lessons change no booking
    return Evidence(told.name, "1", "booked")
