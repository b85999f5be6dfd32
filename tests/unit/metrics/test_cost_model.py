"""Cost models: who drafts and who approves, and which version holds at an instant."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.metrics.rules.cost_model import INCIDENTS, CostModel, Draft, approve, draft, version_in_force
from services.metrics.rules.money import Category
from services.runtime.actor import Actor, system
from services.runtime.refusal import Refusal

FAN = Actor("people/fan", frozenset({"finance"}))
QIU = Actor("people/qiu", frozenset({"finance"}))
ADMIN = Actor("people/root", frozenset({"administrator"}))
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
DAY = timedelta(days=1)
WRITTEN = Draft(
    name=INCIDENTS,
    category=None,
    effective_at=NOW,
    currency="CNY",
    hourly_rate=12_000,
    scopes=((1, 250), (2, 40)),
    effects=((1, 1000), (3, 200)),
    longest=timedelta(hours=72),
)


def _reason(act: Any, *args: Any, **given: Any) -> tuple[str, str]:
    with pytest.raises(Refusal) as caught:
        act(*args, **given)
    return caught.value.reason, caught.value.field


def _approved(*starts: tuple[datetime, datetime]) -> CostModel:
    """A model with versions that start then and were approved then."""
    model: CostModel | None = None
    for number, (effective, approved) in enumerate(starts, 1):
        model, _ = draft(model, replace(WRITTEN, effective_at=effective), by=FAN)
        model, _ = approve(model, number, by=QIU, now=approved)
    assert model is not None
    return model


def test_a_version_holds_from_its_start_until_the_next_one_starts() -> None:
    """By where they start, not by their numbers; none before the first, and no draft ever."""
    model = _approved((NOW, NOW), (NOW - 9 * DAY, NOW), (NOW + DAY, NOW))
    model, _ = draft(model, replace(WRITTEN, effective_at=NOW + 2 * DAY), by=FAN)

    def number(at: datetime, known_at: datetime | None = None) -> int:
        found = version_in_force(model, at, known_at)
        return 0 if found is None else found.number

    marks = (NOW - 10 * DAY, NOW - 9 * DAY, NOW - DAY, NOW, NOW + DAY, NOW + 9 * DAY)
    assert [number(at) for at in marks] == [0, 2, 2, 1, 3, 3]
    assert version_in_force(None, NOW) is None


def test_only_what_was_approved_by_then_is_known_then() -> None:
    """A version approved later does not judge what happened before its approval, wherever it starts."""
    model = _approved((NOW - 9 * DAY, NOW - 8 * DAY), (NOW - 5 * DAY, NOW))
    at = NOW - 2 * DAY
    known = {when: version_in_force(model, at, when) for when in (at, NOW, None)}
    assert [one.number if one else 0 for one in known.values()] == [1, 2, 2]


def test_only_people_of_finance_approve_and_never_their_own() -> None:
    """A service may neither draft nor approve; an administrator drafts and may not approve; nobody approves twice."""
    model, (drafted,) = draft(None, WRITTEN, by=FAN)
    assert (drafted.model, drafted.number) == (model, 1)
    assert _reason(draft, None, WRITTEN, by=system("metrics", "people/fan"))[0] == "PERSON_REQUIRED"
    assert _reason(draft, None, WRITTEN, by=Actor("people/a", frozenset({"agent"})))[0] == "ROLE_REQUIRED"
    assert _reason(approve, model, 1, by=FAN, now=NOW)[0] == "OWN_MODEL"
    assert _reason(approve, model, 1, by=ADMIN, now=NOW)[0] == "ROLE_REQUIRED"
    assert _reason(approve, model, 1, by=system("metrics", "people/qiu"), now=NOW)[0] == "PERSON_REQUIRED"
    assert _reason(approve, model, 2, by=QIU, now=NOW)[0] == "NOT_FOUND"
    approved, (told,) = approve(model, 1, by=QIU, now=NOW, note=" seen ")
    assert (told.number, approved.version(1).approver, approved.version(1).note) == (1, "people/qiu", "seen")
    assert _reason(approve, approved, 1, by=QIU, now=NOW)[0] == "COST_MODEL_APPROVED"


def test_two_approved_versions_never_start_together() -> None:
    """The second draft for the same instant stays a draft; one that starts in the past is fine."""
    model = _approved((NOW, NOW))
    model, _ = draft(model, replace(WRITTEN, hourly_rate=1), by=FAN)
    assert _reason(approve, model, 2, by=QIU, now=NOW)[0] == "EFFECTIVE_TIME_TAKEN"
    model, _ = draft(model, replace(WRITTEN, effective_at=NOW - 300 * DAY), by=FAN)
    assert len(approve(model, 3, by=QIU, now=NOW)[0].versions) == 3


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("category", {"category": Category.RISK}),
        ("effective_time", {"effective_at": None}),
        ("note", {"note": "x" * 1001}),
        ("people.hourly_rate", {"currency": "yuan"}),
        ("people.hourly_rate", {"hourly_rate": 0}),
        ("people.scopes", {"scopes": ()}),
        ("people.scopes", {"scopes": ((1, 5), (1, 6))}),
        ("people.scopes", {"scopes": ((0, 5),)}),
        ("people.scopes", {"scopes": ((1, 0),)}),
        ("people.effects", {"effects": ()}),
        ("people.effects", {"effects": ((5, 10),)}),
        ("people.effects", {"effects": ((1, 1001),)}),
        ("people.longest", {"longest": timedelta()}),
        ("people.longest", {"longest": timedelta(days=61)}),
    ],
)
def test_a_draft_is_refused_by_the_field_at_fault(field: str, change: dict[str, Any]) -> None:
    """Every bound of a model names its field."""
    assert _reason(draft, None, replace(WRITTEN, **change), by=FAN) == ("COST_MODEL_INVALID", f"cost_model.{field}")


def test_nothing_is_drafted_that_nothing_books_by() -> None:
    """A model of another name would hold and do nothing."""
    found = _reason(draft, None, replace(WRITTEN, name="costModels/sales"), by=FAN)
    assert found == ("COST_MODEL_UNKNOWN", "cost_model.name")
