"""Cost models: versions with the instant from which they hold, drafted by one person and approved by another.

An approved version never changes, and no two of them start at the same instant. One that starts in a past that was
judged already touches nothing that is booked: an entry keeps the version that it names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.metrics.rules.money import Category
from services.metrics.rules.people_model import PeopleModel
from services.runtime.actor import Actor
from services.runtime.refusal import Refusal

INCIDENTS = "costModels/people"
FINANCE, ADMINISTRATOR = "finance", "administrator"
VERSIONS_KEPT = 100
MOST_USERS, MOST_RATE = 10_000_000, 100_000_000
SHORTEST, LONGEST = timedelta(minutes=1), timedelta(days=60)
IMPACTS, PRIORITIES = range(1, 4), range(1, 5)
_CURRENCY = re.compile(r"[A-Z]{3}")
_TEXT = 1000
_MILLE = 1000


@dataclass(frozen=True, slots=True)
class Draft:
    """A version as somebody wrote it; `scopes` and `effects` as pairs, so that what is said twice can be refused."""

    name: str
    category: Category | None
    effective_at: datetime | None
    currency: str
    hourly_rate: int
    scopes: tuple[tuple[int, int], ...]
    effects: tuple[tuple[int, int], ...]
    longest: timedelta
    note: str = ""


@dataclass(frozen=True, slots=True)
class Version:
    """One version. number: from 1, in the order of drafting. approved_at: None while it is a draft."""

    number: int
    category: Category
    effective_at: datetime
    people: PeopleModel
    author: str
    note: str
    approver: str = ""
    approved_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CostModel:
    """A model with all its versions, oldest first; there is always one."""

    name: str
    versions: tuple[Version, ...]

    def version(self, number: int) -> Version:
        """The version of that number; 0 is the latest.

        Raises:
            Refusal: NOT_FOUND.
        """
        if number == 0:
            return self.versions[-1]
        if number > len(self.versions):
            raise Refusal.not_found(f"{self.name} version {number}")
        return self.versions[number - 1]


@dataclass(frozen=True, slots=True)
class CostModelDrafted:
    """A version was written and waits for approval."""

    model: CostModel
    number: int


@dataclass(frozen=True, slots=True)
class CostModelApproved:
    """A version was approved and never changes from here on."""

    model: CostModel
    number: int


def require_known(name: str) -> None:
    """Refuses a model by whose name nothing is booked; asked before a document of that name is looked for.

    Raises:
        Refusal: COST_MODEL_UNKNOWN.
    """
    if name != INCIDENTS:
        raise Refusal.invalid(
            "cost_model.name", "COST_MODEL_UNKNOWN", f'Incidents are valued by "{INCIDENTS}"; nothing books by another.'
        )


def draft(model: CostModel | None, draft: Draft, *, by: Actor) -> tuple[CostModel, tuple[CostModelDrafted, ...]]:
    """Adds the draft as the next version.

    Raises:
        Refusal: PERSON_REQUIRED, ROLE_REQUIRED, COST_MODEL_UNKNOWN, COST_MODEL_INVALID, COST_MODEL_VERSIONS_FULL.
    """
    _require_person(by, FINANCE, ADMINISTRATOR, to="draft a cost model")
    before = model.versions if model is not None else ()
    if len(before) >= VERSIONS_KEPT:
        raise Refusal.precondition(
            "COST_MODEL_VERSIONS_FULL", f"{draft.name} has {VERSIONS_KEPT} versions; approve one of them."
        )
    number = len(before) + 1
    category, effective_at, people = _checked(draft)
    after = CostModel(
        draft.name, (*before, Version(number, category, effective_at, people, by.sub, draft.note.strip()))
    )
    return after, (CostModelDrafted(after, number),)


def approve(
    model: CostModel, number: int, *, by: Actor, now: datetime, note: str = ""
) -> tuple[CostModel, tuple[CostModelApproved, ...]]:
    """Lets a version hold from its effective time on.

    Raises:
        Refusal: PERSON_REQUIRED, ROLE_REQUIRED, NOT_FOUND, COST_MODEL_APPROVED, OWN_MODEL, EFFECTIVE_TIME_TAKEN.
    """
    _require_person(by, FINANCE, to="approve a cost model")
    version = model.version(number)
    if version.approved_at is not None:
        raise Refusal.precondition(
            "COST_MODEL_APPROVED", f"Version {number} is approved already; draft another to change what holds."
        )
    if by.sub == version.author:
        raise Refusal.forbidden("OWN_MODEL", "You wrote this version; somebody else of finance must approve it.")
    if any(one.approved_at is not None and one.effective_at == version.effective_at for one in model.versions):
        raise Refusal.precondition(
            "EFFECTIVE_TIME_TAKEN", "An approved version starts at this very instant; draft one that starts at another."
        )
    said = "\n".join(text for text in (version.note, note.strip()) if text)
    approved = replace(version, approver=by.sub, approved_at=now, note=said)
    after = replace(model, versions=tuple(approved if one is version else one for one in model.versions))
    return after, (CostModelApproved(after, number),)


def version_in_force(model: CostModel | None, at: datetime, known_at: datetime | None = None) -> Version | None:
    """The approved version that starts last of those that start at `at` or before; None when there is none.

    known_at: only those approved by then; None for whenever.
    """
    held = [
        one
        for one in (model.versions if model is not None else ())
        if one.approved_at is not None and one.effective_at <= at and (known_at is None or one.approved_at <= known_at)
    ]
    return max(held, key=lambda one: one.effective_at, default=None)


def _require_person(by: Actor, *roles: str, to: str) -> None:
    if by.is_system:
        raise Refusal.forbidden("PERSON_REQUIRED", f"Only a person may {to}.")
    by.require(*roles, to=to)


def _checked(draft: Draft) -> tuple[Category, datetime, PeopleModel]:
    require_known(draft.name)
    if draft.effective_at is None:
        raise Refusal.invalid(
            "cost_model.effective_time", "COST_MODEL_INVALID", "Say from which instant on the model holds."
        )
    for field, holds, message in _claims(draft):
        if not holds:
            raise Refusal.invalid(f"cost_model.{field}", "COST_MODEL_INVALID", message)
    users, per_mille = dict(sorted(draft.scopes)), dict(sorted(draft.effects))
    people = PeopleModel(draft.currency, draft.hourly_rate, users, per_mille, draft.longest)
    return Category.INCURRED_LOSS, draft.effective_at, people


def _claims(draft: Draft) -> Iterator[tuple[str, bool, str]]:
    """What must hold of a draft: the field, whether it does, and what to do when it does not."""
    impacts, priorities = [one for one, _ in draft.scopes], [one for one, _ in draft.effects]
    yield (
        "category",
        draft.category in (None, Category.INCURRED_LOSS),
        "What incidents cost people is incurred loss; name that category or none.",
    )
    yield "note", len(draft.note) <= _TEXT, f"A note has at most {_TEXT} letters."
    yield (
        "people.hourly_rate",
        _CURRENCY.fullmatch(draft.currency) is not None,
        'Name the currency by its ISO 4217 code, such as "CNY".',
    )
    yield (
        "people.hourly_rate",
        1 <= draft.hourly_rate <= MOST_RATE,
        f"A rate is 1 to {MOST_RATE} of the currency's smallest units.",
    )
    yield (
        "people.scopes",
        _each_once(impacts, IMPACTS),
        "Give how many users an impact of 1 to 3 stands for, each impact once.",
    )
    yield (
        "people.scopes",
        all(1 <= users <= MOST_USERS for _, users in draft.scopes),
        f"An impact stands for 1 to {MOST_USERS} users.",
    )
    yield (
        "people.effects",
        _each_once(priorities, PRIORITIES),
        "Give what share of work a priority of 1 to 4 costs, each priority once.",
    )
    yield (
        "people.effects",
        all(0 <= share <= _MILLE for _, share in draft.effects),
        "A share is 0 to 1,000 per mille.",
    )
    yield (
        "people.longest",
        SHORTEST <= draft.longest <= LONGEST,
        f"Count one minute at least and {LONGEST.days} days at most.",
    )


def _each_once(levels: Sequence[int], known: range) -> bool:
    return bool(levels) and len(set(levels)) == len(levels) and all(one in known for one in levels)
