"""The register of risks, and what all open ones may cost in a year (E24): probability, and a loss by its P50 and P90.

A risk happens at most once in the year; its loss lies log-normally, as FAIR suggests for magnitudes. The total is
drawn from the names of the risks alone, so that everybody who asks gets the same.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from functools import cache
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.metrics.rules.exact import MILLE
from services.metrics.rules.registry import METRICS
from services.metrics.rules.values import Standing, Value, undefined
from services.runtime.actor import Actor
from services.runtime.refusal import Refusal

PREFIX = "risks/"
EDITORS = ("lead", "problem_manager", "change_manager", "finance", "executive", "operator", "administrator")
BEARERS = ("executive", "finance", "administrator")
FORMULA = "risk/1"
DRAWS = 10_000
HORIZON_DAYS = 365
TOP = 10
MOST_OPEN = 500
MOST_MINOR = 10**12
_STEEPEST = 100
# With these bounds no sum of MOST_OPEN losses leaves 64 bits.
_STRATA_BITS = 12
_Z90 = 1.2815515655446004
_OWNERS = ("people/", "teams/")

Draws = NDArray[np.int64]


class State(Enum):
    """ACCEPTED: known and borne, and shown apart."""

    OPEN = "OPEN"
    ACCEPTED = "ACCEPTED"
    CLOSED = "CLOSED"


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody wrote, unchecked. middle, high: P50 and P90 of the loss, minor units of the currency."""

    title: str
    owner: str
    probability: int
    currency: str
    middle: int
    high: int
    currency_high: str
    subject: str = ""
    note: str = ""
    review_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Risk:
    """One risk. probability: per mille that it happens within a year. unit: of its author; the scope in which it is
    read.
    """

    name: str
    title: str
    owner: str
    probability: int
    currency: str
    middle: int
    high: int
    author: str
    updated_at: datetime
    subject: str = ""
    note: str = ""
    review_at: datetime | None = None
    state: State = State.OPEN
    unit: str = ""

    @property
    def expected(self) -> int:
        """Probability x the mean of the log-normal loss, minor units, half to even."""
        return round(self.probability * self.middle * math.exp(_sigma(self) ** 2 / 2) / MILLE)


@dataclass(frozen=True, slots=True)
class RiskChanged:
    """It was registered, weighed anew, accepted or closed."""

    risk: Risk


@dataclass(frozen=True, slots=True)
class Total:
    """What some risks may cost together in a year. low, middle, high: P10, P50 and P90, minor units."""

    low: int
    middle: int
    high: int
    mean: int
    count: int


Decision = tuple[Risk, tuple[RiskChanged, ...]]


def risk_name(cause: str) -> str:
    """The name of what a cause registers: the same for the same cause."""
    return PREFIX + hashlib.sha256(cause.encode()).hexdigest()[:12]


def register(name: str, draft: Draft, currency: str, open_now: int, *, by: Actor, now: datetime) -> Decision:
    """A new risk. currency: in which the board adds up. open_now: how many are open.

    Raises:
        Refusal: PERSON_REQUIRED, ROLE_REQUIRED, RISK_INVALID, RISKS_FULL.
    """
    _require(by, *EDITORS)
    if open_now >= MOST_OPEN:
        raise Refusal.precondition("RISKS_FULL", f"{MOST_OPEN} risks are open; close or accept one of them first.")
    _require_sound(draft, currency)
    risk = Risk(
        name, draft.title.strip(), draft.owner, draft.probability, currency, draft.middle, draft.high, by.sub, now,
        draft.subject, draft.note.strip(), draft.review_at, unit=by.unit,
    )  # fmt: skip
    return risk, (RiskChanged(risk),)


def weigh(before: Risk, draft: Draft, currency: str, *, by: Actor, now: datetime) -> Decision:
    """The risk with other words and numbers, open again.

    Raises:
        Refusal: PERSON_REQUIRED, ROLE_REQUIRED, RISK_INVALID.
    """
    _require(by, *EDITORS)
    _require_sound(draft, currency)
    after = replace(
        before, title=draft.title.strip(), owner=draft.owner, probability=draft.probability, currency=currency,
        middle=draft.middle, high=draft.high, subject=draft.subject, note=draft.note.strip(),
        review_at=draft.review_at, state=State.OPEN, updated_at=now,
    )  # fmt: skip
    return after, (RiskChanged(after),)


def settle(before: Risk, state: State, note: str, *, by: Actor, now: datetime) -> Decision:
    """Accepts or closes it, with a reason.

    Raises:
        Refusal: PERSON_REQUIRED, ROLE_REQUIRED, RISK_NOT_OPEN, RISK_INVALID.
    """
    _require(by, *(BEARERS if state is State.ACCEPTED else EDITORS))
    if before.state is not State.OPEN:
        raise Refusal.precondition("RISK_NOT_OPEN", "Only an open risk can be accepted or closed; weigh it anew first.")
    if not note.strip():
        raise Refusal.invalid("note", "RISK_INVALID", "Say why.")
    after = replace(before, state=state, note=note.strip(), updated_at=now)
    return after, (RiskChanged(after),)


def total(risks: Sequence[Risk]) -> Total:
    """P10, P50, P90 and mean of the sum over a year, from draws that the names of the risks alone decide.

    The percentiles are order statistics of DRAWS draws; the mean is the sum of the expected losses.
    """
    sums: Draws = np.zeros(DRAWS, np.int64)
    for one in risks:
        sums += drawn(one)
    sums.sort()
    low, middle, high = (int(sums[at]) for at in (DRAWS // 10, DRAWS // 2, DRAWS - 1 - DRAWS // 10))
    return Total(low, middle, high, sum(one.expected for one in risks), len(risks))


def drawn(risk: Risk) -> Draws:
    """What the risk costs in each of DRAWS years: nothing, or a loss. Raw bits of Philox keyed by the name, which no
    version of the library changes.
    """
    key = int.from_bytes(hashlib.sha256(f"{FORMULA}/{risk.name}".encode()).digest()[:16], "big")
    bits: NDArray[Any] = np.random.Philox(key=key).random_raw(2 * DRAWS)
    happens = bits[:DRAWS] >> np.uint64(11) < np.uint64((risk.probability << 53) // MILLE)
    losses = np.rint(risk.middle * np.exp(_sigma(risk) * _normal())).astype(np.int64)
    return np.where(happens, losses[bits[DRAWS:] >> np.uint64(64 - _STRATA_BITS)], 0)


def top(risks: Sequence[Risk]) -> list[Risk]:
    """The ten of the largest expected loss; of equals by name."""
    return sorted(risks, key=lambda one: (-one.expected, one.name))[:TOP]


def exposure(risks: Sequence[Risk], currency: str) -> Value:
    """E24 as the board shows it: P50 in front, P90 and the mean beside it."""
    metric = METRICS["risk_exposure"]
    if not risks:
        return undefined(metric, "no open risk is in the register")
    one = total(risks)
    return Value(
        metric.name, Standing.SHOWN, float(one.middle), one.count, median=float(one.middle), p90=float(one.high),
        mean=float(one.mean), low=float(one.low), high=float(one.high), note=currency,
    )  # fmt: skip


@cache
def _normal() -> NDArray[np.float64]:
    """The middles of 4096 equal parts of the standard normal law."""
    law, strata = NormalDist(), 1 << _STRATA_BITS
    return np.array([law.inv_cdf((at + 0.5) / strata) for at in range(strata)])


def _sigma(risk: Risk) -> float:
    return math.log(risk.high / risk.middle) / _Z90


def _require(by: Actor, *roles: str) -> None:
    if by.is_system:
        raise Refusal.forbidden("PERSON_REQUIRED", "Only a person may change the register of risks.")
    by.require(*roles, to="do that to a risk")


def _require_sound(draft: Draft, currency: str) -> None:
    def require(field: str, holds: bool, message: str) -> None:
        if not holds:
            raise Refusal.invalid(f"risk.{field}", "RISK_INVALID", message)

    require("title", bool(draft.title.strip()), "Say what may happen.")
    require("owner", draft.owner.startswith(_OWNERS), 'Name its owner, "people/..." or "teams/...".')
    require("probability_per_mille", 1 <= draft.probability <= MILLE, "Give 1 to 1000 thousandths.")
    require("loss_p50", draft.currency == currency, f"The board adds up {currency}; give the loss in it.")
    require("loss_p90", draft.currency_high == currency, f"The board adds up {currency}; give the loss in it.")
    require("loss_p50", 1 <= draft.middle <= MOST_MINOR, "Give a loss above nothing and at most 10^12 minor units.")
    steep = draft.middle <= draft.high <= min(MOST_MINOR, draft.middle * _STEEPEST)
    require("loss_p90", steep, "P90 is not below P50, and at most a hundred times it.")
