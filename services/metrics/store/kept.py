"""What closed days and the ledger come to, kept in memory as long as it is made of the same.

A day whose facts are all in its cells says how often these were made anew, and the ledger, once all of it is summed,
how often entries were added: while that stays, so does all that is made of them. Boards ask for the same days again and
again, and only the present one changes.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

from pymongo.asynchronous.database import AsyncDatabase
from pymongo.asynchronous.mongo_client import AsyncMongoClient

from services.metrics.rules.day_facts import DayFacts
from services.metrics.rules.money import LossSum, MoneySum
from services.metrics.rules.pieces import Piece, Sums

MOST_FACTS = 100_000
"""Facts of single days that are kept together, some 400 bytes each."""
MOST_BYTES = 40_000_000
"""Of what days come to, and as many of what periods come to."""
MOST_TICKETS = 100_000
"""Names of tickets in lists that are kept together."""
MOST_SUMS = 20_000
"""Of the ledger, by category and currency."""

T = TypeVar("T")


class Kept(Generic[T]):
    """Values under a key, each with what it was made of and with its cost; together they cost `most` at most."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._cost = 0
        self._values: OrderedDict[Hashable, tuple[Hashable, T, int]] = OrderedDict()

    def of(self, key: Hashable, made_of: Hashable) -> T | None:
        """The value that was made of exactly this; None when there is none."""
        if key not in self._values:
            return None
        before, value, _ = self._values[key]
        if before != made_of:
            return None
        self._values.move_to_end(key)
        return value

    def keep(self, key: Hashable, made_of: Hashable, value: T, cost: int) -> None:
        """Keeps a value instead of those that nobody has asked for the longest; one that costs too much is not kept."""
        if key in self._values:
            self._cost -= self._values.pop(key)[2]
        if cost > self._most:
            return
        self._values[key] = made_of, value, cost
        self._cost += cost
        while self._cost > self._most:
            _, (_, _, gone) = self._values.popitem(last=False)
            self._cost -= gone


class KeptDays:
    """Of a connection.

    facts: of single days, by database and day. pieces: what days come to, by what was asked. sums: what periods come to
    whose days are all closed. promises: tickets that ended in such a period with every clock met.
    """

    def __init__(self) -> None:
        self.facts: Kept[DayFacts] = Kept(MOST_FACTS)
        self.pieces: Kept[Piece] = Kept(MOST_BYTES)
        self.sums: Kept[Sums] = Kept(MOST_BYTES)
        self.promises: Kept[Sequence[str]] = Kept(MOST_TICKETS)


class KeptMoney:
    """Of a connection. lines: sums of the ledger, by what was asked. losses: of the costliest of some tickets."""

    def __init__(self) -> None:
        self.lines: Kept[Sequence[MoneySum]] = Kept(MOST_SUMS)
        self.losses: Kept[Mapping[str, LossSum]] = Kept(MOST_TICKETS)


_DAYS: WeakKeyDictionary[AsyncMongoClient[Any], KeptDays] = WeakKeyDictionary()
_MONEY: WeakKeyDictionary[AsyncMongoClient[Any], KeptMoney] = WeakKeyDictionary()


def kept_days(db: AsyncDatabase[dict[str, Any]]) -> KeptDays:
    """Those of a connection."""
    return _DAYS.setdefault(db.client, KeptDays())


def kept_money(db: AsyncDatabase[dict[str, Any]]) -> KeptMoney:
    """That of a connection."""
    return _MONEY.setdefault(db.client, KeptMoney())
