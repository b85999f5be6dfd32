"""A ticket's events in the order in which they were decided: the journal, and what has not reached it yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from services.runtime.journal import Entry, Journal
from services.runtime.paging import Page, PageRequest, decode, encode

L = TypeVar("L")

_BATCH = 200


async def timeline(journal: Journal, name: str, page: PageRequest, line: Callable[[Entry], L | None]) -> Page[L]:
    """One page of lines, oldest first; `line` gives None for what the reader does not see.

    Raises:
        Refusal: PAGE_TOKEN_INVALID.
    """
    at = tuple(decode(page.token, page.bind, 2)) if page.token else (0, -1)
    lines: list[L] = []
    while True:
        entries = await _after(journal, name, at)
        for entry in entries:
            if len(lines) == page.size:
                return Page(lines, encode(at, page.bind))
            at = (entry.version, entry.n)
            shown = line(entry) if entry.type else None
            if shown is not None:
                lines.append(shown)
        if len(entries) < _BATCH:
            return Page(lines)


async def whole(journal: Journal, name: str) -> list[Entry]:
    """All of a ticket's events, oldest first, without the notes of causes that changed nothing."""
    found: list[Entry] = []
    at: tuple[Any, ...] = (0, -1)
    while True:
        entries = await _after(journal, name, at)
        found += [entry for entry in entries if entry.type]
        if len(entries) < _BATCH:
            return found
        at = (entries[-1].version, entries[-1].n)


async def _after(journal: Journal, name: str, at: tuple[Any, ...]) -> list[Entry]:
    """The next entries behind (version, n), at most a batch; fewer mean that there are no more."""
    # The outbox first: what leaves it meanwhile is already in the journal.
    waiting = [entry for entry in await journal.outbox(name) if (entry.version, entry.n) > at]
    version, n = at
    where = {"resource": name, "$or": [{"version": {"$gt": version}}, {"version": version, "n": {"$gt": n}}]}
    found = journal.entries.find(where).sort([("version", 1), ("n", 1)]).limit(_BATCH)
    kept = [Entry.from_document(document) async for document in found]
    known = {entry.id for entry in kept}
    merged = kept + [entry for entry in waiting if entry.id not in known]
    return sorted(merged, key=lambda entry: (entry.version, entry.n))[:_BATCH]
