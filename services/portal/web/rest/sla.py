"""Promises kept: the clocks of tickets."""

from __future__ import annotations

from services.portal.web.rest.routes import Route

ROUTES = (
    Route("GET", "/tickets/{id}/clocks", "sla", "GetTicketClocks", "The clocks of a ticket",
          binds={"ticket": "tickets/{id}"}),
    Route("GET", "/clocks", "sla", "ListTicketClocks", "Clocks that run, soonest due first"),
)  # fmt: skip
