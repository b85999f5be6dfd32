"""Who may see, plan, approve and execute changes."""

from __future__ import annotations

from services.changes.rules.change import Change
from services.runtime.actor import Actor
from services.runtime.refusal import Refusal

AGENT, LEAD, PROBLEM_MANAGER, CHANGE_MANAGER = "agent", "lead", "problem_manager", "change_manager"
APPROVER, FINANCE, EXECUTIVE, OPERATOR, ADMINISTRATOR = "approver", "finance", "executive", "operator", "administrator"
PLANNERS = (AGENT, LEAD, PROBLEM_MANAGER, CHANGE_MANAGER)
VOTERS = (CHANGE_MANAGER, APPROVER)
READERS = (*PLANNERS, APPROVER, FINANCE, EXECUTIVE, OPERATOR, ADMINISTRATOR)


def is_within(unit: str, scope: str) -> bool:
    """Whether the unit ("cn/east") equals the scope or lies below it; everything lies below ""."""
    return not scope or unit == scope or unit.startswith(f"{scope}/")


def may_see(actor: Actor, change: Change) -> bool:
    """Whether the change exists for the actor."""
    return actor.is_system or (actor.has(*READERS) and is_within(change.unit, actor.unit))


def require_sight(actor: Actor, change: Change, name: str) -> None:
    """Refuses NOT_FOUND what the actor may not see, so that a guess tells nothing."""
    if not may_see(actor, change):
        raise Refusal.not_found(name)


def require_reader(actor: Actor) -> None:
    """Refuses ROLE_REQUIRED who reads no changes at all."""
    if not actor.is_system:
        actor.require(*READERS, to="read changes")


def require_planner(actor: Actor, to: str) -> None:
    """Refuses ROLE_REQUIRED who plans no changes."""
    actor.require(*PLANNERS, to=to)


def require_author(actor: Actor, change: Change, to: str) -> None:
    """Refuses NOT_YOUR_CHANGE who is neither its author nor a change manager."""
    if actor.sub != change.author and not actor.has(CHANGE_MANAGER):
        raise Refusal.forbidden("NOT_YOUR_CHANGE", f"You may not {to}; its author or a change manager may.")


def require_implementer(actor: Actor, change: Change, to: str) -> None:
    """Refuses NOT_IMPLEMENTER who is neither its implementer, its author when none is named, nor a change manager."""
    if actor.sub != (change.plan.implementer or change.author) and not actor.has(CHANGE_MANAGER):
        raise Refusal.forbidden("NOT_IMPLEMENTER", f"You may not {to}; its implementer or a change manager may.")


def require_independent_voter(actor: Actor, change: Change) -> None:
    """A vote is a person's, of the right role, and never on one's own change.

    Raises:
        Refusal: VOTE_NEEDS_A_PERSON, ROLE_REQUIRED, OWN_CHANGE.
    """
    if actor.is_system:
        raise Refusal.forbidden("VOTE_NEEDS_A_PERSON", "Only a person approves or rejects.")
    actor.require(*VOTERS, to="approve or reject changes")
    if actor.sub in (change.author, change.plan.implementer):
        raise Refusal.forbidden("OWN_CHANGE", "Nobody approves a change that they wrote or will execute; ask another.")
