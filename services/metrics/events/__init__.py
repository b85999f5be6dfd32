"""The events that metrics hears: each is one decision a document, folded in the order of its resource."""

from services.metrics.events.facts import clock_handlers, ticket_handlers

__all__ = ["clock_handlers", "ticket_handlers"]
