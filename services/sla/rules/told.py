"""Whom a step reaches at a moment, by name, and why this one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from services.sla.rules.directory import Directory
from services.sla.rules.escalation import Plan, Recipient, Role
from services.sla.rules.rota import Rota, on_call


class Outcome(StrEnum):
    """Why somebody is told, or nobody."""

    TOLD = "told"
    STAND_IN = "stand_in"
    NOBODY_ASSIGNED = "nobody_assigned"
    NO_TEAM = "no_team"
    NO_LEAD = "no_lead"
    NOBODY_ON_CALL = "nobody_on_call"
    PERSON_GONE = "person_gone"


@dataclass(frozen=True, slots=True)
class Told:
    """name: "people/..." or "teams/...", "" for nobody. rota: that put the person on call."""

    role: Role
    name: str
    outcome: Outcome
    display_name: str = ""
    display_names: Mapping[str, str] = field(default_factory=dict)
    rota: str = ""


@dataclass(frozen=True, slots=True)
class Shelved:
    """All that escalation looks things up in: plans in their order, rotas by name, people and teams."""

    plans: tuple[Plan, ...] = ()
    rotas: Mapping[str, Rota] = field(default_factory=dict)
    directory: Directory = field(default_factory=Directory)


def resolve(
    recipients: Iterable[Recipient], *, assignee: str, team: str, shelved: Shelved, at: datetime
) -> tuple[Told, ...]:
    """Whom the recipients are at an instant, each once.

    One who is not there is said to be so; when none of them is, the ticket's team stands in.
    """
    found: list[Told] = []
    for one in recipients:
        told = _one(one, assignee, team, shelved, at)
        if not told.name or all(told.name != other.name for other in found):
            found.append(told)
    if not any(one.name for one in found) and team:
        found.append(_team(Role.TEAM, team, shelved.directory, Outcome.STAND_IN))
    return tuple(found)


def members(told: Iterable[Told]) -> Iterator[str]:
    """The names of those who were reached."""
    return (one.name for one in told if one.name)


def _one(one: Recipient, assignee: str, team: str, shelved: Shelved, at: datetime) -> Told:
    directory = shelved.directory
    match one.role:
        case Role.ASSIGNEE:
            return _person(one.role, assignee, directory, Outcome.NOBODY_ASSIGNED)
        case Role.PERSON:
            return _person(one.role, one.name, directory, Outcome.PERSON_GONE)
        case Role.TEAM:
            named = one.name or team
            return _team(one.role, named, directory) if named else Told(one.role, "", Outcome.NO_TEAM)
        case Role.LEAD:
            group = directory.teams.get(one.name or team)
            return _person(one.role, group.lead if group else "", directory, Outcome.NO_LEAD)
        case Role.ON_CALL:
            rota = shelved.rotas.get(one.name)
            person = on_call(rota, at, directory.reaches).person if rota is not None else ""
            return _person(one.role, person, directory, Outcome.NOBODY_ON_CALL, one.name)


def _person(role: Role, person: str, directory: Directory, otherwise: Outcome, rota: str = "") -> Told:
    if not person:
        return Told(role, "", otherwise, rota=rota)
    if not directory.reaches(person):
        return Told(role, "", Outcome.PERSON_GONE, directory.called(person), rota=rota)
    return Told(role, person, Outcome.TOLD, directory.called(person), rota=rota)


def _team(role: Role, team: str, directory: Directory, outcome: Outcome = Outcome.TOLD) -> Told:
    group = directory.teams.get(team)
    return Told(role, team, outcome, display_names=group.display_names if group else {})
