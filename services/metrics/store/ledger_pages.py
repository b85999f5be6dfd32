"""Pages of the ledger's entries, the newest first, found in about the same time however many there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pymongo.errors import ExecutionTimeout

from services.metrics.rules.ledger import Entry
from services.metrics.rules.money import Category
from services.metrics.rules.period import LAST, Filter, Period
from services.metrics.store.ledger import (
    AHEAD,
    CLASSES,
    HOURS,
    LAGS,
    NEWEST,
    NEWEST_FIRST,
    OF_CAUSE,
    PLACES,
    SELDOM,
    lasting,
)
from services.runtime.paging import Page, PageRequest
from services.runtime.records import Record, Records

Keys = list[tuple[str, int]]
Rows = Page[Record[Entry]]

_HOURS = {path for path, _ in HOURS}
PATIENCE_MS = 100
"""So long a walk may look for a page. What matches often is found in a few of them, in whichever period."""
MANY, FEW = 25_000, 1_000
"""Fewer than so many entries of a place are gone through instead in its index; and fewer than so many are fetched."""


async def page_of_entries(
    entries: Records[Entry],
    period: Period,
    filter: Filter,
    scope: str,
    page: PageRequest,
    *,
    category: Category | None = None,
    cause: str = "",
) -> Rows:
    """The entries that have an hour in the period, the newest first: all that a sum over it is made of."""
    where = lasting(period, filter, scope)
    if cause:
        return await gathered(entries, where | {"state.cause": cause}, category, page, OF_CAUSE)
    if where.keys() == _HOURS:
        return await walked(entries, where, period, category, page)
    try:
        return await walked(entries, where, period, category, page, most_ms=PATIENCE_MS)
    except ExecutionTimeout:
        found = await rarest(entries, where)
    if found is None:
        return await walked(entries, where, period, category, page)
    return await gathered(entries, where, category, page, found)


async def walked(
    entries: Records[Entry],
    where: Mapping[str, Any],
    period: Period,
    category: Category | None,
    page: PageRequest,
    *,
    most_ms: int | None = None,
) -> Rows:
    """A page by walking back from where the period ends, until the page is full.

    Raises:
        ExecutionTimeout: it was not within `most_ms`.
    """
    along = {**where, "$or": _stretches(period, category)}
    return await entries.page(along, NEWEST_FIRST, page, hint=NEWEST, most_ms=most_ms)


async def gathered(
    entries: Records[Entry], where: Mapping[str, Any], category: Category | None, page: PageRequest, keys: Keys
) -> Rows:
    """A page of all that an index finds, sorted."""
    of_it = {} if category is None else {"state.category": category.value}
    return await entries.page({**_led(where, keys), **of_it}, NEWEST_FIRST, page, hint=keys)


async def rarest(entries: Records[Entry], where: Mapping[str, Any]) -> Keys | None:
    """The index of what is asked for that has the fewest entries of the period, and few that match.

    None when there is none such: a walk then meets enough of them, also where it needs more time than it was given.
    """
    found, most = None, MANY
    for keys in (CLASSES, *SELDOM, *PLACES):
        told = {path for path, _ in keys} & where.keys()
        if told == _HOURS or not (keys is CLASSES or keys[0][0] in where):
            continue
        bounds = {path for path, _ in keys[: keys.index(HOURS[-1]) + 1]}
        of_it = {path: asked for path, asked in _led(where, keys).items() if path in bounds}
        # What an index does not tell must be fetched.
        limit = most if told == where.keys() else min(most, FEW)
        if (count := await entries.count(of_it, limit, hint=keys)) < limit:
            found, most = keys, count
        if not most:
            return keys
    if found is None:
        return None
    matching = {path: asked for path, asked in _led(where, found).items() if path in dict(found)}
    return found if await entries.count(matching, FEW, hint=found) < FEW else None


def _led(where: Mapping[str, Any], keys: Keys) -> dict[str, Any]:
    """The same, with a condition on what leads an index: the store takes bounds from no other without one."""
    return {keys[0][0]: {"$gte": ""}, **where}


def _stretches(period: Period, category: Category | None) -> list[dict[str, Any]]:
    """The stretches of `recorded_at`, by category and class of lag, that hold all entries of a period.

    What is recorded within two days of its first hour lies between the period's start and two days after its end, and
    so on. The store merges walks along them, each from where the period ends, however much was recorded since.
    """
    ends = [period.end + lag if period.end < LAST else None for lag in LAGS]
    found: list[dict[str, Any]] = []
    for one in [category] if category is not None else Category:
        for lag, end in enumerate([*ends, None]):
            within = {"$gte": period.start} if end is None else {"$gte": period.start, "$lt": end}
            found.append({"state.category": one.value, "state.lag": lag, "state.recorded_at": within})
        # An entry of an earlier release has no class.
        found += [{"state.category": one.value, "state.lag": AHEAD}, {"state.category": one.value, "state.lag": None}]
    return found
