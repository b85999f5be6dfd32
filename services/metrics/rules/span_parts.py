"""Hours of spans in parts: which part counts what, and what a fold adds to it.

An hour of many services is more than one document holds, so the checksum of a service's name says in which of sixteen
parts of the hour it counts. A part that is full goes on in another volume; the volumes of a part add up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from zlib import crc32

from services.metrics.rules.availability import SLICES_AN_HOUR, Cell, Export, Lost, Sums, Way, unanswered

PARTS = 16
VOLUMES = 10_000
"""Numbers of volumes for each part; at four megabytes each no part comes near it."""
MOST_ROWS = 4_000
"""What one fold adds to a part, in rows: with the longest names some 4 MB, which fit into a volume not yet full."""
OTHERS = "(others)"
_NEVER = 1 << 40


@lru_cache(maxsize=4096)
def part_of(service: str) -> int:
    """The part of every hour in which a service counts, from 0 on."""
    return crc32(service.encode(errors="replace")) % PARTS


def parts_of(services: Iterable[str]) -> set[int]:
    """The parts in which services count; "(others)" is in whichever part was too much."""
    names = set(services)
    return set(range(PARTS)) if OTHERS in names else {part_of(one) for one in names}


def place_of(slice: int, service: str) -> int:
    """The part of the hour of a slice: parts of one hour are PARTS numbers in a row, from hour * PARTS on."""
    return slice // SLICES_AN_HOUR * PARTS + part_of(service)


def places_of(export: Export) -> list[int]:
    """The parts that an export touches: requests and lost calls count where their service does, ways where it calls."""
    found = {place_of(one.slice, one.service) for one in export.cells}
    found |= {place_of(one.slice, one.caller) for one in export.ways}
    return sorted(found | {place_of(one.slice, one.callee) for one in export.lost})


def by_place(lost: Iterable[Lost]) -> dict[int, list[Lost]]:
    """Calls that nobody answered, by the part of the service that did not."""
    found: dict[int, list[Lost]] = {}
    for one in lost:
        found.setdefault(place_of(one.slice, one.callee), []).append(one)
    return found


@dataclass(slots=True)
class Counts:
    """What exports count in one part of an hour."""

    cells: dict[Cell, Sums] = field(default_factory=dict)
    ways: dict[Way, tuple[int, int]] = field(default_factory=dict)

    def request(self, cell: Cell, sums: Sums) -> None:
        """Counts requests."""
        self.cells.setdefault(cell, Sums()).merge(sums)

    def way(self, way: Way, calls: int, last_ms: int) -> None:
        """Counts calls. last_ms: when the latest ended, in milliseconds since 1970."""
        before, latest = self.ways.get(way, (0, 0))
        self.ways[way] = (before + calls, max(latest, last_ms))

    def lose(self, lost: Iterable[Lost]) -> None:
        """Counts calls that nobody answered, as bad requests of their callees."""
        for cell, sums in unanswered(lost).items():
            self.request(cell, sums)

    @property
    def rows(self) -> int:
        """How many rows it takes."""
        return len(self.cells) + len(self.ways)

    @property
    def first(self) -> int:
        """The earliest slice in which something is counted; later than any when nothing is."""
        return min((one.slice for part in (self.cells, self.ways) for one in part), default=_NEVER)

    def sums(self) -> dict[str, Sums]:
        """The requests of each service in all slices."""
        found: dict[str, Sums] = {}
        for cell, sums in self.cells.items():
            found.setdefault(cell.service, Sums()).merge(sums)
        return found

    def few(self, most: int) -> int:
        """Brings the rows down to `most` and two for each slice; returns how many rows had to be brought together.

        No request and no call is lost: services with the fewest requests, then ways with the fewest calls, count as
        "(others)" in their slices.
        """
        before = self.rows
        if before <= most:
            return 0
        rows, sums, room = Counter(one.service for one in self.cells), self.sums(), most
        kept: set[str] = set()
        for service in sorted(sums, key=lambda one: (-sums[one].n, one)):
            if rows[service] <= room:
                kept.add(service)
                room -= rows[service]
        ways = sorted(self.ways.items(), key=lambda item: (-item[1][0], item[0]))
        whole = Counts(ways=dict(ways[:room]))
        for cell, one in self.cells.items():
            whole.request(cell if cell.service in kept else Cell(cell.slice, OTHERS), one)
        for way, (calls, last_ms) in ways[room:]:
            whole.way(Way(way.slice, OTHERS, OTHERS), calls, last_ms)
        self.cells, self.ways = whole.cells, whole.ways
        return before - self.rows
