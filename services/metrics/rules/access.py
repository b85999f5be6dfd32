"""Who may read numbers: everybody who works on the service or answers for it, within their own unit."""

from __future__ import annotations

from services.runtime.actor import Actor
from services.runtime.refusal import Refusal

READERS = (
    "agent",
    "lead",
    "problem_manager",
    "change_manager",
    "finance",
    "executive",
    "operator",
    "administrator",
)


def scope_of(actor: Actor, *, whole: bool = False) -> str:
    """The unit whose numbers the actor may read, with everything below it; "" is everything.

    whole: what is asked for cannot be told apart by unit.

    Raises:
        Refusal: ROLE_REQUIRED; UNIT_TOO_NARROW, when the whole is asked for by somebody who may read a part.
    """
    if actor.is_system:
        return ""
    actor.require(*READERS, to="read the numbers of the service")
    if whole and actor.unit:
        raise Refusal.forbidden("UNIT_TOO_NARROW", "Only who may read the numbers of every unit may read this.")
    return actor.unit


def is_within(unit: str, scope: str) -> bool:
    """Whether a unit ("cn/east") equals the scope or lies below it; everything lies below ""."""
    return not scope or unit == scope or unit.startswith(f"{scope}/")


def require_within(unit: str, scope: str, name: str) -> None:
    """Refuses NOT_FOUND what lies outside the scope, so that a guess tells nothing."""
    if not is_within(unit, scope):
        raise Refusal.not_found(name)
