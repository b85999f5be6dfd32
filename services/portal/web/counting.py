"""Whether all that happened is in the numbers of a page yet; nothing says "none" of what is only not counted.

Templates ask `counting()`, the state empty of the pages below asks `uncounted()`; a page asks metrics once.
"""

from __future__ import annotations

from flask import Blueprint, Flask, g, render_template, request
from flask.typing import ResponseReturnValue
from throughline.metrics.v1 import metrics_service_pb2

from services.portal.web import i18n
from services.portal.web.backends import backends, calm
from services.portal.web.cost_models import READERS
from services.portal.web.session import with_roles
from services.portal.web.shown import progress as shown

blueprint = Blueprint("counting", __name__, url_prefix="/board/counting")

# What these show is made of events alone; the others show documents, or spans.
_OF_EVENTS = frozenset(
    {
        *("board.page", "board.evidence", "board.facts", "board.roadmap", "board.bottlenecks", "board.channels"),
        *("board.compare", "board.friction", "problem_losses", "reports.one"),
    }
)


@blueprint.get("")
@with_roles(*READERS)
def live() -> ResponseReturnValue:
    """How far counting is now, for a page that was shown before it was over."""
    return render_template("counting.html", told=_told())


def counting() -> shown.Told | None:
    """What stands above numbers that lack something worth saying; None when they lack nothing, and on other pages."""
    told = _told() if _is_of_events() else None
    return told if told is not None and told.matters else None


def uncounted() -> str:
    """What stands in place of "none" while anything at all waits to be counted; "" when "none" is true."""
    told = _told() if _is_of_events() else None
    return told.text if told is not None else ""


def register(app: Flask) -> None:
    """Lets templates and their macros ask."""
    app.jinja_env.globals.update(counting=counting, uncounted=uncounted)


def _is_of_events() -> bool:
    endpoint = request.endpoint or ""
    return endpoint in _OF_EVENTS or endpoint.rpartition(".")[0] in _OF_EVENTS


def _told() -> shown.Told | None:
    if "progress" not in g:
        asked = metrics_service_pb2.GetProgressRequest()
        answer = calm(lambda: backends().metrics.GetProgress(asked), None)
        g.progress = shown.told(answer, i18n.language()) if answer is not None else None
    found: shown.Told | None = g.progress
    return found
