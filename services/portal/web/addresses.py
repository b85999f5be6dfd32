"""Where a reader finds a ticket that a number leads to."""

from __future__ import annotations

from flask import g

from services.portal.web.navigation import DESK
from services.portal.web.shown.reader import last_part

# They see tickets without working on them.
_SIGHT = {"change_manager", "operator", "administrator"}


def ticket_href(ticket: str) -> str:
    """The ticket as the reader works with it: the agents' page, else its own; "" for who may see none."""
    roles = set(g.person.roles)
    if not roles & (DESK | _SIGHT):
        return ""
    return f"/{'queue' if roles & DESK else 'tickets'}/{last_part(ticket)}"
