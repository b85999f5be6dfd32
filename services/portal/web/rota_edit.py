"""The form of rotas: shows two weeks of who would be on call, and where nobody would be, before it is published."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from google.protobuf.timestamp_pb2 import Timestamp
from throughline.sla.v1 import escalation_pb2
from throughline.sla.v1 import escalation_service_pb2 as calls

from services.portal.web import rota_form as forms
from services.portal.web.backends import backends, new_request_id
from services.portal.web.names import names
from services.portal.web.previewed import Previewed
from services.portal.web.rota import PLANNERS
from services.portal.web.session import with_roles
from services.portal.web.shown import calendar as calendar_shown
from services.portal.web.shown import rota as shown
from services.portal.web.shown import zones
from services.portal.web.shown.reader import Reader, last_part, reader

blueprint = Blueprint("rota_edit", __name__, url_prefix="/rota")


@blueprint.get("/new")
@with_roles(*PLANNERS)
def new() -> ResponseReturnValue:
    """The form of a rota that is not there yet: one layer, handed over every Monday at nine from this week on."""
    told = reader()
    today = told.now.astimezone(told.zone).date()
    monday = today - timedelta(days=today.weekday())
    turn = {"turn_l1": str(escalation_pb2.HAND_OVER_WEEKLY), "first_l1": monday.isoformat(), "time_l1": "09:00"}
    return _form("", {"time_zone": str(told.zone), "notice": "7", "layers": "1", **turn}, {})


@blueprint.get("/<rota>/edit")
@with_roles(*PLANNERS)
def edit(rota: str) -> ResponseReturnValue:
    """The form of the latest version."""
    kept = backends().escalations.GetRota(calls.GetRotaRequest(name=f"rotas/{rota}"))
    return _form(rota, forms.typed(kept) | {"etag": kept.etag, "version": str(kept.version)}, {})


@blueprint.post("/new")
@with_roles(*PLANNERS)
def create() -> ResponseReturnValue:
    """Adds or removes a layer, previews or publishes."""
    return _FORM.sent("")


@blueprint.post("/<rota>/edit")
@with_roles(*PLANNERS)
def update(rota: str) -> ResponseReturnValue:
    """Adds or removes a layer, previews or publishes the next version."""
    return _FORM.sent(rota)


def _publish(known: str, given: Mapping[str, str], made: escalation_pb2.Rota) -> ResponseReturnValue:
    asked = calls.PublishRotaRequest(
        request_id=given.get("request_id", ""), rota=made, etag=given.get("etag", "") if known else ""
    )
    published = backends().escalations.PublishRota(asked)
    flash(gettext("Published as version %(number)s.", number=published.version), "success")
    return redirect(url_for("rota.one", rota=last_part(published.name)), 303)


def _form(
    known: str,
    given: Mapping[str, str],
    errors: Mapping[str, str],
    status: int = 200,
    *,
    preview: dict[str, Any] | None = None,
) -> ResponseReturnValue:
    told = reader()
    html = render_template(
        "rota_form.html",
        known=known,
        given=given,
        errors=errors,
        numbers=range(1, forms.count(given) + 1),
        most=forms.LAYERS,
        narrowed=[one for one in range(1, forms.count(given) + 1) if forms.is_narrowed({**given, **errors}, one)],
        turns=[
            (str(escalation_pb2.HAND_OVER_WEEKLY), gettext("every week")),
            (str(escalation_pb2.HAND_OVER_DAILY), gettext("every day")),
        ],
        weekdays=calendar_shown.weekday_names(told.language, "wide"),
        zones=zones.known(),
        preview=preview,
        version=int(given.get("version") or 0) + 1,
        request_id=given.get("request_id") or new_request_id(),
    )
    return html, status


def _preview(made: escalation_pb2.Rota, told: Reader) -> dict[str, Any]:
    """Two weeks, and the gaps of two months."""
    start, end = Timestamp(), Timestamp()
    start.FromDatetime(shown.midnight(told))
    end.FromDatetime(shown.midnight(told) + timedelta(days=shown.DAYS + 1))
    answer = backends().escalations.PreviewRota(calls.PreviewRotaRequest(rota=made, start_time=start, end_time=end))
    names().people(person for layer in made.layers for person in layer.people)
    return {
        "days": shown.days(answer.shifts, {}, told),
        "gaps": shown.stretches(answer.gaps, told),
        "layers": shown.layers(made, told),
    }


_FORM: Previewed[escalation_pb2.Rota] = Previewed(
    read=forms.rota,
    with_part=forms.with_layer,
    without_part=forms.without_layer,
    field_of=forms.field_of,
    form=_form,
    preview=lambda made: _preview(made, reader()),
    publish=_publish,
)
