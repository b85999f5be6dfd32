"""The events that sla hears: of tickets, of its own clocks, and of the portal's people and teams."""

from services.sla.events.chains import clock_handlers, ticket_changes
from services.sla.events.clocks import TICKET_EVENTS, handlers
from services.sla.events.directory import portal_handlers

__all__ = ["TICKET_EVENTS", "clock_handlers", "handlers", "portal_handlers", "ticket_changes"]
