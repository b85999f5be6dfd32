"""Facts as the rows behind a number: one ticket each, with the marks that the metrics count."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask_babel import gettext
from google.protobuf.timestamp_pb2 import Timestamp
from throughline.metrics.v1 import metrics_pb2, metrics_service_pb2
from throughline.tickets.v1 import ticket_pb2

from services.portal.web.shown.reader import Reader, instant, last_part

OPENED = metrics_service_pb2.PERIOD_MARK_OPENED
RESOLVED = metrics_service_pb2.PERIOD_MARK_RESOLVED
CLOSED = metrics_service_pb2.PERIOD_MARK_CLOSED
MARKS = {"opened": OPENED, "resolved": RESOLVED, "closed": CLOSED}
# A metric is counted by the end of a ticket unless it is listed here.
_BY_OPENING = frozenset(
    {
        *("mtta", "first_response_time", "first_response_time_wall", "answered_in_person", "backlog_growth"),
        *("backlog_age", "tickets_opened", "tickets_open", "incidents", "duplicates", "recurrence"),
    }
)
_BY_CLOSING = frozenset({"time_to_close"})


def mark_of(metric: str) -> str:
    """Which mark of a ticket puts it into the list behind a metric: opened, resolved or closed."""
    if metric in _BY_OPENING:
        return "opened"
    return "closed" if metric in _BY_CLOSING else "resolved"


def mark_words(mark: str) -> str:
    """What the list holds."""
    words = {
        "opened": gettext("Tickets opened in the period"),
        "resolved": gettext("Tickets resolved in the period"),
        "closed": gettext("Tickets closed in the period"),
    }
    return str(words[mark])


def row(fact: metrics_pb2.Fact, reader: Reader, href: str) -> dict[str, Any]:
    """One ticket: its marks, its hands, whether its promises were kept, and the rule that leaves it out."""
    return {
        "id": last_part(fact.ticket),
        "href": href,
        "state": state_words(fact.state),
        "priority": fact.priority,
        "team": reader.called(fact.team) if fact.team else "–",
        "service": last_part(fact.service),
        "opened": _at(fact, "open_time", reader),
        "resolved": _at(fact, "resolve_time", reader),
        "lasted": _lasted(fact, reader),
        "reassignments": fact.reassignments,
        "reopens": fact.reopens,
        "promise": _promise(fact),
        "excluded": gettext("left out: %(rule)s", rule=fact.exclusion_rule) if fact.excluded else "",
    }


def state_words(state: int) -> str:
    """A ticket's state in words."""
    words: dict[int, str] = {
        ticket_pb2.TICKET_STATE_NEW: gettext("New"),
        ticket_pb2.TICKET_STATE_IN_PROGRESS: gettext("In progress"),
        ticket_pb2.TICKET_STATE_AWAITING_REQUESTER: gettext("Waits for the requester"),
        ticket_pb2.TICKET_STATE_ON_HOLD: gettext("On hold"),
        ticket_pb2.TICKET_STATE_RESOLVED: gettext("Resolved"),
        ticket_pb2.TICKET_STATE_CLOSED: gettext("Closed"),
        ticket_pb2.TICKET_STATE_CANCELLED: gettext("Cancelled"),
    }
    return str(words.get(state, ""))


def _at(fact: metrics_pb2.Fact, field: str, reader: Reader) -> str:
    return reader.near(instant(_stamp(fact, field))) if fact.HasField(field) else "–"  # type: ignore[arg-type]  # a name of the contract


def _stamp(fact: metrics_pb2.Fact, field: str) -> Timestamp:
    stamp: Timestamp = getattr(fact, field)
    return stamp


def _lasted(fact: metrics_pb2.Fact, reader: Reader) -> str:
    if not fact.HasField("resolve_time"):
        return ""
    return reader.length(max(timedelta(), instant(fact.resolve_time) - instant(fact.open_time)))


def _promise(fact: metrics_pb2.Fact) -> str:
    """Key of macro `sla`, "" without a finished promise."""
    if not fact.resolution_finished:
        return ""
    return "met" if fact.resolution_met else "breached"
