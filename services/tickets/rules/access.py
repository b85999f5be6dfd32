"""Who may see a ticket and who may work on it. What may not be seen is said not to exist."""

from __future__ import annotations

from dataclasses import dataclass

from services.runtime.actor import Actor
from services.runtime.refusal import Refusal
from services.tickets.rules.ticket import State, Ticket

AGENT = "agent"
LEAD = "lead"
PROBLEM_MANAGER = "problem_manager"
CHANGE_MANAGER = "change_manager"
OPERATOR = "operator"
ADMINISTRATOR = "administrator"

WORKERS = (AGENT, LEAD)
FILING_SYSTEMS = frozenset({"system/metrics"})
"""Services that file tickets by themselves, for a person whom they name."""
STAFF = (AGENT, LEAD, PROBLEM_MANAGER, CHANGE_MANAGER, OPERATOR, ADMINISTRATOR)

_REASONS = {
    State.NEW: ("TICKET_IS_NEW", "start it first"),
    State.IN_PROGRESS: ("TICKET_IS_IN_PROGRESS", "work on it is under way"),
    State.AWAITING_REQUESTER: ("TICKET_IS_AWAITING_REQUESTER", "wait for the answer, or resume it"),
    State.ON_HOLD: ("TICKET_IS_ON_HOLD", "resume it first"),
    State.RESOLVED: ("TICKET_IS_RESOLVED", "close or reopen it"),
    State.CLOSED: ("TICKET_IS_CLOSED", "reopen it, or file a new one"),
    State.CANCELLED: ("TICKET_IS_CANCELLED", "file a new one"),
}


@dataclass(frozen=True, slots=True)
class Sight:
    """Which tickets somebody sees: all of a unit and below ("" is every unit; None is of no unit), and their own.

    own: "people/<id>" who filed them or for whom they were filed; "" when nobody.
    """

    unit: str | None
    own: str

    @property
    def is_everything(self) -> bool:
        """Whether nothing is hidden."""
        return self.unit == ""


def sight(actor: Actor) -> Sight:
    """Which tickets the actor sees; lists ask for it before they count."""
    if actor.is_system:
        return Sight("", "")
    return Sight(actor.unit if actor.has(*STAFF) else None, actor.sub)


def is_within(unit: str, scope: str) -> bool:
    """Whether the unit ("cn/east") equals the scope or lies below it; everything lies below ""."""
    return not scope or unit == scope or unit.startswith(f"{scope}/")


def is_party(actor: Actor, ticket: Ticket) -> bool:
    """Whether the actor filed the ticket, or it was filed for them."""
    return not actor.is_system and actor.sub in (ticket.requester, ticket.opener)


def has_filed(actor: Actor, ticket: Ticket) -> bool:
    """Whether a service acts that filed the ticket by itself."""
    return actor.sub in FILING_SYSTEMS and actor.sub == ticket.opener


def sees_internal(actor: Actor, ticket: Ticket) -> bool:
    """Whether the actor sees the ticket from our side, internal notes and files included."""
    scope = sight(actor).unit
    return scope is not None and is_within(ticket.unit, scope)


def may_see(actor: Actor, ticket: Ticket) -> bool:
    """Whether the ticket exists for the actor at all."""
    return sees_internal(actor, ticket) or is_party(actor, ticket)


def require_sight(actor: Actor, ticket: Ticket, name: str) -> None:
    """Refuses NOT_FOUND what the actor may not see, so that a guess tells nothing."""
    if not may_see(actor, ticket):
        raise Refusal.not_found(name)


def works(actor: Actor, ticket: Ticket) -> bool:
    """Whether the actor works on such tickets: an agent or lead of its unit."""
    return actor.has(*WORKERS) and not actor.is_system and sees_internal(actor, ticket)


def require_worker(actor: Actor, ticket: Ticket, to: str) -> None:
    """Refuses who is no agent or lead of the ticket's unit; `to` completes "You may not ...".

    Raises:
        Refusal: ROLE_REQUIRED, OUTSIDE_YOUR_UNIT.
    """
    actor.require(*WORKERS, to=to)
    if not works(actor, ticket):
        raise Refusal.forbidden(
            "OUTSIDE_YOUR_UNIT", f"You may not {to}: you see it because it is yours, but its unit is not."
        )


def require_party_or_worker(actor: Actor, ticket: Ticket, to: str) -> None:
    """Refuses NOT_YOURS who neither works on the ticket nor is its requester."""
    if not is_party(actor, ticket) and not works(actor, ticket):
        raise Refusal.forbidden("NOT_YOURS", f"You may not {to}; its requester or an agent may.")


def require_state(ticket: Ticket, allowed: frozenset[State], to: str) -> None:
    """Refuses what the state does not allow, naming the way out, and everything while a history comes in.

    Raises:
        Refusal: TICKET_IMPORTING, or TICKET_IS_<state>.
    """
    if ticket.importing:
        raise Refusal.precondition(
            "TICKET_IMPORTING", f"You cannot {to} while its history is still being imported; wait for the end of it."
        )
    if ticket.state not in allowed:
        reason, way_out = _REASONS[ticket.state]
        words = ticket.state.replace("_", " ").lower()
        raise Refusal.precondition(reason, f"You cannot {to} while it is {words}: {way_out}.", "state")
