"""The people model: affected users x lost share of their work x hourly rate x time, in exact integers alone.

Formula "people/1": users x per_mille x rate x ms / (1,000 x 3,600,000), rounded half-even once; hours by largest
remainder. Its interval takes the number of users as uncertain by half: 50 % and 150 % of them, all else as given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.metrics.rules.exact import HOUR_MS, MILLE, Amounts, hours_of, shared, signed
from services.metrics.rules.fact import EPOCH

FORMULA = "people/1"
LOW_PER_MILLE, HIGH_PER_MILLE = 500, 1500
_MS = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class PeopleModel:
    """What an affected hour costs. hourly_rate: minor units of `currency` for one person and hour.

    users: by impact. per_mille: the share of their work that people lose, by priority. longest: most time counted.
    """

    currency: str
    hourly_rate: int
    users: Mapping[int, int]
    per_mille: Mapping[int, int]
    longest: timedelta


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that the formula reads, as exact integers. start_ms: since 1970-01-01 UTC; ms: counted. sign: -1 takes back.

    low_per_mille, high_per_mille: the ends of the interval, as a share of the users.
    """

    users: int
    per_mille: int
    hourly_rate: int
    start_ms: int
    ms: int
    low_per_mille: int = LOW_PER_MILLE
    high_per_mille: int = HIGH_PER_MILLE
    sign: int = 1


def inputs_of(model: PeopleModel, users: int, per_mille: int, start: datetime, end: datetime) -> Inputs:
    """The inputs of an incident that lasted from `start` to `end`, wall clock, capped at the model's longest."""
    lasted = min(max(end - start, timedelta()), model.longest)
    return Inputs(users, per_mille, model.hourly_rate, (start - EPOCH) // _MS, lasted // _MS)


def amounts_of(inputs: Inputs) -> Amounts:
    """The amounts that the inputs give; the same inputs always give the same amounts."""
    first, parts = hours_of(inputs.start_ms, inputs.ms)
    unit = inputs.users * inputs.per_mille * inputs.hourly_rate
    return Amounts(
        EPOCH + first * timedelta(hours=1),
        signed(inputs.sign, shared(unit, parts, MILLE * HOUR_MS)),
        signed(inputs.sign, shared(unit * inputs.low_per_mille, parts, MILLE * MILLE * HOUR_MS)),
        signed(inputs.sign, shared(unit * inputs.high_per_mille, parts, MILLE * MILLE * HOUR_MS)),
    )
