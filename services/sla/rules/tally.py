"""What a judgement counts: clocks and flips, by policy, priority and month; sums, so that any order gives the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from services.sla.rules.judgement import Filed, Outcome, Verdict


class Dimension(StrEnum):
    """By what verdicts are counted. MONTH: in which the ticket was opened, in UTC."""

    TOTAL = "total"
    POLICY = "policy"
    PRIORITY = "priority"
    MONTH = "month"


@dataclass(slots=True)
class Count:
    """Verdicts of one group before and after, and how many of them flipped.

    to_missed, to_met: flips to that verdict, from any other. withdrawn: a verdict that would not have been given.
    """

    met_before: int = 0
    missed_before: int = 0
    met_after: int = 0
    missed_after: int = 0
    to_missed: int = 0
    to_met: int = 0
    withdrawn: int = 0

    def add(self, other: Count) -> None:
        """Adds another part of the same group."""
        self.met_before += other.met_before
        self.missed_before += other.missed_before
        self.met_after += other.met_after
        self.missed_after += other.missed_after
        self.to_missed += other.to_missed
        self.to_met += other.to_met
        self.withdrawn += other.withdrawn


Tally = dict[tuple[Dimension, str], Count]


def add(tally: Tally, filed: Filed, after: Iterable[Outcome]) -> None:
    """Counts one ticket's clocks in each of their groups."""
    before = {one.kind: one for one in filed.outcomes}
    again = {one.kind: one for one in after}
    for kind in {**before, **again}:
        old, new = before.get(kind), again.get(kind)
        count = _compared(Verdict.NONE if old is None else old.verdict, Verdict.NONE if new is None else new.verdict)
        for group in _groups(filed, old or new):
            tally.setdefault(group, Count()).add(count)


def merge(tally: Tally, part: Mapping[tuple[Dimension, str], Count]) -> None:
    """Adds what was counted apart."""
    for group, count in part.items():
        tally.setdefault(group, Count()).add(count)


def _groups(filed: Filed, one: Outcome | None) -> Iterator[tuple[Dimension, str]]:
    yield Dimension.TOTAL, ""
    yield Dimension.POLICY, one.policy if one is not None else ""
    yield Dimension.PRIORITY, str(filed.priority)
    yield Dimension.MONTH, f"{filed.opened_at.year:04}-{filed.opened_at.month:02}"


def _compared(was: Verdict, would: Verdict) -> Count:
    changed = was is not would
    return Count(
        met_before=was is Verdict.MET,
        missed_before=was is Verdict.MISSED,
        met_after=would is Verdict.MET,
        missed_after=would is Verdict.MISSED,
        to_missed=changed and would is Verdict.MISSED,
        to_met=changed and would is Verdict.MET,
        withdrawn=changed and was in (Verdict.MET, Verdict.MISSED) and would in (Verdict.OPEN, Verdict.NONE),
    )
