"""Whose hands a ticket is in, and how often it changed them (E06)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from services.runtime.actor import Actor
from services.runtime.refusal import Refusal
from services.tickets.rules import access
from services.tickets.rules.events import Decided, TicketAssigned
from services.tickets.rules.ticket import OPEN, Ticket


def assign(ticket: Ticket, actor: Actor, now: datetime, *, team: str, assignee: str = "") -> Decided:
    """Gives an open ticket to a team, and to a person of it when named; the state stays.

    Raises:
        Refusal: ROLE_REQUIRED, TEAM_REQUIRED, TICKET_IS_<state>, TICKET_IMPORTING.
    """
    access.require_worker(actor, ticket, "assign this ticket")
    access.require_state(ticket, OPEN, "assign this ticket")
    if not team:
        raise Refusal.invalid("team", "TEAM_REQUIRED", "Name the team that is to have it.")
    if (team, assignee) == (ticket.team, ticket.assignee):
        return ticket, ()
    assigned = handed(ticket, team, assignee, now)
    return assigned, (TicketAssigned(assigned, ticket.team, ticket.assignee),)


def handed(ticket: Ticket, team: str, assignee: str, now: datetime) -> Ticket:
    """The ticket in other hands, with what is counted of it (E06): the first team is no reassignment, a person's
    change inside one team is none, and no team between two does not hide that they differ."""
    former = ticket.teams
    moved = bool(team and former and former[-1] != team)
    return replace(
        ticket,
        team=team,
        assignee=assignee,
        teams=(*(one for one in former if one != team), team) if team else former,
        first_assigned_at=ticket.first_assigned_at or (now if team else None),
        reassignments=ticket.reassignments + moved,
        assignment_changes=ticket.assignment_changes + (team != ticket.team),
        updated_at=now,
        ping_pong=ticket.ping_pong or (moved and team in former),
    )
