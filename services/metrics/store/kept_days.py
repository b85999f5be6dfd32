"""Facts of single UTC days, kept in memory as long as they are what the cells of the day were made of.

A day whose facts are all in its cells says how often these were made anew: while that stays, so do its facts' rows.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

from pymongo.asynchronous.database import AsyncDatabase
from pymongo.asynchronous.mongo_client import AsyncMongoClient

from services.metrics.rules.cells import Packed

DAYS_KEPT = 16
MOST_FACTS = 20_000
"""A day of more of them is read again each time."""


class KeptDays:
    """The days that were asked for last, each with the revision of its cells."""

    def __init__(self) -> None:
        self._days: OrderedDict[tuple[str, int], tuple[int, Sequence[Packed]]] = OrderedDict()

    def of(self, database: str, day: int, revision: int) -> Sequence[Packed] | None:
        """The facts of a day as of this revision; None when they are not kept."""
        found, facts = self._days.get((database, day), (None, None))
        if found != revision:
            return None
        self._days.move_to_end((database, day))
        return facts

    def keep(self, database: str, day: int, revision: int, facts: Sequence[Packed]) -> None:
        """Keeps them, in the place of the day that nobody has asked for the longest."""
        if len(facts) <= MOST_FACTS:
            self._days[database, day] = revision, facts
            self._days.move_to_end((database, day))
        while len(self._days) > DAYS_KEPT:
            self._days.popitem(last=False)


_OF: WeakKeyDictionary[AsyncMongoClient[Any], KeptDays] = WeakKeyDictionary()


def kept_days(db: AsyncDatabase[dict[str, Any]]) -> KeptDays:
    """Those of a connection."""
    return _OF.setdefault(db.client, KeptDays())
