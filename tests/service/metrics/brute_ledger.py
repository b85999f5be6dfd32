"""An independent reader of the journals: what should be open in the ledger, reckoned the long way, second by second.

It shares no code with the service: it reads events as their owners journalled them, walks every millisecond-exact
stretch between all bounds, gives each stretch to one cause, and multiplies fractions. A model's version is the one
that held when the cause began: of those approved when it ended or, of what a log brings, read by then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from itertools import pairwise
from typing import Any

from throughline.metrics.v1 import events_pb2, metrics_pb2, outage_pb2
from throughline.tickets.v1 import events_pb2 as ticket_events
from throughline.tickets.v1 import ticket_pb2

HOUR = 3_600_000
_NO_LOSS = (ticket_pb2.RESOLUTION_CODE_NO_FAULT, ticket_pb2.RESOLUTION_CODE_DUPLICATE)


def _ms(stamp: Any) -> int:
    return int(stamp.seconds * 1000 + stamp.nanos // 1_000_000)


def _end(outage: outage_pb2.Outage) -> int:
    """An outage that lasts has lasted as long as its hours say."""
    if outage.HasField("end_time"):
        return _ms(outage.end_time)
    return _ms(outage.start_time) + sum(hour.duration.seconds * 1000 for hour in outage.hours)


def _rounded(exact: Fraction) -> int:
    """Half to even, as Python rounds a fraction."""
    return round(exact)


@dataclass
class Story:
    """The last word of each ticket and outage, the business services, and the approved versions of each model.

    judged: by which version of the people's model the end of each ticket is valued.
    """

    tickets: dict[str, ticket_pb2.Ticket] = field(default_factory=dict)
    outages: dict[str, outage_pb2.Outage] = field(default_factory=dict)
    services: dict[str, Any] = field(default_factory=dict)
    models: dict[str, list[metrics_pb2.CostModel]] = field(default_factory=dict)
    judged: dict[tuple[str, int], metrics_pb2.CostModel | None] = field(default_factory=dict)

    def read(self, events: Iterable[tuple[str, bytes, datetime]]) -> Story:
        """Events by their full names with their times, each resource's in its order."""
        kinds = {
            **{
                f"throughline.tickets.v1.{name}": getattr(ticket_events, name)
                for name in ticket_events.DESCRIPTOR.message_types_by_name
            },
            **{
                f"throughline.metrics.v1.{name}": getattr(events_pb2, name)
                for name in events_pb2.DESCRIPTOR.message_types_by_name
            },
        }
        for name, data, at in events:
            if name not in kinds:
                continue
            message = kinds[name].FromString(data)
            if hasattr(message, "ticket"):
                ticket = self.tickets[message.ticket.name] = message.ticket
                turn = (ticket.name, ticket.reopens)
                if ticket.HasField("resolve_time") and turn not in self.judged:
                    known = None if ticket.importing else int(at.timestamp() * 1000)
                    self.judged[turn] = self._version("costModels/people", _ms(ticket.open_time), known)
            elif hasattr(message, "outage"):
                self.outages[message.outage.name] = message.outage
            elif hasattr(message, "business_service"):
                self.services[message.business_service.name] = message.business_service
            elif name.endswith("CostModelApproved"):
                self.models.setdefault(message.cost_model.name, []).append(message.cost_model)
        return self

    def _version(self, name: str, at: int, known: int | None = None) -> metrics_pb2.CostModel | None:
        """The version that held at an instant; known: only of those that were approved by then."""
        held = [
            one
            for one in self.models.get(name, [])
            if _ms(one.effective_time) <= at and (known is None or _ms(one.approve_time) <= known)
        ]
        return max(held, key=lambda one: _ms(one.effective_time), default=None)

    def open(self) -> dict[str, int]:
        """What is open, by cause, in minor units; causes with nothing are left out."""
        found = {name: self._ticket(one) for name, one in self.tickets.items()}
        found |= {name: self._outage(one) for name, one in self.outages.items()}
        return {name: amount for name, amount in found.items() if amount}

    def _ticket(self, ticket: ticket_pb2.Ticket) -> int:
        model = self.judged.get((ticket.name, ticket.reopens))
        if not ticket.HasField("resolve_time") or ticket.resolution.code in _NO_LOSS or model is None:
            return 0
        people = model.people
        users = {one.impact: one.users for one in people.scopes}[ticket.impact]
        share = {one.priority: one.per_mille for one in people.effects}[ticket.priority]
        start = _ms(ticket.open_time)
        end = min(_ms(ticket.resolve_time), start + people.longest.seconds * 1000)
        marks = sorted({start, end, *(bound for span in self._roots(ticket) for bound in span if start < bound < end)})
        counted = sum(
            until - since for since, until in pairwise(marks) if not any(a <= since < b for a, b in self._roots(ticket))
        )
        return _rounded(Fraction(users * share * people.hourly_rate.minor_units * counted, 1000 * HOUR))

    def _roots(self, ticket: ticket_pb2.Ticket) -> list[tuple[int, int]]:
        """The time that outages of the ticket's service, or those that it belongs to, count."""
        found = []
        for one in self.outages.values():
            mine = self._service(one) == f"businessServices/{ticket.service.partition('/')[2]}"
            named = ticket.name in [each.ticket for each in one.tickets if each.tier != outage_pb2.ATTRIBUTION_TIER_C]
            if self._counts(one) and (mine or named):
                found.append((_ms(one.start_time), _end(one)))
        return found

    def _service(self, outage: outage_pb2.Outage) -> str:
        for name, one in self.services.items():
            if outage.service in [part.service for part in one.components]:
                return str(name)
        return ""

    def _counts(self, outage: outage_pb2.Outage) -> bool:
        stands = outage.state != outage_pb2.OUTAGE_STATE_RETRACTED
        return stands and outage.origin == outage_pb2.OUTAGE_ORIGIN_ROOT and bool(self._service(outage))

    def _outage(self, outage: outage_pb2.Outage) -> int:
        """Each of its hours by the stretches that no outage of the same service has that began before, ties by name."""
        if not self._counts(outage):
            return 0
        mine = (_ms(outage.start_time), outage.name)
        earlier = [
            (_ms(one.start_time), _end(one))
            for one in self.outages.values()
            if self._counts(one)
            and self._service(one) == self._service(outage)
            and (_ms(one.start_time), one.name) < mine
        ]
        lost = 0
        for hour in outage.hours:
            since = max(_ms(hour.hour_time), _ms(outage.start_time))
            until = min(_ms(hour.hour_time) + HOUR, _end(outage))
            marks = sorted({since, until, *(b for span in earlier for b in span if since < b < until)})
            free = sum(b - a for a, b in pairwise(marks) if not any(c <= a < d for c, d in earlier))
            part = Fraction(free, until - since)
            expected = _rounded(1000 * Fraction(hour.expected or hour.valid)) * part
            good = _rounded(1000 * Fraction(hour.valid - hour.bad)) * part
            back = _rounded(1000 * Fraction(hour.recovered)) * part
            lost += max(0, _rounded(expected) - _rounded(good) - _rounded(back))
        model = self._version(self.services[self._service(outage)].cost_model, mine[0])
        if model is None:
            return 0
        business = model.business
        # Where what came back was counted, nothing is assumed to.
        measured = all(hour.HasField("recovered") for hour in outage.hours)
        kept = 1000 if measured else 1000 - business.recovered_per_mille
        return _rounded(Fraction(lost * business.unit_value.minor_units * kept, 1000 * 1000))


def events_of(journal: Iterable[Mapping[str, Any]]) -> list[tuple[str, bytes, datetime]]:
    """The published events of a journal's documents, each resource's in its order."""
    rows = sorted((one for one in journal if one.get("type")), key=lambda one: (one["resource"], one["sequence"]))
    return [(one["type"], one["data"], one["time"]) for one in rows]
