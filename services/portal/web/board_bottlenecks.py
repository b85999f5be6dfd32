"""A page of the board: what late tickets waited for longest, by cause, and the tickets behind each cause."""

from __future__ import annotations

from flask import Blueprint, abort, render_template, request, url_for
from flask.typing import ResponseReturnValue
from throughline.metrics.v1 import bottlenecks_pb2
from throughline.metrics.v1 import comparisons_service_pb2 as calls

from services.portal.web.addresses import ticket_href
from services.portal.web.backends import backends
from services.portal.web.board_compare import chosen, frame
from services.portal.web.cost_models import READERS
from services.portal.web.names import names
from services.portal.web.own import count_own
from services.portal.web.session import with_roles
from services.portal.web.shown import bottleneck as shown
from services.portal.web.shown.reader import reader

blueprint = Blueprint("bottlenecks", __name__)

_EXAMPLES = 25


@blueprint.get("/bottlenecks")
@with_roles(*READERS)
def page() -> ResponseReturnValue:
    """The report of the period and filter in the address; `cause` opens the tickets of one cause."""
    choice, now = chosen(), reader()
    slug, token = request.args.get("cause", ""), request.args.get("page", "")
    if slug and slug not in shown.CAUSES:
        abort(404)
    interval = choice.days.interval(choice.zone)
    report = backends().comparisons.GetBottleneckReport(
        calls.GetBottleneckReportRequest(period=interval, filter=choice.filter)
    )
    found = backends().comparisons.ListBottleneckTickets(
        calls.ListBottleneckTicketsRequest(
            period=interval,
            filter=choice.filter,
            cause=shown.CAUSES.get(slug, bottlenecks_pb2.BOTTLENECK_CAUSE_UNSPECIFIED),
            page_size=_EXAMPLES,
            page_token=token,
        )
    )
    names().people([one.fact.team for one in found.tickets])
    count_own()
    same = choice.query(cause=slug) if slug else choice.query()
    following = found.next_page_token
    return render_template(
        "board_bottlenecks.html",
        report=shown.report(report, now),
        links={one: url_for(".page", **choice.query(cause=one), _anchor="tickets") for one in shown.CAUSES},
        cause=shown.cause_words(shown.CAUSES[slug])[0] if slug else "",
        every=url_for(".page", **choice.query(), _anchor="tickets") if slug else "",
        examples=[shown.example(one, now, ticket_href(one.fact.ticket)) for one in found.tickets],
        following=url_for(".page", **same, page=following, _anchor="tickets") if following else "",
        first=url_for(".page", **same, _anchor="tickets") if token else "",
        **frame(choice, ".page"),
    )
