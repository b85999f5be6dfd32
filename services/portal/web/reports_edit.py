"""The form that keeps a report, and changes one that is kept."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from throughline.metrics.v1 import metrics_service_pb2, report_pb2
from throughline.metrics.v1 import reports_service_pb2 as pb
from werkzeug.datastructures import MultiDict

from services.portal.web import reports_form
from services.portal.web.backends import backends, new_request_id
from services.portal.web.names import names
from services.portal.web.navigation import SERVICE_READERS
from services.portal.web.problems import STATUS, field_errors
from services.portal.web.session import with_roles
from services.portal.web.shown import choices
from services.portal.web.shown import period as periods
from services.portal.web.shown import report as shown
from services.portal.web.shown import tile as tiles
from services.portal.web.shown.board import BANDS
from services.portal.web.shown.reader import last_part, reader
from services.runtime.refusal import Refusal

blueprint = Blueprint("edit", __name__)

READERS = tuple(sorted(SERVICE_READERS))


@blueprint.get("/new")
@with_roles(*READERS)
def new() -> ResponseReturnValue:
    """An empty form."""
    return _form(reports_form.typed(None), {})


@blueprint.post("/new")
@with_roles(*READERS)
def create() -> ResponseReturnValue:
    """Keeps a report of one's own."""
    wanted, errors = reports_form.report(request.form)
    if errors:
        return _form(request.form, errors, 400)
    asked = pb.CreateReportRequest(request_id=request.form.get("request_id", ""), report=wanted)
    try:
        made = backends().reports.CreateReport(asked)
    except Refusal as refusal:
        return _form(request.form, _errors(refusal), STATUS[refusal.kind])
    return redirect(url_for("reports.one", report=last_part(made.name)), 303)


@blueprint.get("/<report>/edit")
@with_roles(*READERS)
def change(report: str) -> ResponseReturnValue:
    """The form, filled."""
    found = backends().reports.GetReport(pb.GetReportRequest(name=f"reports/{report}"))
    return _form(reports_form.typed(found), {}, report=report, etag=found.etag)


@blueprint.post("/<report>/edit")
@with_roles(*READERS)
def update(report: str) -> ResponseReturnValue:
    """Lets it ask what the form says."""
    form = request.form
    wanted, errors = reports_form.report(form)
    if errors:
        return _form(form, errors, 400, report=report, etag=form.get("etag", ""))
    asked = pb.UpdateReportRequest(
        name=f"reports/{report}", request_id=form.get("request_id", ""), report=wanted, etag=form.get("etag", "")
    )
    try:
        backends().reports.UpdateReport(asked)
    except Refusal as refusal:
        return _form(form, _errors(refusal), STATUS[refusal.kind], report=report, etag=form.get("etag", ""))
    return redirect(url_for("reports.one", report=report), 303)


def _errors(refusal: Refusal) -> dict[str, str]:
    """The refusal by the form's fields."""
    return {
        next((own for name, own in reversed(reports_form.FIELDS.items()) if field.startswith(name)), ""): text
        for field, text in field_errors(refusal).items()
    }


def _form(
    given: MultiDict[str, str], errors: dict[str, str], status: int = 200, *, report: str = "", etag: str = ""
) -> ResponseReturnValue:
    registry = backends().metrics.ListMetrics(metrics_service_pb2.ListMetricsRequest()).metrics
    now = reader()
    live = [one for one in registry if not one.waits_for]
    words: dict[str, dict[int, str]] = {
        "periods": shown.period_words(),
        "baselines": shown.baseline_words(),
        "groupings": shown.grouping_words(),
        "visibilities": shown.visibility_words(),
        "frequencies": {
            report_pb2.REPORT_FREQUENCY_DAILY: gettext("Every day"),
            report_pb2.REPORT_FREQUENCY_WEEKLY: gettext("Every week"),
            report_pb2.REPORT_FREQUENCY_MONTHLY: gettext("Every month"),
        },
        "weekdays": {number: shown.weekday(number, now.language) for number in range(1, 8)},
    }
    html = render_template(
        "report_form.html",
        given=given,
        errors=errors,
        chosen=given.getlist("metrics"),
        bands=[(name, [(one.id, tiles.named(one, now.language)) for one in live if one.band == band])
               for name, band in BANDS],
        teams=[(name, now.called(name)) for name, team in sorted(names().teams().items()) if not team.retired],
        channels=[(key, periods.channel_words(place)) for place, key in enumerate(periods.CHANNELS, 1)],
        types=[(key, choices.type_words(key)) for key in periods.TYPES],
        report=report,
        etag=etag,
        request_id=given.get("request_id") or new_request_id(),
        **{name: [(str(key), text) for key, text in found.items()] for name, found in words.items()},
    )  # fmt: skip
    return html, status
