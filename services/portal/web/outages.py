"""Outages for whoever answers for a service: the list with what is promised, and one on a single axis of time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, current_app, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_timezone
from throughline.changes.v1 import changes_service_pb2
from throughline.metrics.v1 import availability_service_pb2, metrics_pb2, metrics_service_pb2, outage_pb2
from throughline.type.v1 import interval_pb2

from services.portal.web import cost_models
from services.portal.web.addresses import ticket_href
from services.portal.web.backends import backends, calm
from services.portal.web.own import count_own
from services.portal.web.session import with_roles
from services.portal.web.shown import outage as shown
from services.portal.web.shown import outage_chart as charts
from services.portal.web.shown import period as periods
from services.portal.web.shown.reader import instant, last_part, reader

blueprint = Blueprint("outages", __name__, url_prefix="/outages")

_PAGE, _SERVICES = 50, 50
_AROUND = timedelta(minutes=15)
_LONGEST = timedelta(hours=23)


@blueprint.get("")
@with_roles(*cost_models.READERS)
def page() -> ResponseReturnValue:
    """The outages of the period in the address, and what is left of each budget."""
    now = reader()
    zone = ZoneInfo(str(get_timezone()))
    choice = periods.read(request.args, zone, now.now.astimezone(zone).date())
    availability = backends().availability
    found = availability.ListOutages(
        availability_service_pb2.ListOutagesRequest(
            period=choice.days.interval(choice.zone), page_size=_PAGE, page_token=request.args.get("page", "")
        )
    )
    services = availability.ListBusinessServices(
        availability_service_pb2.ListBusinessServicesRequest(page_size=_SERVICES)
    )
    reports = [
        calm(lambda name=one.name: availability.GetObjectiveReport(_asked(name)), None)  # type: ignore[misc]  # a default in a lambda
        for one in services.business_services
        if one.HasField("objective")
    ]
    count_own()
    more = found.next_page_token
    return render_template(
        "outages.html",
        rows=[shown.row(one, now, url_for(".one", outage=last_part(one.name))) for one in found.outages],
        promises=[shown.promise(one, now) for one in reports if one is not None],
        period=choice.days.told(now.language, now.now.astimezone(now.zone).date()),
        back=url_for("board.page", **choice.query()),
        following=url_for(".page", **choice.query(), page=more) if more else "",
        first=url_for(".page", **choice.query()) if request.args.get("page") else "",
    )


@blueprint.get("/<outage>")
@with_roles(*cost_models.READERS)
def one(outage: str) -> ResponseReturnValue:
    """One outage: availability, tickets and changes on one axis, whose fault it was, whom it hit."""
    found = backends().availability.GetOutage(availability_service_pb2.GetOutageRequest(name=f"outages/{outage}"))
    now = reader()
    period = _around(found, now.now)
    minutes = calm(
        lambda: backends().availability.ListServiceMinutes(
            availability_service_pb2.ListServiceMinutesRequest(service=found.service, period=period)
        ),
        None,
    )
    changes = calm(
        lambda: backends().changes.ListChanges(changes_service_pb2.ListChangesRequest(window=period, page_size=50)),
        None,
    )
    opened = {ticket.ticket: _opened(ticket.ticket) for ticket in found.tickets[:50]}
    entries = shown.in_force(_booked(found.name, now.now))
    count_own()
    links: dict[str, str] = current_app.extensions["throughline.settings"].trace_links
    return render_template(
        "outage.html",
        outage=shown.outage(found, now),
        facts=shown.facts(found, now),
        blame=shown.blame(found, now.language),
        tickets=shown.tickets(found, opened, now, ticket_href),
        exemplars=shown.exemplars(found, now, links),
        chart=charts.data(
            found,
            list(minutes.minutes) if minutes is not None else [],
            list(changes.changes) if changes is not None else [],
            opened,
            entries,
            now,
        ),
        minutes=charts.rows(minutes.minutes, now) if minutes is not None else [],
        costs=shown.costs(entries, now, lambda entry: url_for("board.entry", entry=entry)),
    )


def _asked(name: str) -> availability_service_pb2.GetObjectiveReportRequest:
    return availability_service_pb2.GetObjectiveReportRequest(name=name, brief=True)


def _around(found: outage_pb2.Outage, now: datetime) -> interval_pb2.Interval:
    """A quarter of an hour before and after the outage, a day at most."""
    start = instant(found.start_time) - _AROUND
    end = instant(found.end_time) + _AROUND if found.HasField("end_time") else now
    period = interval_pb2.Interval()
    period.start_time.FromDatetime(start)
    period.end_time.FromDatetime(min(max(end, start + 2 * _AROUND), start + _LONGEST))
    return period


def _booked(outage: str, now: datetime) -> list[metrics_pb2.LedgerEntry]:
    """The rows of the ledger that the outage caused; none for who may not see them."""
    period = interval_pb2.Interval()
    period.start_time.FromDatetime(datetime(2000, 1, 1, tzinfo=UTC))
    period.end_time.FromDatetime(now + timedelta(days=1))
    asked = metrics_service_pb2.ListLedgerEntriesRequest(period=period, cause=outage, page_size=_SERVICES)
    answer = calm(lambda: backends().metrics.ListLedgerEntries(asked), None)
    return list(answer.entries) if answer is not None else []


def _opened(ticket: str) -> datetime | None:
    """When a ticket was opened; None for who may not see it."""
    asked = metrics_service_pb2.GetFactRequest(name=f"facts/{last_part(ticket)}")
    fact: Any = calm(lambda: backends().metrics.GetFact(asked), None)
    return fact.open_time.ToDatetime(tzinfo=UTC) if fact is not None else None
