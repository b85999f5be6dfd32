"""People, teams, sessions and tries as documents; the account that somebody signs in with; the lists."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from pymongo import ASCENDING, IndexModel

from services.portal import wire
from services.portal.rules.person import Person
from services.portal.rules.session import Session, Tries
from services.portal.rules.team import Team
from services.runtime.paging import Page, PageRequest
from services.runtime.records import Kind, Record, Records


def digest(secret: str) -> str:
    """What is kept of a session's token or of an account that was tried: SHA-256, hex."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _person_to_document(person: Person) -> dict[str, Any]:
    return {
        "display_name": person.display_name,
        "email": person.email,
        "roles": sorted(person.roles),
        "teams": sorted(person.teams),
        "unit": person.unit,
        "language": person.language,
        "time_zone": person.time_zone,
        "disabled": person.disabled,
        "title": person.title,
        "vip": person.vip,
        "password_hash": person.password_hash,
        "session_epoch": person.session_epoch,
        "updated_at": person.updated_at,
    }


def _person_from_document(state: Mapping[str, Any]) -> Person:
    return Person(**{**state, "roles": frozenset(state["roles"]), "teams": frozenset(state["teams"])})


PEOPLE: Kind[Person] = Kind(
    collection="people",
    encode=_person_to_document,
    decode=_person_from_document,
    message=wire.event_to_proto,
    indexes=(
        IndexModel([("state.display_name", ASCENDING), ("_id", ASCENDING)]),
        IndexModel([("state.teams", ASCENDING), ("state.display_name", ASCENDING), ("_id", ASCENDING)]),
        IndexModel([("state.email", ASCENDING)]),
    ),
)

TEAMS: Kind[Team] = Kind(
    collection="teams",
    encode=lambda team: {
        "display_names": dict(team.display_names),
        "lead": team.lead,
        "unit": team.unit,
        "retired": team.retired,
    },
    decode=lambda state: Team(
        tuple(sorted(state["display_names"].items())), state["lead"], state["unit"], state["retired"]
    ),
    message=wire.event_to_proto,
)

SESSIONS: Kind[Session] = Kind(
    collection="sessions",
    encode=lambda session: {
        "person": session.person,
        "epoch": session.epoch,
        "expires_at": session.expires_at,
        "ended": session.ended,
    },
    decode=lambda state: Session(**state),
    message=wire.event_to_proto,
)

TRIES: Kind[Tries] = Kind(
    collection="tries",
    encode=lambda tries: {"failed_at": list(tries.failed_at)},
    decode=lambda state: Tries(tuple(state["failed_at"])),
    message=wire.event_to_proto,
)


async def person_of_account(people: Records[Person], account: str) -> Record[Person] | None:
    """Who signs in as "zhou-yan" or with an e-mail address; an address that two people share is nobody's."""
    account = account.strip().lower()
    if "@" not in account:
        name = f"people/{account}"
        return (await people.find([name])).get(name)
    found = await people.page({"state.email": account}, [("_id", ASCENDING)], PageRequest(size=2))
    return found.items[0] if len(found.items) == 1 else None


async def page_of_people(people: Records[Person], page: PageRequest, *, team: str, prefix: str) -> Page[Record[Person]]:
    """People by display name, of one team when named, whose display name starts with `prefix`."""
    where: dict[str, Any] = {}
    if team:
        where["state.teams"] = team
    if prefix:
        where["state.display_name"] = {"$gte": prefix, "$lt": prefix + "\U0010ffff"}
    return await people.page(where, [("state.display_name", ASCENDING), ("_id", ASCENDING)], page)
