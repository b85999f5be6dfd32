"""Outages of a service as a fold over its slices: the same slices always give the same stretches.

A minute is bad by the share of its requests that failed; two bad minutes in a row open, five good ones close, and a
stretch begins and ends with its first and last bad slice, where a bad request counts when it started.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from services.metrics.rules.availability import ENOUGH, Sums

A_MINUTE = 6
"""Slices in a minute."""
THRESHOLD, PLAIN = 0.05, 0.5
"""The share of bad requests that makes a minute bad, and the one that needs no second minute."""
FEWEST_BAD = 3
_TO_OPEN, _TO_CLOSE, _TO_FORGET, _TO_MERGE = 2, 5, 15, 5
_IN_A_ROW = 3
_LEAST_IN_SLICE = 10
_LONGEST_REQUEST = A_MINUTE
"""So many slices before its end a bad request may have started and still belong to the stretch."""
_NONE = Sums()


class Minute(Enum):
    """What a minute says. UNKNOWN: too few requests to say anything."""

    GOOD = "good"
    BAD = "bad"
    PLAINLY_BAD = "plainly bad"
    UNKNOWN = "unknown"


class Standing(Enum):
    """Where a stretch stands. PROVISIONAL: bad slices in a row, and not yet bad minutes."""

    PROVISIONAL = "provisional"
    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Stretch:
    """first, last: its first and last bad slice."""

    first: int
    last: int
    standing: Standing


def requests(sums: Sums, *, spoke: bool) -> float:
    """What the bad ones are a share of; of a service that never speaks for itself, the calls that others made."""
    return sums.valid if spoke else max(sums.valid, sums.called)


def minute(slices: Sequence[Sums], *, spoke: bool = True) -> Minute:
    """What the slices of a minute say of it."""
    whole = Sums()
    for one in slices:
        whole.merge(one)
    valid, bad = requests(whole, spoke=spoke), whole.valid - whole.good
    if not valid:
        return Minute.UNKNOWN
    share = bad / valid
    enough = whole.effective >= ENOUGH or (not spoke and whole.called >= ENOUGH)
    if share >= PLAIN and whole.bad >= FEWEST_BAD:
        return Minute.PLAINLY_BAD
    if not enough:
        return Minute.UNKNOWN
    return Minute.BAD if share >= THRESHOLD and whole.bad >= FEWEST_BAD else Minute.GOOD


def is_bad(sums: Sums, *, spoke: bool = True) -> bool:
    """Whether so many requests that started in a slice failed that it belongs to an outage."""
    return sums.begun > 0 and sums.begun_weight >= THRESHOLD * max(requests(sums, spoke=spoke), sums.begun_weight)


def stretches(slices: Mapping[int, Sums], until: int) -> list[Stretch]:
    """The outages of one service. slices: ten seconds each, by number; until: the first slice that is not over."""
    if not slices:
        return []
    spoke = any(one.valid and one.n > one.bad for one in slices.values())
    start = min(slices) // A_MINUTE
    end = until // A_MINUTE
    minutes = {
        number: minute(_slices_of(slices, number), spoke=spoke)
        for number in sorted({slice // A_MINUTE for slice in slices})
        if number < end
    }
    found = [_bounded(slices, first, last, standing, spoke) for first, last, standing in _runs(minutes, start, end)]
    provisional = _provisional(slices, until, spoke, found)
    return [*found, *([provisional] if provisional is not None else [])]


def _slices_of(slices: Mapping[int, Sums], number: int) -> list[Sums]:
    return [slices.get(number * A_MINUTE + place, _NONE) for place in range(A_MINUTE)]


def _runs(minutes: Mapping[int, Minute], start: int, end: int) -> list[tuple[int, int, Standing]]:
    """The stretches in minutes: first bad, last bad, and whether it goes on."""
    found: list[tuple[int, int, Standing]] = []
    opened: int | None = None
    candidate: int | None = None
    last = good = in_a_row = 0
    for number in range(start, end):
        says = minutes.get(number, Minute.UNKNOWN)
        if says in (Minute.BAD, Minute.PLAINLY_BAD):
            in_a_row, good = in_a_row + 1, 0
            candidate = number if candidate is None else candidate
            if opened is None and (says is Minute.PLAINLY_BAD or in_a_row >= _TO_OPEN):
                opened = candidate
                if found and opened - found[-1][1] - 1 <= _TO_MERGE:
                    opened = found.pop()[0]
            last = number
            continue
        if says is Minute.GOOD:
            in_a_row, candidate, good = 0, None, good + 1
        if opened is not None and (good >= _TO_CLOSE or number - last >= _TO_FORGET):
            found.append((opened, last, Standing.CLOSED))
            opened, candidate, in_a_row = None, None, 0
    if opened is not None:
        found.append((opened, last, Standing.OPEN))
    return found


def _bounded(slices: Mapping[int, Sums], first: int, last: int, standing: Standing, spoke: bool) -> Stretch:
    """From minutes to slices; a bad slice that touches the bad minutes belongs to them."""
    begin, end = first * A_MINUTE, last * A_MINUTE + A_MINUTE - 1
    bad = [one for one in range(begin, end + 1) if is_bad(slices.get(one, _NONE), spoke=spoke)]
    low, high = (bad[0], bad[-1]) if bad else (begin, end)
    while low > begin - _LONGEST_REQUEST and is_bad(slices.get(low - 1, _NONE), spoke=spoke):
        low -= 1
    while is_bad(slices.get(high + 1, _NONE), spoke=spoke):
        high += 1
    return Stretch(low, high, standing)


def _provisional(slices: Mapping[int, Sums], until: int, spoke: bool, found: Sequence[Stretch]) -> Stretch | None:
    """A stretch of bad slices up to now that no bad minute holds yet."""
    low = high = None
    for number in range(until - 1, until - 1 - 2 * A_MINUTE, -1):
        sums = slices.get(number, _NONE)
        if not _is_plainly_bad(sums, spoke):
            if high is None:
                continue
            break
        high, low = (number if high is None else high), number
    if low is None or high is None or high - low + 1 < _IN_A_ROW:
        return None
    if any(one.first <= high and low <= one.last for one in found):
        return None
    if any(one.standing is Standing.OPEN for one in found):
        return None
    return Stretch(low, high, Standing.PROVISIONAL)


def _is_plainly_bad(sums: Sums, spoke: bool) -> bool:
    enough = sums.n >= _LEAST_IN_SLICE or sums.begun_weight >= PLAIN * requests(sums, spoke=spoke)
    return sums.begun >= FEWEST_BAD and enough and is_bad(sums, spoke=spoke)
