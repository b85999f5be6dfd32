"""The formulas by which entries are booked, each exact: factors x the sum of its hours, divided and rounded once.

A formula that has booked anything stays here for ever, under its id; another arithmetic gets another number.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from functools import lru_cache
from math import prod

from services.metrics.rules import people_model
from services.metrics.rules.exact import HOUR_MS, MILLE, Amounts, half_even, shared, signed
from services.metrics.rules.fact import EPOCH
from services.metrics.rules.people_model import Inputs

TRANSACTIONS, SALES, CAPACITY, PEOPLE, GAIN = "transactions/1", "sales/1", "capacity/1", "people/2", "gain/1"
DRAWS = 999
_MILLION = 1_000_000
_UNIFORM = 1 << 32
# The 80 % interval of a normal count, as a share in per mille of its 95 % interval: 1.2816 / 1.9600.
_EIGHTY_OF_95 = 654


@dataclass(frozen=True, slots=True)
class HourInput:
    """What was counted in one UTC hour. start_ms: since 1970, where the hour begins; ms: of it, that count.

    expected, actual, recovered: thousandths of a transaction; a declared incident expects 1,000 and has 0.
    """

    start_ms: int
    ms: int
    expected: int = MILLE
    actual: int = 0
    recovered: int = 0

    @property
    def lost(self) -> int:
        """Expected less actual less recovered later, never less than nothing; thousandths."""
        return max(0, self.expected - self.actual - self.recovered)

    @property
    def severity(self) -> int:
        """The lost share of what was expected, in per mille."""
        return half_even(MILLE * self.lost, self.expected) if self.expected > 0 else 0


@dataclass(frozen=True, slots=True)
class Measured:
    """The inputs of all formulas but people/1: numbers by name, in the formula's order, and hours without a gap.

    seed: of the interval; the name of the entry that was booked first from these inputs.
    """

    numbers: tuple[tuple[str, int], ...]
    hours: tuple[HourInput, ...]
    seed: str = ""

    def number(self, name: str) -> int:
        """One number.

        Raises:
            KeyError: there is none of that name.
        """
        return dict(self.numbers)[name]

    def with_sign(self, sign: int) -> Measured:
        """The same with another sign."""
        return Measured(tuple((k, sign if k == "sign" else n) for k, n in self.numbers), self.hours, self.seed)


AnyInputs = Inputs | Measured


@dataclass(frozen=True, slots=True)
class Formula:
    """amount = factors x sum of parts x rate_base / (divisor x rate_units). part: what an hour gives."""

    id: str
    words: str
    factors: tuple[str, ...]
    part: Callable[[HourInput], int]
    divisor: int


def _lost(hour: HourInput) -> int:
    return hour.lost


def _weighed(hour: HourInput) -> int:
    return hour.ms * hour.severity


def _whole(hour: HourInput) -> int:
    return hour.expected


MEASURED: Mapping[str, Formula] = {
    one.id: one
    for one in (
        Formula(
            TRANSACTIONS,
            "lost transactions x value of one x level x share not recovered later",
            ("unit_value", "level_per_mille", "kept_per_mille"),
            _lost,
            MILLE**3,
        ),
        Formula(
            SALES,
            "open hours x stores x sales of one in an hour x margin x level x share lost x share not recovered later",
            ("unit_value", "margin_per_mille", "places", "level_per_mille", "kept_per_mille"),
            _weighed,
            MILLE**4 * HOUR_MS,
        ),
        Formula(
            CAPACITY,
            "shift hours x lines x units of one in an hour x margin of a unit x level x share lost x share not made up",
            ("unit_value", "units_per_hour_milli", "places", "level_per_mille", "kept_per_mille"),
            _weighed,
            MILLE**4 * HOUR_MS,
        ),
        Formula(
            PEOPLE,
            "people affected x share of their work x hourly rate x time",
            ("users", "per_mille", "hourly_rate"),
            _weighed,
            MILLE**2 * HOUR_MS,
        ),
        Formula(GAIN, "quantity x value of one", ("unit_value",), _whole, MILLE),
    )
}
FORMULAS = frozenset({people_model.FORMULA, *MEASURED})


def amounts_of(formula: str, inputs: AnyInputs) -> Amounts:
    """The amounts that the inputs give; the same inputs always give the same amounts.

    Raises:
        KeyError: there is no such formula, or an input is missing.
        TypeError: the inputs are those of another formula.
    """
    if isinstance(inputs, Inputs):
        if formula != people_model.FORMULA:
            raise TypeError(f"{formula} takes other inputs")
        return people_model.amounts_of(inputs)
    rule = MEASURED[formula]
    given = dict(inputs.numbers)
    unit = prod(given[name] for name in rule.factors) * given["rate_base"]
    divisor = rule.divisor * given["rate_units"]
    parts = [rule.part(hour) for hour in inputs.hours]
    low, middle, high = (MILLE * given["low_per_mille"], _MILLION, MILLE * given["high_per_mille"])
    if inputs.seed:
        low, middle, high = _simulated(inputs.seed, given)
    sign, total = given["sign"], sum(parts)
    return Amounts(
        EPOCH + timedelta(milliseconds=inputs.hours[0].start_ms),
        signed(sign, shared(unit, parts, divisor)),
        signed(sign, shared(unit * low, parts, divisor * _MILLION)),
        signed(sign, shared(unit * high, parts, divisor * _MILLION)),
        None if middle == _MILLION else sign * half_even(unit * middle * total, divisor * _MILLION),
    )


def numbers_of(inputs: AnyInputs) -> dict[str, int]:
    """The inputs that are single numbers, by name, in the formula's order."""
    if isinstance(inputs, Inputs):
        return {one.name: getattr(inputs, one.name) for one in fields(inputs)}
    return dict(inputs.numbers)


def negated(inputs: AnyInputs) -> AnyInputs:
    """The inputs of what takes them back."""
    if isinstance(inputs, Measured):
        return inputs.with_sign(-inputs.number("sign"))
    return Inputs(**numbers_of(inputs) | {"sign": -inputs.sign})


def _simulated(seed: str, given: Mapping[str, int]) -> tuple[int, int, int]:
    """The 10th, 50th and 90th percentile of value x count in millionths, from draws that only the seed decides.

    The value's ends are its 10th and 90th percentile; those of the count are its 95 % interval by the sampling weights.
    """
    count_low = MILLE - half_even((MILLE - given["count_low_per_mille"]) * _EIGHTY_OF_95, MILLE)
    count_high = MILLE + half_even((given["count_high_per_mille"] - MILLE) * _EIGHTY_OF_95, MILLE)
    low, high = given["low_per_mille"], given["high_per_mille"]
    if (low, high, count_low, count_high) == (MILLE,) * 4:
        return _MILLION, _MILLION, _MILLION
    return _drawn(seed, low, high, count_low, count_high)


# What takes an entry back, and who computes it again, draws what the entry drew: some hundred of them a second.
@lru_cache(maxsize=4096)
def _drawn(seed: str, low: int, high: int, count_low: int, count_high: int) -> tuple[int, int, int]:
    """The percentiles of the draws; integers throughout, so that every machine draws the same."""
    draws = []
    for at in range(DRAWS):
        bytes_ = hashlib.sha256(f"{seed}/{at}".encode()).digest()
        value = _quantile(int.from_bytes(bytes_[:4], "big"), low, high)
        count = _quantile(int.from_bytes(bytes_[4:8], "big"), count_low, count_high)
        draws.append(half_even(value * count, _MILLION))
    draws.sort()
    return draws[DRAWS // 10], draws[DRAWS // 2], draws[DRAWS - 1 - DRAWS // 10]


def _quantile(uniform: int, low: int, high: int) -> int:
    """The value at a quantile, in millionths: straight from 1 to the ends at 10 % and 90 %, and on beyond them."""
    half = _UNIFORM // 2
    away = MILLE * (MILLE - low if uniform < half else high - MILLE)
    return max(0, _MILLION + half_even(away * 5 * (uniform - half), 2 * _UNIFORM))
