"""A problem by what it costs: the sum over its incidents, each amount one click from its evidence, and what repeats."""

from __future__ import annotations

from flask import Blueprint, abort, render_template, request, url_for
from flask.typing import ResponseReturnValue
from throughline.metrics.v1 import governance_service_pb2 as calls

from services.portal.web import losses
from services.portal.web.addresses import ticket_href
from services.portal.web.backends import backends
from services.portal.web.board_compare import chosen, frame
from services.portal.web.cost_models import READERS
from services.portal.web.own import count_own
from services.portal.web.session import with_roles
from services.portal.web.shown import problem_loss as shown
from services.portal.web.shown.reader import reader

blueprint = Blueprint("problem_losses", __name__)

_INCIDENTS = 25


@blueprint.get("/problems/<number>")
@with_roles(*READERS)
def page(number: str) -> ResponseReturnValue:
    """The problem of a number such as PRB-000003."""
    name, token, now = f"problems/{number}", request.args.get("page", ""), reader()
    if not _is_number(number):
        abort(404)
    loss = backends().governance.GetProblemLoss(calls.GetProblemLossRequest(name=name))
    found = backends().governance.ListProblemIncidents(
        calls.ListProblemIncidentsRequest(name=name, page_size=_INCIDENTS, page_token=token)
    )
    count_own()
    following = found.next_page_token
    return render_template(
        "problem_loss.html",
        loss=shown.problem(loss, now),
        incidents=[shown.incident(one, now, ticket_href(one.fact.ticket), losses.part_href) for one in found.incidents],
        following=url_for(".page", number=number, page=following) if following else "",
        first=url_for(".page", number=number) if token else "",
    )


@blueprint.get("/board/repeat-loss")
@with_roles(*READERS)
def repeated() -> ResponseReturnValue:
    """What was paid again in the period and filter of the address, by problem, the most money first."""
    choice, now = chosen(), reader()
    asked = calls.GetRepeatLossRequest(period=choice.days.interval(choice.zone), filter=choice.filter)
    answer = backends().governance.GetRepeatLoss(asked)
    count_own()
    return render_template("board_repeat_loss.html", paid=shown.repeated(answer, now), **frame(choice, ".repeated"))


def _is_number(number: str) -> bool:
    kind, _, digits = number.partition("-")
    return kind == "PRB" and digits.isascii() and digits.isdecimal() and 6 <= len(digits) <= 12
