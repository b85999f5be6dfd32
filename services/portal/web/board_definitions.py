"""The registry as a page: what every number means, in one sentence, with unit, formula, edge cases and source."""

from __future__ import annotations

from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue
from throughline.metrics.v1 import metrics_service_pb2

from services.portal.web.backends import backends
from services.portal.web.cost_models import READERS
from services.portal.web.own import count_own
from services.portal.web.session import with_roles
from services.portal.web.shown import tile as tiles
from services.portal.web.shown.board import BANDS
from services.portal.web.shown.reader import reader

blueprint = Blueprint("definitions", __name__)


@blueprint.get("/definitions")
@with_roles(*READERS)
def page() -> ResponseReturnValue:
    """Every metric by its layer; what nothing feeds yet says what it waits for."""
    language = reader().language
    registry = backends().metrics.ListMetrics(metrics_service_pb2.ListMetricsRequest()).metrics
    count_own()
    bands = [(name, [tiles.definition(one, language) for one in registry if one.band == band]) for name, band in BANDS]
    return render_template("board_definitions.html", bands=bands, back=url_for("board.page"))
