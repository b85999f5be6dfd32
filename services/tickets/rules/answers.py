"""Three of the four answers that a ticket always gives: who is next, what blocks, do I owe something."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from services.tickets.rules.ticket import Hold, State, Ticket

# Who sorts what nobody has yet.
DESK = "teams/service-desk"


class NextActor(StrEnum):
    """Who acts next."""

    REQUESTER = "REQUESTER"
    ASSIGNEE = "ASSIGNEE"
    TEAM = "TEAM"
    SERVICE_DESK = "SERVICE_DESK"
    UNBLOCKER = "UNBLOCKER"
    NOBODY = "NOBODY"


@dataclass(frozen=True, slots=True)
class Answers:
    """next_name: a person, a team or an outside party; "" only when nobody has to act. owed: by the requester."""

    next: NextActor
    next_name: str
    blocker: Hold | None = None
    owed: int = 0


def answers(ticket: Ticket) -> Answers:
    """Who is next is a person, a team or a named party, never only a status, as long as the ticket is open."""
    requester = ticket.requester or ticket.opener
    if ticket.state in (State.CLOSED, State.CANCELLED):
        return Answers(NextActor.NOBODY, "")
    if ticket.state is State.RESOLVED:
        return Answers(NextActor.REQUESTER, requester) if requester else Answers(NextActor.NOBODY, "")
    if ticket.state is State.AWAITING_REQUESTER and requester:
        return Answers(NextActor.REQUESTER, requester, owed=1)
    if ticket.state is State.ON_HOLD and ticket.hold is not None:
        return Answers(NextActor.UNBLOCKER, ticket.hold.unblocker or ticket.team or DESK, ticket.hold)
    if ticket.assignee:
        return Answers(NextActor.ASSIGNEE, ticket.assignee)
    if ticket.team:
        return Answers(NextActor.TEAM, ticket.team)
    return Answers(NextActor.SERVICE_DESK, DESK)
