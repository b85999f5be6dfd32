"""Figures of interleaved rounds, the table that shows them beside their floors and peers, and the bars they must hold.

A bar is a ratio inside one run, the median over its rounds: machines differ, and one machine differs by the hour.
"""

from __future__ import annotations

import asyncio
import math
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from rich.console import Console
from rich.markup import escape
from rich.table import Table

ROUNDS = 3
_WIDTH = 150


@dataclass(frozen=True, slots=True)
class Pace:
    """What a stretch of calls gave. rate: calls a second; seconds: of each call, sorted."""

    rate: float
    seconds: Sequence[float]

    def percentile(self, share: float) -> float:
        """The latency, in seconds, that `share` of the calls stayed within."""
        return percentile(self.seconds, share)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of the values does not pass."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


async def paced(call: Callable[[int], Awaitable[object]], calls: int, in_flight: int) -> Pace:
    """Makes `calls` calls, `in_flight` at a time, each as soon as one before it has ended; call gets its number."""
    numbers = iter(range(calls))
    seconds: list[float] = []

    async def work() -> None:
        for number in numbers:
            began = time.perf_counter()
            await call(number)
            seconds.append(time.perf_counter() - began)

    began = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(in_flight)))
    return Pace(calls / (time.perf_counter() - began), sorted(seconds))


async def until(reached: Callable[[], Awaitable[bool]], pause: float = 0.01) -> float:
    """Asks every `pause` seconds until the answer is yes; when that was, on the clock of time.perf_counter."""
    while True:
        if await reached():
            return time.perf_counter()
        await asyncio.sleep(pause)


def paced_by_threads(clients: Sequence[Callable[[], object]], calls: int) -> Pace:
    """The same with a thread for each client."""
    share = calls // len(clients)

    def work(call: Callable[[], object]) -> list[float]:
        seconds = []
        for _ in range(share):
            began = time.perf_counter()
            call()
            seconds.append(time.perf_counter() - began)
        return seconds

    began = time.perf_counter()
    with ThreadPoolExecutor(len(clients)) as pool:
        found = [one for part in pool.map(work, clients) for one in part]
    return Pace(len(found) / (time.perf_counter() - began), sorted(found))


@dataclass(frozen=True, slots=True)
class _Row:
    what: str
    floor: str
    peer: str
    ours: str
    ratio: float | None
    bar: str
    holds: bool


@dataclass
class Rounds:
    """One test's figures. unit: of every figure, as the table shows it."""

    title: str
    unit: str = "/s"
    figures: dict[str, list[float]] = field(default_factory=dict)
    _rows: list[_Row] = field(default_factory=list)

    def add(self, name: str, value: float) -> None:
        """One round's figure."""
        self.figures.setdefault(name, []).append(value)

    def median(self, name: str) -> float:
        """The median over the rounds."""
        return statistics.median(self.figures[name])

    def ratio(self, ours: str, other: str) -> float:
        """Ours to the other: the median over the rounds of the ratio within a round."""
        return statistics.median(
            mine / theirs for mine, theirs in zip(self.figures[ours], self.figures[other], strict=True)
        )

    def hold(
        self,
        what: str,
        ours: str,
        floor: str,
        *,
        least: float | None = None,
        most: float | None = None,
        peer: str = "",
    ) -> None:
        """A row of the table: ours to its floor, at least or at most so many times it; without either it only shows."""
        ratio = self.ratio(ours, floor)
        bar, holds = "", True
        if least is not None:
            bar, holds = f">= {least:g} x", ratio >= least
        elif most is not None:
            bar, holds = f"<= {most:g} x", ratio <= most
        self._rows.append(_Row(what, self._shown(floor), peer, self._shown(ours), ratio, bar, holds))

    def hold_peer(
        self, what: str, ours: str, peer: str, *, least: float | None = None, most: float | None = None
    ) -> None:
        """A row of the table: ours to a peer."""
        self.hold(what, ours, peer, least=least, most=most, peer=f"{peer} {self._shown(peer)}")
        last = self._rows.pop()
        self._rows.append(_Row(last.what, "", last.peer, last.ours, last.ratio, last.bar, last.holds))

    def absent(self, what: str, ours: str, peer: str) -> None:
        """A row for a peer that is not on this machine. peer: its name and the line that installs it."""
        self._rows.append(_Row(what, "", escape(peer), self._shown(ours), None, "no peer", True))

    def close(self) -> None:
        """Prints the table.

        Raises:
            AssertionError: a bar does not hold, naming each.
        """
        table = Table(title=f"{self.title}, {self.unit}, median of {self._count()} rounds", title_justify="left")
        for name in ("", "floor", "peer", "ours", "ratio", "bar", ""):
            table.add_column(name, justify="left" if name in ("", "peer") else "right", overflow="fold")
        for row in self._rows:
            ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
            verdict = ("holds" if row.holds else "DOES NOT HOLD") if row.bar and row.ratio is not None else ""
            table.add_row(row.what, row.floor, row.peer, row.ours, ratio, row.bar, verdict)
        console = Console(width=_WIDTH)
        console.print()
        console.print(table)
        broken = [f"{row.what}: {row.ratio:.2f}, bar {row.bar}" for row in self._rows if not row.holds]
        assert not broken, "; ".join(broken)

    def _count(self) -> int:
        return max((len(values) for values in self.figures.values()), default=0)

    def _shown(self, name: str) -> str:
        values = self.figures[name]
        middle = statistics.median(values)
        digits = 0 if middle >= 100 else 1 if middle >= 10 else 2
        return f"{middle:,.{digits}f} ({min(values):,.{digits}f}..{max(values):,.{digits}f})"
