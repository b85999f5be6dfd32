"""The form of a draft, one for people and one for each type of business, with an example worked live."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from functools import partial
from zoneinfo import ZoneInfo

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_timezone, gettext
from throughline.metrics.v1 import ledger_service_pb2, metrics_pb2, metrics_service_pb2

from services.portal.web.backends import backends, calm, new_request_id
from services.portal.web.problems import STATUS, field_errors
from services.portal.web.session import with_roles
from services.portal.web.shown import example, terms
from services.portal.web.shown import model as shown
from services.portal.web.shown.reader import last_part, reader
from services.runtime.refusal import Refusal

blueprint = Blueprint("cost_model_form", __name__, url_prefix="/cost-models/new")

WRITERS = ("finance", "administrator")
_FIELDS = {
    "cost_model.name": "name",
    "cost_model.category": "category",
    "cost_model.effective_time": "effective",
    "cost_model.people.hourly_rate": "hourly_rate",
    "cost_model.people.scopes": "users_1",
    "cost_model.people.effects": "share_1",
    "cost_model.people.longest": "longest",
    "cost_model.business.unit_value": "unit_value",
    "cost_model.business.margin_per_mille": "margin",
    "cost_model.business.units_per_hour_milli": "units_per_hour",
    "cost_model.business.calendar": "calendar",
    "cost_model.business.scopes": "places_1",
    "cost_model.business.levels": "level_1",
    "cost_model.business.recovered_per_mille": "recovered",
    "cost_model.business.low_per_mille": "low",
    "cost_model.business.high_per_mille": "high",
    "cost_model.note": "note",
}


@blueprint.get("", defaults={"kind": "people"})
@blueprint.get("/<kind>")
@with_roles(*WRITERS)
def new(kind: str) -> ResponseReturnValue:
    """The form, filled with the latest version of the model that the address names."""
    _require(kind)
    name = "people" if kind == "people" else request.args.get("model", "")
    latest = None
    if name:
        asked = metrics_service_pb2.GetCostModelRequest(name=f"costModels/{name}")
        latest = calm(partial(backends().metrics.GetCostModel, asked), None)
    return _form(kind, terms.given(latest), {})


@blueprint.post("", defaults={"kind": "people"})
@blueprint.post("/<kind>")
@with_roles(*WRITERS)
def draft(kind: str) -> ResponseReturnValue:
    """Works an example, or writes the next version, which waits for somebody else's approval."""
    _require(kind)
    given = request.form
    message, errors = terms.read(kind, given)
    trial = given.get("act") == "example"
    effective = _midnight(given.get("effective", ""))
    if effective is None and not trial:
        errors["effective"] = gettext("Choose the day from which it holds.")
    if effective is not None:
        message.effective_time.FromDatetime(effective)
    if errors:
        return _form(kind, given, errors, status=400)
    try:
        if trial:
            return _form(kind, given, {}, worked=_worked(message, given))
        asked = metrics_service_pb2.DraftCostModelRequest(request_id=given.get("request_id", ""), cost_model=message)
        kept = backends().metrics.DraftCostModel(asked)
    except Refusal as refusal:
        told = {_FIELDS.get(name, name): text for name, text in field_errors(refusal).items()}
        return _form(kind, given, told, status=STATUS[refusal.kind])
    flash(gettext("Drafted. Somebody else of finance approves it."), "success")
    return redirect(url_for("board.cost_models.one", model=last_part(kept.name), version=kept.version), 303)


def _worked(message: metrics_pb2.CostModel, given: Mapping[str, str]) -> ledger_service_pb2.WorkedExample:
    asked = ledger_service_pb2.WorkExampleRequest(cost_model=message, impact=1, level=1)
    for name in ("expected_milli", "actual_milli"):
        count = terms.number(given.get(name, ""), 1000)
        setattr(asked, name, count or 0)
    return backends().ledger.WorkExample(asked)


def _form(
    kind: str,
    given: Mapping[str, str],
    errors: Mapping[str, str],
    *,
    worked: ledger_service_pb2.WorkedExample | None = None,
    status: int = 200,
) -> ResponseReturnValue:
    html = render_template(
        "board_cost_model_form.html",
        kind=kind,
        kinds=shown.kinds(),
        words=terms.words(kind),
        given=given,
        errors=errors,
        levels=terms.LEVELS,
        categories=terms.categories(),
        example=example.shown(worked, reader()) if worked is not None else None,
        currency=given.get("currency") or current_app.extensions["throughline.settings"].currency,
        request_id=given.get("request_id") or new_request_id(),
    )
    return html, status


def _require(kind: str) -> None:
    if kind not in terms.KINDS:
        abort(404)


def _midnight(text: str) -> datetime | None:
    """The start of a day in the reader's zone."""
    try:
        day = date.fromisoformat(text)
        return datetime.combine(day, time(), ZoneInfo(str(get_timezone()))).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
