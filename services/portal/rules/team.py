"""A team: what work is assigned to, and who leads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from services.portal.rules.person import ADMINISTRATOR
from services.runtime.actor import Actor
from services.runtime.refusal import Refusal

LANGUAGES = ("zh", "en")


@dataclass(frozen=True, slots=True)
class Team:
    """display_names: by language, sorted pairs. lead: "people/<id>" or ""."""

    display_names: tuple[tuple[str, str], ...]
    lead: str = ""
    unit: str = ""
    retired: bool = False


@dataclass(frozen=True, slots=True)
class TeamChanged:
    """The team after the change."""

    team: Team


def put(
    before: Team | None, names: Mapping[str, str], *, lead: str, unit: str, retired: bool, by: Actor
) -> tuple[Team, tuple[TeamChanged, ...]]:
    """Creates or replaces a team.

    Raises:
        Refusal: ROLE_REQUIRED, LANGUAGE_UNKNOWN, NAME_EMPTY.
    """
    by.require(ADMINISTRATOR, to="change teams")
    for language, text in names.items():
        if language not in LANGUAGES:
            raise Refusal.invalid("display_names", "LANGUAGE_UNKNOWN", "Give names under zh and en.")
        if not text.strip():
            raise Refusal.invalid(
                f'display_names["{language}"]', "NAME_EMPTY", "Give the team a name, or leave it out."
            )
    after = Team(tuple(sorted((k, v.strip()) for k, v in names.items())), lead, unit, retired)
    return after, () if after == before else (TeamChanged(after),)
