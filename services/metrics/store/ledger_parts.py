"""The documents of the ledger in one place, wired to each other: what its servicer and its background work need."""

from __future__ import annotations

from dataclasses import dataclass

from services.metrics.rules.cost_model import CostModel
from services.metrics.rules.intake import Input
from services.metrics.rules.ledger import Booking, Entry
from services.metrics.rules.rates import RateTable
from services.metrics.store.bookings import BOOKINGS
from services.metrics.store.bookkeeper import Bookkeeper
from services.metrics.store.cost_models import COST_MODELS, RATE_TABLES
from services.metrics.store.intake import INPUTS
from services.metrics.store.ledger import ENTRIES
from services.runtime.records import Records
from services.runtime.run import Runtime

_HISTORY = 50


@dataclass(frozen=True)
class LedgerParts:
    """All of them."""

    entries: Records[Entry]
    bookings: Records[Booking]
    inputs: Records[Input]
    cost_models: Records[CostModel]
    rate_tables: Records[RateTable]
    bookkeeper: Bookkeeper

    async def behind(self, entry: Entry) -> tuple[list[Entry], Booking | None, list[tuple[CostModel, int, str]]]:
        """All entries of its booking, oldest first; the booking; and the versions of models that it names."""
        id, _, _ = entry.name.partition("/")[2].rpartition(".")
        found = (await self.bookings.find([f"bookings/{id}"])).get(f"bookings/{id}")
        booking = found.state if found is not None else None
        last = booking.entries if booking is not None else 0
        names = [f"ledgerEntries/{id}.{number}" for number in range(max(1, last - _HISTORY + 1), last + 1)]
        kept = await self.entries.find(names)
        history = [kept[name].state for name in names if name in kept]
        named = [(one.resource, int(one.version)) for one in entry.evidence if one.resource.startswith("costModels/")]
        models = await self.cost_models.find([name for name, _ in named])
        told = [(models[name].state, number, models[name].etag) for name, number in named if name in models]
        return history, booking, told

    @classmethod
    def of(cls, run: Runtime) -> LedgerParts:
        """Declares what the ledger keeps."""
        entries, bookings, inputs = run.records(ENTRIES), run.records(BOOKINGS), run.records(INPUTS)
        models, rates = run.records(COST_MODELS), run.records(RATE_TABLES)
        keeper = Bookkeeper(run.db, inputs, bookings, models, rates)
        return cls(entries, bookings, inputs, models, rates, keeper)
