"""A person: names, roles, teams, and a password that is only ever known as its hash."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from zoneinfo import available_timezones

from services.runtime.actor import Actor
from services.runtime.refusal import Refusal

ADMINISTRATOR = "administrator"
PORTAL = "system/portal"


@dataclass(frozen=True, slots=True)
class Person:
    """password_hash: an encoded argon2id hash, "" when the person has no local account.

    session_epoch: sessions of an older epoch have ended. updated_at: aware UTC. vip: policies may single them out.
    """

    display_name: str
    email: str = ""
    roles: frozenset[str] = field(default_factory=frozenset)
    teams: frozenset[str] = field(default_factory=frozenset)
    unit: str = ""
    language: str = ""
    time_zone: str = ""
    disabled: bool = False
    title: str = ""
    vip: bool = False
    password_hash: str = ""
    session_epoch: int = 0
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PersonChanged:
    """The person after the change."""

    person: Person


def put(before: Person | None, wanted: Person, *, by: Actor, now: datetime) -> tuple[Person, tuple[PersonChanged, ...]]:
    """Creates or replaces what administrators decide about a person; the password stays. Disabling ends all sessions.

    Raises:
        Refusal: ROLE_REQUIRED, TIME_ZONE_UNKNOWN.
    """
    by.require(ADMINISTRATOR, to="change people")
    if wanted.time_zone and wanted.time_zone not in available_timezones():
        raise Refusal.invalid("time_zone", "TIME_ZONE_UNKNOWN", "Use an IANA name, for example Asia/Shanghai.")
    kept = before or Person(wanted.display_name)
    ended = wanted.disabled and not kept.disabled
    after = replace(
        wanted,
        password_hash=kept.password_hash,
        session_epoch=kept.session_epoch + 1 if ended else kept.session_epoch,
        updated_at=now,
    )
    if before is not None and replace(before, updated_at=now) == after:
        return before, ()
    return after, (PersonChanged(after),)


def require_not_self(name: str, wanted: Person, *, by: Actor) -> None:
    """An administrator who disables or demotes themselves would lock the door from outside.

    Raises:
        Refusal: OWN_ADMINISTRATION.
    """
    if by.sub == name and (wanted.disabled or ADMINISTRATOR not in wanted.roles):
        raise Refusal.precondition(
            "OWN_ADMINISTRATION", "Ask another administrator to disable you or to take the role from you."
        )


def set_password(
    person: Person, name: str, new_hash: str, *, proven: bool, by: Actor, now: datetime
) -> tuple[Person, tuple[PersonChanged, ...]]:
    """Takes a new password and ends every session; proven: the old password was given and is right.

    Raises:
        Refusal: NOT_YOUR_PASSWORD, OLD_PASSWORD_WRONG.
    """
    if not by.has(ADMINISTRATOR):
        if by.sub != name:
            raise Refusal.forbidden("NOT_YOUR_PASSWORD", "You may set your own password; an administrator, anybody's.")
        if not proven:
            raise Refusal.invalid("old_password", "OLD_PASSWORD_WRONG", "Give your present password.")
    after = replace(person, password_hash=new_hash, session_epoch=person.session_epoch + 1, updated_at=now)
    return after, (PersonChanged(after),)
