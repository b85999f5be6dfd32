"""Inputs for tests of the books: models, outages and incidents of one invented shop, taken in order."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from services.metrics.rules.books import Books, Taken, Told
from services.metrics.rules.business_model import Basis, BusinessModel, Terms
from services.metrics.rules.claims import BusinessService, End, Origin, Outage, OutageHour, Place, Standing
from services.metrics.rules.cost_model import CostModel, Version
from services.metrics.rules.exact import HOUR_MS
from services.metrics.rules.fact import Channel, Exclusion, State
from services.metrics.rules.ledger import Booking, Entry
from services.metrics.rules.money import Category
from services.metrics.rules.people_model import PeopleModel
from services.metrics.rules.sharing import millis

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
PEOPLE = PeopleModel("CNY", 12_345, {1: 251, 2: 43, 3: 1}, {1: 1000, 2: 500, 3: 123}, timedelta(days=30))
PLACE = Place("services/pay", "teams/pay", "sites/shanghai", "cn/east", Channel.CHAT, priority=2, source="log",
              item="items/till")  # fmt: skip
END = End("tickets/INC-000001", '"4"', State.RESOLVED, 2, PLACE, Exclusion.NONE, NINE, NINE + 2 * HOUR)
SALES = BusinessModel(Basis.SALES, "CNY", 600_000, margin=300, places={1: 4, 2: 1}, levels={1: 1000, 2: 500})
TRANSACTIONS = BusinessModel(Basis.TRANSACTIONS, "CNY", 5_000)


def model(name: str, terms: Terms, number: int = 1, category: Category = Category.INCURRED_LOSS) -> CostModel:
    """A model whose one version was approved long ago."""
    since = NINE - timedelta(days=60)
    version = Version(number, category, since, terms, "people/fan", "", "people/qiu", since)
    return CostModel(name, (version,))


def outage(count: int = 1, valid: int = 100, bad: int = 60, expected: int = 100, **fields: Any) -> Outage:
    """A root outage of pay-api from nine on: of 100 requests an hour 60 fail."""
    begun = millis(NINE)
    rows = tuple(
        OutageHour(begun + at * HOUR_MS, HOUR_MS, valid * 1000, bad * 1000, expected * 1000) for at in range(count)
    )
    given = Outage(
        name="outages/pay-api.1",
        etag='"1"',
        service="pay-api",
        standing=Standing.CLOSED,
        origin=Origin.ROOT,
        root="pay-api",
        started_at=NINE,
        until=NINE + count * HOUR,
        hours=rows,
    )
    return replace(given, **fields)


def pay(cost_model: str = "costModels/pay", **fields: Any) -> BusinessService:
    """The business service that pay-api makes up."""
    return replace(BusinessService("businessServices/pay", 1, frozenset({"pay-api"}), cost_model=cost_model), **fields)


@dataclass
class Shop:
    """Books that are told one thing after another."""

    books: Books = field(default_factory=Books)
    seq: int = 0
    entries: list[Entry] = field(default_factory=list)

    def tell(self, *told: Told, at: datetime | None = None, turn: int = 0) -> list[Entry]:
        """Takes each; the entries that they made."""
        made: list[Entry] = []
        for one in told:
            self.seq += 1
            found = self.books.take(Taken(self.seq, turn or self.seq, at or _when(one), one))
            made += [event.entry for _, (_, events) in found for event in events]
        self.entries += made
        return made

    def booking(self, name: str) -> Booking:
        """A booking by the end of its name."""
        return self.books.bookings[f"bookings/{name}"]

    def open(self) -> dict[str, int]:
        """What is open of every booking."""
        return {name.partition("/")[2]: one.open.total for name, one in sorted(self.books.bookings.items()) if one.open}


def told(*first: Told) -> Shop:
    """Books that know these and the people model."""
    books = Shop()
    books.tell(model("costModels/people", PEOPLE), *first)
    return books


def _when(one: Told) -> datetime:
    if isinstance(one, End):
        return one.ended_at
    return one.until if isinstance(one, Outage) else NINE + 9 * HOUR
