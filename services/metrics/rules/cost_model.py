"""Cost models: versions with the instant from which they hold, drafted by one person and approved by another.

An approved version never changes, and no two of them start at the same instant. One that starts in a past that was
judged already touches nothing that is booked: an entry keeps the version that it names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.metrics.rules import approval
from services.metrics.rules.approval import ADMINISTRATOR, FINANCE, VERSIONS_KEPT
from services.metrics.rules.business_model import Basis, BusinessModel, Terms, basis_of
from services.metrics.rules.money import GAINS, Category
from services.metrics.rules.people_model import PeopleModel
from services.metrics.rules.terms import Draft, require_known, require_sound
from services.runtime.actor import Actor
from services.runtime.refusal import Refusal

INCIDENTS = "costModels/people"

__all__ = [
    "ADMINISTRATOR",
    "FINANCE",
    "INCIDENTS",
    "VERSIONS_KEPT",
    "CostModel",
    "CostModelApproved",
    "CostModelDrafted",
    "Draft",
    "Version",
    "approve",
    "draft",
    "require_known",
    "version_in_force",
]


@dataclass(frozen=True, slots=True)
class Version:
    """One version. number: from 1, in the order of drafting. approved_at: None while it is a draft."""

    number: int
    category: Category
    effective_at: datetime
    terms: Terms
    author: str
    note: str
    approver: str = ""
    approved_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CostModel:
    """A model with all its versions, oldest first; there is always one."""

    name: str
    versions: tuple[Version, ...]

    @property
    def basis(self) -> Basis:
        """What it counts, in every version."""
        return basis_of(self.versions[0].terms)

    def version(self, number: int) -> Version:
        """The version of that number; 0 is the latest.

        Raises:
            Refusal: NOT_FOUND.
        """
        return approval.numbered(self.name, self.versions, number)


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


def draft(model: CostModel | None, draft: Draft, *, by: Actor) -> tuple[CostModel, tuple[CostModelDrafted, ...]]:
    """Adds the draft as the next version.

    Raises:
        Refusal: PERSON_REQUIRED, ROLE_REQUIRED, COST_MODEL_UNKNOWN, COST_MODEL_INVALID, CATEGORY_REQUIRED,
            COST_MODEL_TYPE_FIXED, COST_MODEL_VERSIONS_FULL.
    """
    approval.require_author(by, "a cost model")
    before = model.versions if model is not None else ()
    if len(before) >= VERSIONS_KEPT:
        raise Refusal.precondition(
            "COST_MODEL_VERSIONS_FULL", f"{draft.name} has {VERSIONS_KEPT} versions; approve one of them."
        )
    after = CostModel(draft.name, (*before, written(draft, before, by.sub)))
    return after, (CostModelDrafted(after, len(after.versions)),)


def written(draft: Draft, before: Sequence[Version], author: str) -> Version:
    """The version that a draft makes, checked; also for an example that nobody keeps.

    Raises:
        Refusal: COST_MODEL_UNKNOWN, COST_MODEL_INVALID, CATEGORY_REQUIRED, COST_MODEL_TYPE_FIXED.
    """
    require_known(draft.name)
    if before and basis_of(before[0].terms) is not draft.basis:
        raise Refusal.invalid(
            "cost_model.type",
            "COST_MODEL_TYPE_FIXED",
            f"{draft.name} is of the type {basis_of(before[0].terms).value.lower()}; give another type another name.",
        )
    category = _category(draft)
    effective_at = require_sound(draft)
    return Version(len(before) + 1, category, effective_at, _terms(draft), author, draft.note.strip())


def approve(
    model: CostModel, number: int, *, by: Actor, now: datetime, note: str = ""
) -> tuple[CostModel, tuple[CostModelApproved, ...]]:
    """Lets a version hold from its effective time on.

    Raises:
        Refusal: PERSON_REQUIRED, ROLE_REQUIRED, NOT_FOUND, COST_MODEL_APPROVED, OWN_MODEL, EFFECTIVE_TIME_TAKEN.
    """
    after = replace(model, versions=approval.approved(model.name, model.versions, number, by, now, note))
    return after, (CostModelApproved(after, number),)


def version_in_force(model: CostModel | None, at: datetime, known_at: datetime | None = None) -> Version | None:
    """The approved version that starts last of those that start at `at` or before; None when there is none.

    known_at: only those approved by then; None for whenever.
    """
    return approval.in_force(model.versions if model is not None else (), at, known_at)


def _category(draft: Draft) -> Category:
    field = "cost_model.category"
    if draft.basis is not Basis.GAIN:
        if draft.category not in (None, Category.INCURRED_LOSS):
            raise Refusal.invalid(
                field, "COST_MODEL_INVALID", "What faults cost is incurred loss; name that category or none."
            )
        return Category.INCURRED_LOSS
    if draft.category is None:
        raise Refusal.invalid(field, "CATEGORY_REQUIRED", "Say what is gained: stop_loss, hours, risk or compliance.")
    if draft.category not in GAINS:
        raise Refusal.invalid(
            field, "COST_MODEL_INVALID", "A gain is stop_loss, hours, risk or compliance; a loss is no gain."
        )
    return draft.category


def _terms(draft: Draft) -> Terms:
    scopes, effects = dict(sorted(draft.scopes)), dict(sorted(draft.effects))
    if draft.basis is Basis.PEOPLE:
        return PeopleModel(draft.currency, draft.hourly_rate, scopes, effects, draft.longest)
    return BusinessModel(
        basis=draft.basis,
        currency=draft.currency,
        unit_value=draft.unit_value,
        margin=draft.margin,
        units_per_hour=draft.units_per_hour,
        calendar=draft.calendar,
        places=scopes or None,
        levels=effects or None,
        recovered=draft.recovered,
        low=draft.low,
        high=draft.high,
        longest=draft.longest or timedelta(days=30),
    )
