"""The events that metrics hears: each is one decision a document, folded in the order of its resource."""

from services.metrics.events.changes import change_handlers
from services.metrics.events.facts import clock_handlers, ticket_handlers
from services.metrics.events.ledger import calendar_handlers, entry_handlers, ledger_changes

__all__ = [
    "calendar_handlers",
    "change_handlers",
    "clock_handlers",
    "entry_handlers",
    "ledger_changes",
    "ticket_handlers",
]
