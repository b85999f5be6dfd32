"""Who may see clocks and who may change what is promised."""

from __future__ import annotations

from services.runtime.actor import Actor
from services.runtime.refusal import Refusal

ADMINISTRATOR = "administrator"
LEAD = "lead"
STAFF = ("agent", LEAD, "problem_manager", "change_manager", "executive", "operator", ADMINISTRATOR)


def may_configure(actor: Actor) -> None:
    """Publishing calendars and policies is for administrators.

    Raises:
        Refusal: ROLE_REQUIRED.
    """
    actor.require(ADMINISTRATOR, to="change what is promised")


def may_judge(actor: Actor) -> None:
    """Trying drafts on the past is for administrators and change managers.

    Raises:
        Refusal: ROLE_REQUIRED.
    """
    actor.require(ADMINISTRATOR, "change_manager", to="judge the past by drafts")


def may_check(actor: Actor) -> None:
    """Checking every clock is for operators, too.

    Raises:
        Refusal: ROLE_REQUIRED.
    """
    actor.require(ADMINISTRATOR, "change_manager", "operator", to="check the clocks")


def may_draft(actor: Actor) -> None:
    """Writing what somebody else reviews is for leads and administrators.

    Raises:
        Refusal: ROLE_REQUIRED.
    """
    actor.require(LEAD, ADMINISTRATOR, to="draft what is promised")


def may_explain(actor: Actor) -> None:
    """Trying policies on made-up tickets is for those who work on tickets.

    Raises:
        Refusal: ROLE_REQUIRED.
    """
    if not actor.is_system:
        actor.require(*STAFF, to="try which policy would win")


def may_list(actor: Actor) -> None:
    """Lists of clocks are for those who work on tickets, and for services.

    Raises:
        Refusal: ROLE_REQUIRED.
    """
    if not actor.is_system:
        actor.require(*STAFF, to="list the clocks of tickets")


def sees(actor: Actor, requester: str, unit: str) -> bool:
    """Whether the actor may know of the clocks of a ticket: his own, or as staff those of his unit and below it."""
    if actor.is_system or actor.sub == requester:
        return True
    return actor.has(*STAFF) and within(unit, actor.unit)


def works(actor: Actor) -> bool:
    """Whether the actor is one of those who work on tickets, and sees what others owe us too."""
    return actor.is_system or actor.has(*STAFF)


def within(unit: str, scope: str) -> bool:
    """Whether a unit equals a scope or lies below it; the scope "" holds every unit."""
    return not scope or unit == scope or unit.startswith(f"{scope}/")


def own(actor: Actor, name: str, requester: str, unit: str) -> None:
    """Refuses what the actor must not know of, as if it were not there.

    Raises:
        Refusal: NOT_FOUND.
    """
    if not sees(actor, requester, unit):
        raise Refusal.not_found(name)
