"""The chain behind an amount, each link asked of its owner: incidents, outage, traces, problem, change, later metric.

What its owner does not show to the reader, or cannot say now, is told as such; no link is guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
from services.portal.web.backends import backends
from services.portal.web.shown import trail as shown
from services.portal.web.shown.period import Choice, Days
from services.portal.web.shown.reader import Reader, instant, last_part
from services.portal.web.shown.trail import Gap, Link
from services.runtime.refusal import Kind, Refusal

_MOST, _TRACES = 5, 3
_DAY = timedelta(days=1)
_LONGEST = timedelta(days=28)
_MOVED = ("incidents", "incident_loss")
# The owner is away or has too much to do: another moment, another answer.
_PASSES = (Kind.UNAVAILABLE, Kind.EXHAUSTED)


def trail(entry: metrics_pb2.LedgerEntry, now: Reader) -> list[dict[str, Any]]:
    """The steps from a row of the ledger to the metric after the change that it led to."""
    incidents = shown.incidents_of(entry)
    tickets = [(name, *_ticket(name)) for name in incidents[:_MOST]]
    known = [ticket for _, ticket, _ in tickets if ticket is not None]
    untold = shown.worse(gap for _, _, gap in tickets)
    causes, unsummed = _causes(incidents[:_MOST]) if not entry.cause.startswith("outages/") else ([], None)
    outages = [(name, *_outage(name)) for name in shown.outages_of(entry, causes)[:_MOST]]
    unseen = shown.worse([unsummed, *(gap for _, _, gap in outages)])
    links = [link.target for ticket in known for link in ticket.links]
    changes, unlisted = _changes(incidents[:_MOST], links)
    cured = shown.cure(changes)
    service = next((ticket.service for ticket in known if ticket.service), "")
    linked = [_problem(name, known) for name in shown.problems_of(links)]
    return [
        shown.incidents([_incident(*one) for one in tickets], len(incidents), untold),
        shown.outages([_outage_link(*one, now) for one in outages], unseen),
        shown.traces(_traces([one for _, one, _ in outages if one is not None], incidents[:1], now), unseen),
        shown.problems(linked, untold),
        shown.changes([_change_link(one) for one in changes], shown.worse([unlisted, untold])),
        _later(cured, service or next(iter(cured.services if cured is not None else ()), ""), now, unlisted),
    ]


def _asked(call: Callable[[], Any]) -> tuple[Any, Gap | None]:
    """An owner's answer, or None and why there is none."""
    try:
        return call(), None
    except Refusal as refusal:
        return None, Gap.AWAY if refusal.kind in _PASSES else Gap.NOT_SHOWN


def _ticket(name: str) -> tuple[ticket_pb2.Ticket | None, Gap | None]:
    return _asked(partial(backends().tickets.GetTicket, tickets_service_pb2.GetTicketRequest(name=name)))


def _incident(name: str, ticket: ticket_pb2.Ticket | None, gap: Gap | None) -> Link:
    beside = ticket.title if ticket is not None else shown.about(gap) if gap is Gap.AWAY else ""
    return Link(last_part(name), ticket_href(name), beside)


def _causes(tickets: Sequence[str]) -> tuple[list[str], Gap | None]:
    """Outages that the ledger knows these tickets by."""
    if not tickets:
        return [], None
    asked = governance_service_pb2.SumLossesRequest(tickets=tickets)
    answer, gap = _asked(partial(backends().governance.SumLosses, asked))
    return [part.cause for part in answer.parts] if answer is not None else [], gap


def _outage(name: str) -> tuple[outage_pb2.Outage | None, Gap | None]:
    asked = availability_service_pb2.GetOutageRequest(name=name)
    return _asked(partial(backends().availability.GetOutage, asked))


def _outage_link(name: str, one: outage_pb2.Outage | None, gap: Gap | None, now: Reader) -> Link:
    if one is None:
        return Link(last_part(name), "", shown.about(gap or Gap.NOT_SHOWN))
    return Link(one.service, url_for("board.outages.one", outage=last_part(name)), now.near(instant(one.start_time)))


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


def _problem(name: str, tickets: Sequence[ticket_pb2.Ticket]) -> Link:
    """A problem with the sum over its incidents, and the ticket that names it."""
    at = next(ticket.name for ticket in tickets if name in [link.target for link in ticket.links])
    return shown.named_by(name, at, url_for("problem_losses.page", number=last_part(name)))


def _changes(tickets: Sequence[str], links: Sequence[str]) -> tuple[list[change_pb2.Change], Gap | None]:
    """The changes that shall cure the tickets or that they name, each once, and why some may be missing."""
    found: dict[str, change_pb2.Change] = {}
    gaps: list[Gap | None] = []
    for name in tickets:
        asked = changes_service_pb2.ListChangesRequest(ticket=name, page_size=_MOST)
        answer, gap = _asked(partial(backends().changes.ListChanges, asked))
        gaps.append(gap)
        if answer is None:
            # Who may not list for one ticket may for none, and who is away is so for all.
            break
        found |= {one.name: one for one in answer.changes}
    for name in dict.fromkeys(links):
        if name.startswith("changes/") and name not in found and gaps[-1:] != [Gap.AWAY]:
            one, gap = _asked(partial(backends().changes.GetChange, changes_service_pb2.GetChangeRequest(name=name)))
            gaps.append(gap)
            found |= {} if one is None else {name: one}
    return list(found.values())[:_MOST], shown.worse(gaps)


def _change_link(one: change_pb2.Change) -> Link:
    number = last_part(one.name)
    return Link(number, url_for("changes.page", number=number), shown.change_words(one))


def _later(cured: change_pb2.Change | None, service: str, now: Reader, gap: Gap | None) -> dict[str, Any]:
    """How the service's numbers stood as many days before the change as after it, four weeks at most, by whole days.

    gap: why no change is known.
    """
    if cured is None:
        return shown.later([], "", gap=gap)
    zone = ZoneInfo(str(get_timezone()))
    start, today = instant(cured.finish_time).astimezone(zone).date(), now.now.astimezone(zone).date()
    days = Days(start, min(today + _DAY, start + _LONGEST))
    choice = Choice(days, "previous", board_pb2.BoardFilter(service=service), zone)
    asked = comparisons_service_pb2.ComparePeriodsRequest(
        period=days.interval(zone), baseline=days.before().interval(zone), filter=choice.filter
    )
    answer, gap = _asked(partial(backends().comparisons.ComparePeriods, asked))
    moved = [one for one in answer.comparisons if one.metric.id in _MOVED] if answer is not None else []
    href = url_for("board.compare.page", **choice.query())
    return shown.later(moved, href, language=now.language, period=days.told(now.language, today), gap=gap)
