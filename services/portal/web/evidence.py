"""The chain behind an amount, each link asked of its owner: incidents, outage, traces, problem, change, later metric.

What its owner does not show to the reader, or cannot say now, is told as such; no link is guessed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from flask import current_app, url_for
from flask_babel import get_timezone
from throughline.changes.v1 import change_pb2, changes_service_pb2
from throughline.metrics.v1 import (
    availability_service_pb2,
    board_pb2,
    comparisons_service_pb2,
    governance_service_pb2,
    metrics_pb2,
    outage_pb2,
)
from throughline.tickets.v1 import ticket_pb2, tickets_service_pb2

from services.portal.web.addresses import ticket_href
from services.portal.web.backends import backends, calm
from services.portal.web.shown import trail as shown
from services.portal.web.shown.period import Choice, Days
from services.portal.web.shown.reader import Reader, instant, last_part
from services.portal.web.shown.trail import Link

_MOST, _TRACES = 5, 3
_DAY = timedelta(days=1)
_LONGEST = timedelta(days=28)
_MOVED = ("incidents", "incident_loss")


def trail(entry: metrics_pb2.LedgerEntry, now: Reader) -> list[dict[str, Any]]:
    """The steps from a row of the ledger to the metric after the change that it led to."""
    incidents = shown.incidents_of(entry)
    tickets = [(name, _ticket(name)) for name in incidents[:_MOST]]
    causes = _causes(incidents[:_MOST]) if not entry.cause.startswith("outages/") else []
    outages = [(name, _outage(name)) for name in shown.outages_of(entry, causes)[:_MOST]]
    links = [link.target for _, ticket in tickets if ticket is not None for link in ticket.links]
    changes = _changes(incidents[:_MOST], links)
    cured = shown.cure(changes or [])
    service = next((ticket.service for _, ticket in tickets if ticket is not None and ticket.service), "")
    return [
        shown.incidents(
            [Link(last_part(name), ticket_href(name), ticket.title if ticket else "") for name, ticket in tickets],
            len(incidents),
        ),
        shown.outages([_outage_link(name, one, now) for name, one in outages]),
        shown.traces(_traces([one for _, one in outages if one is not None], incidents[:1], now)),
        shown.problems([_problem(name, tickets) for name in shown.problems_of(links)]),
        shown.changes(None if changes is None else [_change_link(one) for one in changes]),
        _later(cured, service or next(iter(cured.services if cured is not None else ()), ""), now),
    ]


def _ticket(name: str) -> ticket_pb2.Ticket | None:
    found: Any = calm(lambda: backends().tickets.GetTicket(tickets_service_pb2.GetTicketRequest(name=name)), None)
    return found  # type: ignore[no-any-return]  # the stub's wrapper answers Any


def _causes(tickets: Sequence[str]) -> list[str]:
    """Outages that the ledger knows these tickets by."""
    if not tickets:
        return []
    asked = governance_service_pb2.SumLossesRequest(tickets=tickets)
    answer = calm(partial(backends().governance.SumLosses, asked), None)
    return [part.cause for part in answer.parts] if answer is not None else []


def _outage(name: str) -> outage_pb2.Outage | None:
    asked = availability_service_pb2.GetOutageRequest(name=name)
    found: Any = calm(partial(backends().availability.GetOutage, asked), None)
    return found  # type: ignore[no-any-return]  # the stub's wrapper answers Any


def _outage_link(name: str, one: outage_pb2.Outage | None, now: Reader) -> Link:
    began = now.near(instant(one.start_time)) if one is not None else ""
    text = one.service if one is not None else last_part(name)
    return Link(text, url_for("board.outages.one", outage=last_part(name)) if one is not None else "", began)


def _traces(outages: Sequence[outage_pb2.Outage], incidents: Sequence[str], now: Reader) -> list[Link]:
    """Requests that failed, each in the store of traces where one is known; and the incident's own way."""
    stores: dict[str, str] = current_app.extensions["throughline.settings"].trace_links
    found = []
    for outage in outages:
        here = url_for("board.outages.one", outage=last_part(outage.name), _anchor="traces")
        for one in outage.exemplars[:_TRACES]:
            store = next((link for _, link in sorted(stores.items()) if link.startswith(("https://", "http://"))), "")
            href = store.replace("{trace_id}", one.trace_id).replace("{span_id}", one.span_id)
            found.append(Link(one.trace_id, href or here, f"{one.route} · {now.near(instant(one.end_time))}"))
    ways = [(name, url_for("journeys.page", number=last_part(name))) for name in incidents if ticket_href(name)]
    return [*found, *(shown.own_journey(name, href) for name, href in ways)]


def _problem(name: str, tickets: Sequence[tuple[str, ticket_pb2.Ticket | None]]) -> Link:
    """A problem with the sum over its incidents, and the ticket that names it."""
    at = next(ticket for ticket, one in tickets if one is not None and name in [link.target for link in one.links])
    return shown.named_by(name, at, url_for("problem_losses.page", number=last_part(name)))


def _changes(tickets: Sequence[str], links: Sequence[str]) -> list[change_pb2.Change] | None:
    """The changes that shall cure the tickets or that they name, each once; None for who may read none."""
    found: dict[str, change_pb2.Change] = {}
    for name in tickets:
        asked = changes_service_pb2.ListChangesRequest(ticket=name, page_size=_MOST)
        answer = calm(partial(backends().changes.ListChanges, asked), None)
        if answer is None:
            return None
        found |= {one.name: one for one in answer.changes}
    for name in dict.fromkeys(links):
        if name.startswith("changes/") and name not in found:
            one = calm(partial(backends().changes.GetChange, changes_service_pb2.GetChangeRequest(name=name)), None)
            found |= {} if one is None else {name: one}
    return list(found.values())[:_MOST]


def _change_link(one: change_pb2.Change) -> Link:
    number = last_part(one.name)
    return Link(number, url_for("changes.page", number=number), shown.change_words(one))


def _later(cured: change_pb2.Change | None, service: str, now: Reader) -> dict[str, Any]:
    """How the service's numbers stood as many days before the change as after it, four weeks at most, by whole days."""
    if cured is None:
        return shown.later([], "", waits=True)
    zone = ZoneInfo(str(get_timezone()))
    start, today = instant(cured.finish_time).astimezone(zone).date(), now.now.astimezone(zone).date()
    days = Days(start, min(today + _DAY, start + _LONGEST))
    choice = Choice(days, "previous", board_pb2.BoardFilter(service=service), zone)
    asked = comparisons_service_pb2.ComparePeriodsRequest(
        period=days.interval(zone), baseline=days.before().interval(zone), filter=choice.filter
    )
    answer = calm(partial(backends().comparisons.ComparePeriods, asked), None)
    moved = [one for one in answer.comparisons if one.metric.id in _MOVED] if answer is not None else []
    href = url_for("board.compare.page", **choice.query())
    return shown.later(moved, href, language=now.language, period=days.told(now.language, today))
