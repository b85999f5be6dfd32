"""Relations to other tickets, changes, articles and problems, noted on one side."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime

from services.runtime.actor import Actor
from services.runtime.refusal import Refusal
from services.tickets.rules import access
from services.tickets.rules.events import Decided, TicketLinked, TicketUnlinked
from services.tickets.rules.ticket import Link, State, Ticket

MOST = 100
_TARGET = re.compile(r"(tickets|changes|articles|problems)/[A-Z]{2,5}-[0-9]{6,12}")


def link(ticket: Ticket, actor: Actor, now: datetime, *, name: str, to: Link) -> Decided:
    """Notes a relation; one that is there already stays. name: of the ticket itself, which it cannot link to.

    Raises:
        Refusal: ROLE_REQUIRED, LINK_TARGET_INVALID, LINKS_FULL, TICKET_IMPORTING.
    """
    access.require_worker(actor, ticket, "link this ticket")
    access.require_state(ticket, frozenset(State), "link this ticket")
    if to.target == name or not _TARGET.fullmatch(to.target):
        raise Refusal.invalid(
            "link.target",
            "LINK_TARGET_INVALID",
            "Link to another ticket, a change, an article or a problem by its name.",
        )
    if to in ticket.links:
        return ticket, ()
    if len(ticket.links) >= MOST:
        raise Refusal.precondition("LINKS_FULL", f"It has {MOST} links already; remove one first.", "links")
    linked = replace(ticket, links=(*ticket.links, to), updated_at=now)
    return linked, (TicketLinked(linked, to),)


def unlink(ticket: Ticket, actor: Actor, now: datetime, *, to: Link) -> Decided:
    """Takes a relation back; one that is not there stays away.

    Raises:
        Refusal: ROLE_REQUIRED, TICKET_IMPORTING.
    """
    access.require_worker(actor, ticket, "unlink this ticket")
    access.require_state(ticket, frozenset(State), "unlink this ticket")
    if to not in ticket.links:
        return ticket, ()
    unlinked = replace(ticket, links=tuple(one for one in ticket.links if one != to), updated_at=now)
    return unlinked, (TicketUnlinked(unlinked, to),)
