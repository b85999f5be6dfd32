"""Cost models: what an hour of lost work costs, drafted by one person of finance and approved by another."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from functools import partial
from zoneinfo import ZoneInfo

from babel.numbers import get_currency_precision
from flask import Blueprint, current_app, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_timezone, gettext
from throughline.metrics.v1 import metrics_pb2, metrics_service_pb2
from throughline.type.v1 import money_pb2

from services.portal.web.backends import backends, calm, new_request_id
from services.portal.web.names import names
from services.portal.web.problems import STATUS, field_errors, said
from services.portal.web.session import with_roles
from services.portal.web.shown import model as shown
from services.portal.web.shown.reader import last_part, reader
from services.runtime.refusal import Kind, Refusal

blueprint = Blueprint("cost_models", __name__, url_prefix="/cost-models")

READERS = (
    *("agent", "lead", "problem_manager", "change_manager", "finance", "executive", "operator", "administrator"),
)
WRITERS = ("finance", "administrator")
APPROVERS = ("finance",)
PEOPLE = "people"
_VERSIONS = 10
_IMPACTS, _PRIORITIES = range(1, 4), range(1, 5)
_MILLE_OF_PERCENT = 10
# The form's fields by the request's.
_FIELDS = {
    "cost_model.effective_time": "effective",
    "cost_model.people.hourly_rate": "hourly_rate",
    "cost_model.people.scopes": "users_1",
    "cost_model.people.effects": "share_1",
    "cost_model.people.longest": "longest",
    "cost_model.note": "note",
}


@blueprint.get("")
@with_roles(*READERS)
def page() -> ResponseReturnValue:
    """Every model with its latest version."""
    answer = backends().metrics.ListCostModels(metrics_service_pb2.ListCostModelsRequest(page_size=200))
    names().people([who for one in answer.cost_models for who in (one.author, one.approver)])
    now = reader()
    return render_template(
        "board_cost_models.html",
        rows=[shown.row(one, now, url_for(".one", model=last_part(one.name))) for one in answer.cost_models],
        may_draft=_is(WRITERS),
    )


@blueprint.get("/<model>")
@with_roles(*READERS)
def one(model: str) -> ResponseReturnValue:
    """One version, the latest unless the address names another, and the versions before it."""
    return _one(model)


@blueprint.post("/<model>/approve")
@with_roles(*APPROVERS)
def approve(model: str) -> ResponseReturnValue:
    """Lets a version hold from its effective time on."""
    version = request.form.get("version", "")
    asked = metrics_service_pb2.ApproveCostModelRequest(
        name=f"costModels/{model}",
        version=int(version) if version.isdecimal() and len(version) < 10 else 0,
        request_id=request.form.get("request_id", ""),
        note=request.form.get("note", "").strip(),
    )
    try:
        backends().metrics.ApproveCostModel(asked)
    except Refusal as refusal:
        if refusal.kind is Kind.NOT_FOUND:
            raise
        return _one(model, refusal)
    flash(gettext("Approved. It holds from its effective time on."), "success")
    return redirect(url_for(".one", model=model, version=version), 303)


@blueprint.get("/new")
@with_roles(*WRITERS)
def new() -> ResponseReturnValue:
    """The form of a draft, filled with the latest version."""
    asked = metrics_service_pb2.GetCostModelRequest(name=f"costModels/{PEOPLE}")
    latest = calm(partial(backends().metrics.GetCostModel, asked), None)
    return _form(_given(latest), {})


@blueprint.post("/new")
@with_roles(*WRITERS)
def draft() -> ResponseReturnValue:
    """Writes the next version; it waits for somebody else's approval."""
    given = request.form
    people, errors = _people(given)
    effective = _midnight(given.get("effective", ""))
    if effective is None:
        errors["effective"] = gettext("Choose the day from which it holds.")
    if errors or effective is None:
        return _form(given, errors, 400)
    message = metrics_pb2.CostModel(
        name=f"costModels/{PEOPLE}",
        etag=given.get("etag", ""),
        type=metrics_pb2.COST_MODEL_TYPE_PEOPLE,
        category=metrics_pb2.LEDGER_CATEGORY_INCURRED_LOSS,
        people=people,
        note=given.get("note", "").strip(),
    )
    message.effective_time.FromDatetime(effective)
    try:
        kept = backends().metrics.DraftCostModel(
            metrics_service_pb2.DraftCostModelRequest(request_id=given.get("request_id", ""), cost_model=message)
        )
    except Refusal as refusal:
        told = {_FIELDS.get(name, name): text for name, text in field_errors(refusal).items()}
        return _form(given, told, STATUS[refusal.kind])
    flash(gettext("Drafted. Somebody else of finance approves it."), "success")
    return redirect(url_for(".one", model=PEOPLE, version=kept.version), 303)


def _one(model: str, refusal: Refusal | None = None) -> ResponseReturnValue:
    chosen = request.values.get("version", "0")
    number = int(chosen) if chosen.isdecimal() and len(chosen) < 10 else 0
    metrics, name = backends().metrics, f"costModels/{model}"
    latest = metrics.GetCostModel(metrics_service_pb2.GetCostModelRequest(name=name))
    versions = [latest]
    for each in range(latest.version - 1, max(0, latest.version - _VERSIONS), -1):
        asked = metrics_service_pb2.GetCostModelRequest(name=name, version=each)
        older = calm(partial(metrics.GetCostModel, asked), None)
        versions += [older] if older is not None else []
    found = next((each for each in versions if each.version == number), latest if not number else None)
    if found is None:
        found = metrics.GetCostModel(metrics_service_pb2.GetCostModelRequest(name=name, version=number))
    names().people([who for each in versions for who in (each.author, each.approver)])
    now = reader()
    waits = found.state == metrics_pb2.COST_MODEL_STATE_DRAFT
    html = render_template(
        "board_cost_model.html",
        model=model,
        version=found.version,
        about=shown.facts(found, now),
        state=shown.state(found),
        tables=shown.tables(found, now),
        note=found.note,
        versions=[shown.row(each, now, url_for(".one", model=model, version=each.version)) for each in versions],
        may_approve=waits and _is(APPROVERS) and found.author != now.sub,
        own=waits and _is(APPROVERS) and found.author == now.sub,
        may_draft=_is(WRITERS),
        trouble=said(refusal) if refusal is not None else "",
        request_id=new_request_id(),
    )
    return html, STATUS[refusal.kind] if refusal is not None else 200


def _form(given: Mapping[str, str], errors: Mapping[str, str], status: int = 200) -> ResponseReturnValue:
    html = render_template(
        "board_cost_model_form.html",
        given=given,
        errors=errors,
        impacts=_IMPACTS,
        priorities=_PRIORITIES,
        currency=given.get("currency") or current_app.extensions["throughline.settings"].currency,
        request_id=given.get("request_id") or new_request_id(),
    )
    return html, status


def _given(latest: metrics_pb2.CostModel | None) -> dict[str, str]:
    """The latest version as the form's fields; the first one has none."""
    if latest is None:
        return {}
    people, rate = latest.people, latest.people.hourly_rate
    major = Decimal(rate.minor_units).scaleb(-get_currency_precision(rate.currency_code))
    return {
        "etag": latest.etag,
        "currency": rate.currency_code,
        "hourly_rate": f"{major.normalize():f}",
        "longest": f"{people.longest.ToTimedelta() / timedelta(hours=1):g}",
        **{f"users_{one.impact}": str(one.users) for one in people.scopes},
        **{f"share_{one.priority}": f"{one.per_mille / _MILLE_OF_PERCENT:g}" for one in people.effects},
    }


def _people(given: Mapping[str, str]) -> tuple[metrics_pb2.PeopleModel, dict[str, str]]:
    """The model that a form says, and what of it is no number."""
    errors: dict[str, str] = {}
    currency = given.get("currency", "")
    people = metrics_pb2.PeopleModel()
    rate = _number(given.get("hourly_rate", ""), 10 ** get_currency_precision(currency))
    if rate is None:
        errors["hourly_rate"] = gettext("Write an amount such as 80 or 80.50.")
    people.hourly_rate.CopyFrom(money_pb2.Money(currency_code=currency, minor_units=rate or 0))
    for impact in _IMPACTS:
        users = _number(given.get(f"users_{impact}", ""), 1)
        if users is None:
            errors[f"users_{impact}"] = gettext("Write how many people.")
        people.scopes.add(impact=impact, users=users or 0)
    for priority in _PRIORITIES:
        share = _number(given.get(f"share_{priority}", ""), _MILLE_OF_PERCENT)
        if share is None or share > 1_000:
            errors[f"share_{priority}"] = gettext("Write a share from 0 to 100, with one decimal at most.")
            continue
        people.effects.add(priority=priority, per_mille=share)
    minutes = _number(given.get("longest", ""), 60)
    if minutes is None:
        errors["longest"] = gettext("Write a number of hours, such as 24.")
    people.longest.FromTimedelta(timedelta(minutes=minutes or 0))
    return people, errors


def _number(text: str, times: int) -> int | None:
    """`text` times `times` as an exact whole number from 0 to a thousand million; None when it is none."""
    try:
        exact = Decimal(text.strip().replace(",", "")) * times
    except InvalidOperation:
        return None
    if not exact.is_finite() or exact != exact.to_integral_value() or not 0 <= exact <= 10**9:
        return None
    return int(exact)


def _midnight(text: str) -> datetime | None:
    """The start of a day in the reader's zone."""
    try:
        day = date.fromisoformat(text)
        return datetime.combine(day, time(), ZoneInfo(str(get_timezone()))).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _is(roles: tuple[str, ...]) -> bool:
    return bool(set(roles) & set(g.person.roles))
