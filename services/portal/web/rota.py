"""Who is on call: two weeks of each rota with its gaps, and somebody put in for a time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_timezone, gettext
from google.protobuf.timestamp_pb2 import Timestamp
from throughline.sla.v1 import escalation_service_pb2 as calls

from services.portal.web.backends import backends, calm, new_request_id
from services.portal.web.names import names
from services.portal.web.navigation import DESK
from services.portal.web.problems import STATUS, field_errors
from services.portal.web.session import with_roles
from services.portal.web.shown import escalation as escalation_shown
from services.portal.web.shown import rota as shown
from services.portal.web.shown.reader import reader
from services.runtime.refusal import Kind, Refusal

blueprint = Blueprint("rota", __name__, url_prefix="/rota")

READERS = (*sorted(DESK), "operator", "administrator")
PLANNERS = ("lead", "operator", "administrator")
_PAGE = 200
_FIELDS = {"start_time": "start", "end_time": "end"}


@blueprint.get("")
@with_roles(*READERS)
def page() -> ResponseReturnValue:
    """Every rota with who is on call now; when there is but one, that one for those who cannot make another."""
    told = reader()
    found = list(backends().escalations.ListRotas(calls.ListRotasRequest(page_size=_PAGE)).rotas)
    if len(found) == 1 and not _may_plan():
        return redirect(url_for(".one", rota=found[0].name.partition("/")[2]))
    asked = ((one, calls.GetRotaScheduleRequest(name=one.name)) for one in found)
    answers = [(one, calm(partial(backends().escalations.GetRotaSchedule, each), None)) for one, each in asked]
    rows = [shown.row(one, answer, told) for one, answer in answers]
    return render_template("rotas.html", rows=rows, may_plan=_may_plan())


@blueprint.get("/<rota>")
@with_roles(*READERS)
def one(rota: str) -> ResponseReturnValue:
    """Two weeks of a rota."""
    return _one(rota, {}, {})


@blueprint.post("/<rota>/overrides")
@with_roles(*PLANNERS)
def put_in(rota: str) -> ResponseReturnValue:
    """Puts somebody in for a time."""
    given = request.form
    start, end = _instant(given.get("start", "")), _instant(given.get("end", ""))
    errors = {
        field: gettext("Choose a day and a time.") for field, at in (("start", start), ("end", end)) if at is None
    }
    if errors or start is None or end is None:
        return _one(rota, given, errors, 400)
    asked = calls.AddRotaOverrideRequest(
        name=f"rotas/{rota}",
        request_id=given.get("request_id", ""),
        person=given.get("person", ""),
        start_time=start,
        end_time=end,
        reason=given.get("reason", "").strip(),
    )
    try:
        backends().escalations.AddRotaOverride(asked)
    except Refusal as refusal:
        if refusal.kind is Kind.UNAUTHENTICATED:
            raise
        told = {_FIELDS.get(name, name): text for name, text in field_errors(refusal).items()}
        return _one(rota, given, told, STATUS[refusal.kind])
    return redirect(url_for(".one", rota=rota), 303)


@blueprint.post("/<rota>/overrides/<override>/remove")
@with_roles(*PLANNERS)
def take_back(rota: str, override: str) -> ResponseReturnValue:
    """Takes an override back."""
    asked = calls.RemoveRotaOverrideRequest(
        name=f"rotas/{rota}", request_id=request.form.get("request_id", ""), override_id=override
    )
    backends().escalations.RemoveRotaOverride(asked)
    return redirect(url_for(".one", rota=rota), 303)


def _one(rota: str, given: Mapping[str, str], errors: Mapping[str, str], status: int = 200) -> ResponseReturnValue:
    told, ask = reader(), backends().escalations
    found = ask.GetRota(calls.GetRotaRequest(name=f"rotas/{rota}"))
    start, end = Timestamp(), Timestamp()
    start.FromDatetime(shown.midnight(told))
    end.FromDatetime(shown.midnight(told) + timedelta(days=shown.DAYS + 1))
    answer = ask.GetRotaSchedule(calls.GetRotaScheduleRequest(name=found.name, start_time=start, end_time=end))
    people = dict.fromkeys(person for layer in found.layers for person in layer.people)
    names().people([*people, *(who for each in found.overrides for who in (each.person, each.author))])
    html = render_template(
        "rota.html",
        rota=rota,
        name=escalation_shown.named(found.display_names, found.name, told),
        on_call=shown.person(answer.on_call, told),
        following=shown.following(answer, told),
        days=shown.days(answer.shifts, {each.id: each.reason for each in found.overrides}, told),
        gaps=shown.gaps(found, told),
        overrides=shown.overrides(found, told),
        layers=shown.layers(found, told),
        people=[(person, told.called(person)) for person in people],
        retired=found.retired,
        may_edit=_may_plan(),
        may_plan=_may_plan() and not found.retired,
        given=given,
        errors=errors,
        request_id=given.get("request_id") or new_request_id(),
    )
    return html, status


def _may_plan() -> bool:
    return bool(set(PLANNERS) & set(g.person.roles))


def _instant(text: str) -> Timestamp | None:
    """A day and a time in the reader's zone; None when it is none."""
    try:
        local = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(str(get_timezone())))
        stamp = Timestamp()
        stamp.FromDatetime(local.astimezone(UTC))
    except (ValueError, OverflowError):
        return None
    return stamp
