"""What a draft of a cost model must say, by type: each claim with the field at fault and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.metrics.rules.business_model import TIMED, Basis
from services.metrics.rules.money import Category
from services.runtime.refusal import Refusal

_PEOPLE = "costModels/people"
MOST_USERS, MOST_RATE = 10_000_000, 100_000_000
MOST_VALUE, MOST_UNITS = 10**12, 10**9
MOST_HIGH = 10_000
SHORTEST, LONGEST = timedelta(minutes=1), timedelta(days=60)
IMPACTS, PRIORITIES = range(1, 4), range(1, 5)
_CURRENCY = re.compile(r"[A-Z]{3}")
_NAME = re.compile(r"costModels/[a-z0-9][a-z0-9-]{0,62}")
_CALENDAR = re.compile(r"(calendars/[a-z0-9][a-z0-9-]{0,62})?")
_TEXT = 1000
_MILLE = 1000

Claim = tuple[str, bool, str]


@dataclass(frozen=True, slots=True)
class Draft:
    """A version as somebody wrote it; `scopes` and `effects` as pairs, so that what is said twice can be refused.

    hourly_rate: of people; the rest from `unit_value` on is of the other types, as in BusinessModel.
    """

    name: str
    category: Category | None
    effective_at: datetime | None
    currency: str
    hourly_rate: int = 0
    scopes: tuple[tuple[int, int], ...] = ()
    effects: tuple[tuple[int, int], ...] = ()
    longest: timedelta = timedelta(days=30)
    note: str = ""
    basis: Basis = Basis.PEOPLE
    unit_value: int = 0
    margin: int = _MILLE
    units_per_hour: int = _MILLE
    calendar: str = ""
    recovered: int = 0
    low: int = _MILLE
    high: int = _MILLE


def require_known(name: str) -> None:
    """Refuses what is no name of a model; asked before a document of that name is looked for.

    Raises:
        Refusal: COST_MODEL_UNKNOWN.
    """
    if _NAME.fullmatch(name) is None:
        raise Refusal.invalid(
            "cost_model.name",
            "COST_MODEL_UNKNOWN",
            'Name the model "costModels/" and 1 to 63 small letters, digits and hyphens, such as costModels/checkout.',
        )


def require_sound(draft: Draft) -> datetime:
    """The instant from which it holds, when everything else can be right.

    Raises:
        Refusal: COST_MODEL_UNKNOWN, COST_MODEL_INVALID.
    """
    if (draft.basis is Basis.PEOPLE) is not (draft.name == _PEOPLE):
        raise Refusal.invalid(
            "cost_model.name",
            "COST_MODEL_UNKNOWN",
            f'Working time is valued by "{_PEOPLE}" alone, and nothing else is; rename the model or change its type.',
        )
    if draft.effective_at is None:
        raise Refusal.invalid(
            "cost_model.effective_time", "COST_MODEL_INVALID", "Say from which instant on the model holds."
        )
    for field, holds, message in (
        *_common(draft),
        *(_people(draft) if draft.basis is Basis.PEOPLE else _business(draft)),
    ):
        if not holds:
            raise Refusal.invalid(f"cost_model.{field}", "COST_MODEL_INVALID", message)
    return draft.effective_at


def _common(draft: Draft) -> Iterator[Claim]:
    money = "people.hourly_rate" if draft.basis is Basis.PEOPLE else "business.unit_value"
    yield "note", len(draft.note) <= _TEXT, f"A note has at most {_TEXT} letters."
    yield (
        money,
        _CURRENCY.fullmatch(draft.currency) is not None,
        'Name the currency by its ISO 4217 code, such as "CNY".',
    )
    yield (
        "people.longest" if draft.basis is Basis.PEOPLE else "business.longest",
        SHORTEST <= draft.longest <= LONGEST,
        f"Count one minute at least and {LONGEST.days} days at most.",
    )


def _people(draft: Draft) -> Iterator[Claim]:
    yield (
        "people.hourly_rate",
        1 <= draft.hourly_rate <= MOST_RATE,
        f"A rate is 1 to {MOST_RATE} of the currency's smallest units.",
    )
    yield (
        "people.scopes",
        _each_once(draft.scopes, IMPACTS),
        "Give how many users an impact of 1 to 3 stands for, each impact once.",
    )
    yield (
        "people.scopes",
        all(1 <= users <= MOST_USERS for _, users in draft.scopes),
        f"An impact stands for 1 to {MOST_USERS} users.",
    )
    yield (
        "people.effects",
        _each_once(draft.effects, PRIORITIES),
        "Give what share of work a priority of 1 to 4 costs, each priority once.",
    )
    yield (
        "people.effects",
        all(0 <= share <= _MILLE for _, share in draft.effects),
        "A share is 0 to 1,000 per mille.",
    )


def _business(draft: Draft) -> Iterator[Claim]:
    yield (
        "business.unit_value",
        1 <= draft.unit_value <= MOST_VALUE,
        f"A value is 1 to {MOST_VALUE:,} of the currency's smallest units.",
    )
    yield "business.margin_per_mille", 1 <= draft.margin <= _MILLE, "A margin is 1 to 1,000 per mille of sales."
    yield (
        "business.units_per_hour_milli",
        1 <= draft.units_per_hour <= MOST_UNITS,
        f"A line makes 1 to {MOST_UNITS:,} thousandths of a unit in an hour.",
    )
    yield (
        "business.calendar",
        _CALENDAR.fullmatch(draft.calendar) is not None and (draft.basis in TIMED or not draft.calendar),
        'Name a calendar such as "calendars/store-hours" for sales or capacity, none for other types.',
    )
    yield (
        "business.scopes",
        _each_once(draft.scopes, IMPACTS) and 1 in dict(draft.scopes) if draft.basis in TIMED else not draft.scopes,
        "Give how many stores or lines an impact stands for, each once and 1 (all of them) too; none for other types.",
    )
    yield (
        "business.scopes",
        all(1 <= places <= MOST_USERS for _, places in draft.scopes),
        f"An impact stands for 1 to {MOST_USERS} stores or lines.",
    )
    yield (
        "business.levels",
        not draft.effects or _each_once(draft.effects, PRIORITIES),
        "Give the share that a level of 1 to 4 costs, each level once, or none at all.",
    )
    yield (
        "business.levels",
        all(0 <= share <= _MILLE for _, share in draft.effects),
        "A share is 0 to 1,000 per mille.",
    )
    yield (
        "business.recovered_per_mille",
        0 <= draft.recovered <= _MILLE,
        "What comes back later is 0 to 1,000 per mille.",
    )
    yield (
        "business.low_per_mille",
        1 <= draft.low <= _MILLE,
        "The low value is 1 to 1,000 per mille of the value.",
    )
    yield (
        "business.high_per_mille",
        _MILLE <= draft.high <= MOST_HIGH,
        f"The high value is 1,000 to {MOST_HIGH:,} per mille of the value.",
    )


def _each_once(pairs: Sequence[tuple[int, int]], known: range) -> bool:
    levels = [one for one, _ in pairs]
    return bool(levels) and len(set(levels)) == len(levels) and all(one in known for one in levels)
