"""Promises: the clocks of a ticket, the policies and calendars behind them, and what would be promised now."""

from __future__ import annotations

from services.portal.web.rest.routes import Route

ROUTES = (
    Route("GET", "/tickets/{id}/clocks", "sla", "GetTicketClocks", "The clocks of a ticket",
          binds={"ticket": "tickets/{id}"}),
    Route("GET", "/clocks", "sla", "ListTicketClocks", "Clocks that run, soonest due first"),
    Route("GET", "/policies", "sla", "ListPolicies", "What is promised, in the order tried"),
    Route("GET", "/policies/{id}", "sla", "GetPolicy", "One policy", binds={"name": "policies/{id}"}),
    Route("GET", "/calendars", "sla", "ListCalendars", "Service hours"),
    Route("GET", "/calendars/{id}", "sla", "GetCalendar", "One calendar", binds={"name": "calendars/{id}"}),
    Route("GET", "/promise", "sla", "PreviewPromise", "What would be promised now for such a ticket"),
)  # fmt: skip
