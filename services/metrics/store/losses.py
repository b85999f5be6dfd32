"""What tickets have cost so far, from bookings; of open incidents by the books as they are known now."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime

from services.metrics.rules.access import is_within
from services.metrics.rules.fact import Fact, fact_name
from services.metrics.rules.improvement import Basis, Loss
from services.metrics.rules.known import Known
from services.metrics.rules.ledger import Booking
from services.metrics.rules.losses import Part, booked, claim, supposed
from services.metrics.rules.money import Category
from services.metrics.rules.period import Filter
from services.metrics.store.bookings import BOOKINGS, Claims
from services.metrics.store.value_ledger import ValueLedger
from services.runtime.records import Records


class Losses:
    """Reads them. known: what the ledger has learned by now. currency: of the backlog, ISO 4217."""

    def __init__(
        self,
        facts: Records[Fact],
        bookings: Records[Booking],
        ledger: ValueLedger,
        known: Callable[[], Awaitable[Known]],
        currency: str,
    ) -> None:
        self._facts = facts
        self._bookings = bookings
        self._ledger = ledger
        self._known = known
        self._currency = currency

    async def of_tickets(self, tickets: Sequence[str], scope: str, now: datetime) -> tuple[list[Part], list[str]]:
        """The parts of every cause that the tickets name, by cause, and the tickets of which nothing can be told."""
        kept = await self._facts.find([fact_name(one) for one in tickets])
        facts = {one.state.ticket: one.state for one in kept.values() if one.state.known}
        seen = [one for one in tickets if one in facts and is_within(facts[one].unit, scope)]
        parts = await self.of_facts({one: facts[one] for one in seen}, now)
        return parts, [one for one in tickets if one not in seen]

    async def of_facts(self, facts: Mapping[str, Fact], now: datetime) -> list[Part]:
        """The parts of every cause that these tickets name, by cause. facts: by ticket."""
        seen = list(facts)
        where = {"$or": [{"state.cause": {"$in": seen}}, {"state.names": {"$in": seen}}]}
        found = [BOOKINGS.decode(row["state"]) async for row in self._bookings.collection.find(where).sort("_id", 1)]
        parts = [part for one in found if (part := booked(one, seen)) is not None]
        ended = {part.cause for part in parts}
        still = [facts[one] for one in seen if one not in ended and facts[one].is_open]
        if still:
            parts += await self._supposed(still, now)
        return sorted(parts, key=lambda one: (one.cause, one.entry))

    async def of_basis(self, basis: Basis, scope: str, now: datetime) -> Loss:
        """The incurred loss that an improvement stands on."""
        if basis.tickets:
            parts, _ = await self.of_tickets(basis.tickets, scope, now)
            paid = [(one.currency, one.amount, 1) for one in parts if one.entry]
        else:
            sums = await self._ledger.money_lines(basis.period, Filter(service=basis.service), scope, root=basis.root)
            losses = [one for one in sums if one.category is Category.INCURRED_LOSS]
            paid = [(one.currency, one.amount, one.entries) for one in losses]
        own = [(amount, entries) for currency, amount, entries in paid if currency == self._currency]
        others = tuple(sorted({currency for currency, _, _ in paid} - {self._currency}))
        return Loss(self._currency, sum(one for one, _ in own), sum(one for _, one in own), others, now)

    async def _supposed(self, facts: Sequence[Fact], now: datetime) -> list[Part]:
        known, claims = await self._known(), Claims(self._bookings)
        parts = []
        for fact in facts:
            one = claim(fact, known, now)
            if one is not None:
                parts.append(supposed(one, await claims.near([one]), known))
        return parts
