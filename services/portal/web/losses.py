"""What an incident has cost so far, beside the ticket: a door to its evidence, or why there is no amount."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import urlencode

from flask import url_for
from throughline.metrics.v1 import governance_pb2
from throughline.metrics.v1 import governance_service_pb2 as calls
from throughline.tickets.v1 import ticket_pb2

from services.portal.web.backends import backends, calm
from services.portal.web.shown import loss as shown
from services.portal.web.shown.reader import Reader, instant, last_part

_DAY = timedelta(days=1)


def panel(ticket: ticket_pb2.Ticket, told: Reader) -> dict[str, Any] | None:
    """What the template shows of an incident; None for a request, or when the ledger does not answer."""
    if ticket.type != ticket_pb2.TICKET_TYPE_INCIDENT:
        return None
    asked = calls.SumLossesRequest(tickets=[ticket.name])
    answer = calm(partial(backends().governance.SumLosses, asked), None)
    if answer is None:
        return None
    return shown.panel(answer, told, lambda part: part_href(part, told))


def part_href(part: governance_pb2.LossPart, told: Reader) -> str:
    """Where an amount opens: the drawer with the rows of the ticket, the row of an outage, else the model it is by."""
    if not part.entry:
        model = last_part(part.cost_model)
        return url_for("board.cost_models.one", model=model, version=part.cost_model_version) if model else ""
    if not part.cause.startswith("tickets/"):
        return url_for("board.entry", entry=last_part(part.entry))
    start, end = (instant(at).astimezone(told.zone).date() for at in (part.start_time, part.end_time))
    days = {"from": start.isoformat(), "to": (end + _DAY).isoformat()}
    address = url_for("board.evidence", category="incurred-loss", ticket=last_part(part.cause))
    return f"{address}&{urlencode(days)}"
