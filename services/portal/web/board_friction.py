"""A page of the board: chases, questions, phone and hand-overs by service or by team, and the tickets behind a cell."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, render_template, request, url_for
from flask.typing import ResponseReturnValue
from throughline.metrics.v1 import comparisons_service_pb2 as calls
from throughline.metrics.v1 import friction_pb2, metrics_service_pb2

from services.portal.web.addresses import ticket_href
from services.portal.web.backends import backends
from services.portal.web.board_compare import chosen, frame
from services.portal.web.cost_models import READERS
from services.portal.web.names import names
from services.portal.web.own import count_own
from services.portal.web.session import with_roles
from services.portal.web.shown import friction as shown
from services.portal.web.shown.period import Choice
from services.portal.web.shown.reader import Reader, reader
from services.portal.web.shown.tile import definition

blueprint = Blueprint("friction", __name__)

_TICKETS = 25


@blueprint.get("/friction")
@with_roles(*READERS)
def page() -> ResponseReturnValue:
    """By service. `touchpoint` opens the tickets behind it, those of the filter in the address."""
    return _page(".page", friction_pb2.FRICTION_BY_SERVICE, "service")


@blueprint.get("/friction/teams")
@with_roles(*READERS)
def teams() -> ResponseReturnValue:
    """The same by team; of one service alone when the address names it."""
    return _page(".teams", friction_pb2.FRICTION_BY_TEAM, "team")


def _page(endpoint: str, by: friction_pb2.FrictionBy.ValueType, field: str) -> ResponseReturnValue:
    choice, now = chosen(), reader()
    slug, token = request.args.get("touchpoint", ""), request.args.get("page", "")
    if slug and slug not in shown.TOUCHPOINTS:
        abort(404)
    asked = calls.GetFrictionMapRequest(period=choice.days.interval(choice.zone), filter=choice.filter, by=by)
    answer = backends().comparisons.GetFrictionMap(asked)
    behind = _behind(choice, now, slug, token) if slug else {}
    names().people([one.place for one in answer.rows])
    count_own()

    def href(place: str, touchpoint: str) -> str:
        narrowed = {field: place} if place else {}
        return url_for(endpoint, **choice.query(**narrowed, touchpoint=touchpoint), _anchor="tickets")

    return render_template(
        "board_friction.html",
        heat=shown.heat(answer, now, href),
        about=_definitions(answer, now),
        by=field,
        sides=[("service", url_for(".page", **choice.query())), ("team", url_for(".teams", **choice.query()))],
        teams_of=lambda place: url_for(".teams", **choice.query(service=place)) if field == "service" else "",
        chosen=shown.touchpoint_words(shown.TOUCHPOINTS[slug]) if slug else "",
        all_of_it=url_for(endpoint, **choice.query(touchpoint=slug), page=None, _anchor="tickets") if token else "",
        following=url_for(endpoint, **choice.query(touchpoint=slug), page=behind["next"], _anchor="tickets")
        if behind.get("next")
        else "",
        tickets=behind.get("tickets", []),
        **frame(choice, endpoint),
    )


def _behind(choice: Choice, now: Reader, slug: str, token: str) -> dict[str, Any]:
    """A page of the tickets behind a cell, and the token of the next."""
    found = backends().comparisons.ListFrictionTickets(
        calls.ListFrictionTicketsRequest(
            period=choice.days.interval(choice.zone),
            filter=choice.filter,
            touchpoint=shown.TOUCHPOINTS[slug],
            page_size=_TICKETS,
            page_token=token,
        )
    )
    names().people([one.fact.team for one in found.tickets])
    return {
        "tickets": [shown.ticket(one, now, ticket_href(one.fact.ticket)) for one in found.tickets],
        "next": found.next_page_token,
    }


def _definitions(answer: friction_pb2.FrictionMap, now: Reader) -> list[dict[str, Any]]:
    """What each column counts, as the registry says it."""
    registry = backends().metrics.ListMetrics(metrics_service_pb2.ListMetricsRequest()).metrics
    known = {one.name: one for one in registry}
    metrics = [known[one.rate.metric] for one in answer.whole.cells if one.rate.metric in known]
    return [definition(one, now.language) for one in metrics]
