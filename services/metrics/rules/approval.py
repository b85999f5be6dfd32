"""Versions that one person writes and another of finance approves; once approved they never change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol, TypeVar

from services.runtime.actor import Actor
from services.runtime.refusal import Refusal

FINANCE, ADMINISTRATOR = "finance", "administrator"
VERSIONS_KEPT = 100


class Version(Protocol):
    """A version. number: from 1, in the order of drafting. approved_at: None while it is a draft."""

    @property
    def number(self) -> int:
        """From 1."""
        ...

    @property
    def effective_at(self) -> datetime:
        """From when on it holds."""
        ...

    @property
    def author(self) -> str:
        """Who wrote it."""
        ...

    @property
    def note(self) -> str:
        """What its author and approver said."""
        ...

    @property
    def approved_at(self) -> datetime | None:
        """When somebody approved it."""
        ...


V = TypeVar("V", bound=Version)


def require_author(by: Actor, what: str) -> None:
    """Refuses whoever may not write a version.

    Raises:
        Refusal: PERSON_REQUIRED, ROLE_REQUIRED.
    """
    _require_person(by, FINANCE, ADMINISTRATOR, to=f"draft {what}")


def numbered(name: str, versions: Sequence[V], number: int) -> V:
    """The version of that number; 0 is the latest.

    Raises:
        Refusal: NOT_FOUND.
    """
    if number > len(versions):
        raise Refusal.not_found(f"{name} version {number}")
    return versions[number - 1]


def approved(name: str, versions: Sequence[V], number: int, by: Actor, now: datetime, note: str) -> tuple[V, ...]:
    """The versions with that one approved.

    Raises:
        Refusal: PERSON_REQUIRED, ROLE_REQUIRED, NOT_FOUND, COST_MODEL_APPROVED, OWN_MODEL, EFFECTIVE_TIME_TAKEN.
    """
    _require_person(by, FINANCE, to=f"approve {name}")
    version = numbered(name, versions, number)
    if version.approved_at is not None:
        raise Refusal.precondition(
            "COST_MODEL_APPROVED", f"Version {number} is approved already; draft another to change what holds."
        )
    if by.sub == version.author:
        raise Refusal.forbidden("OWN_MODEL", "You wrote this version; somebody else of finance must approve it.")
    if any(one.approved_at is not None and one.effective_at == version.effective_at for one in versions):
        raise Refusal.precondition(
            "EFFECTIVE_TIME_TAKEN", "An approved version starts at this very instant; draft one that starts at another."
        )
    said = "\n".join(text for text in (version.note, note.strip()) if text)
    after: V = replace(version, approver=by.sub, approved_at=now, note=said)  # type: ignore[type-var]  # V is bound to dataclasses, which a protocol cannot say
    return tuple(after if one is version else one for one in versions)


def in_force(versions: Sequence[V], at: datetime, known_at: datetime | None = None) -> V | None:
    """The approved version that starts last of those that start at `at` or before; None when there is none.

    known_at: only those approved by then; None for whenever.
    """
    held = [
        one
        for one in versions
        if one.approved_at is not None and one.effective_at <= at and (known_at is None or one.approved_at <= known_at)
    ]
    return max(held, key=lambda one: one.effective_at, default=None)


def _require_person(by: Actor, *roles: str, to: str) -> None:
    if by.is_system:
        raise Refusal.forbidden("PERSON_REQUIRED", f"Only a person may {to}.")
    by.require(*roles, to=to)
