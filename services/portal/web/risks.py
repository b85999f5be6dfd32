"""The register of risks: what all open ones may cost in a year, the ten that weigh most, and one of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, abort, current_app, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from throughline.metrics.v1 import governance_pb2
from throughline.metrics.v1 import governance_service_pb2 as calls

from services.portal.web.backends import backends, new_request_id
from services.portal.web.cost_models import READERS
from services.portal.web.improvements import EDITORS
from services.portal.web.names import names
from services.portal.web.own import count_own
from services.portal.web.problems import STATUS, field_errors, said
from services.portal.web.session import with_roles
from services.portal.web.shown import risk as shown
from services.portal.web.shown.reader import last_part, reader
from services.runtime.refusal import Kind, Refusal

blueprint = Blueprint("risks", __name__, url_prefix="/risks")

BEARERS = ("executive", "finance", "administrator")
_PAGE = 50
_FIELDS = {
    "probability_per_mille": "probability",
    "loss_p50": "p50",
    "loss_p90": "p90",
    "review_time": "review",
}
_ACTS = {"accept": ("AcceptRisk", BEARERS), "close": ("CloseRisk", EDITORS)}


@blueprint.get("")
@with_roles(*READERS)
def page() -> ResponseReturnValue:
    """The sum, the ten of the largest expected loss, and the whole register."""
    governance, now = backends().governance, reader()
    exposure = governance.GetRiskExposure(calls.GetRiskExposureRequest())
    answer = governance.ListRisks(calls.ListRisksRequest(page_size=_PAGE, page_token=request.args.get("page", "")))
    names().people([one.owner for one in (*exposure.top, *answer.risks)])
    count_own()
    more = answer.next_page_token

    def row(one: governance_pb2.Risk) -> dict[str, Any]:
        return shown.row(one, now, url_for(".one", risk=last_part(one.name)))

    return render_template(
        "board_risks.html",
        about=shown.exposure(exposure, now.language),
        top=[row(one) for one in exposure.top],
        rows=[row(one) for one in answer.risks],
        may_edit=_is(EDITORS),
        following=url_for(".page", page=more) if more else "",
        first=url_for(".page") if request.args.get("page") else "",
    )


@blueprint.get("/new")
@with_roles(*EDITORS)
def new() -> ResponseReturnValue:
    """The form of a new one."""
    return _form("", {"owner": g.person.name}, {})


@blueprint.post("/new")
@with_roles(*EDITORS)
def create() -> ResponseReturnValue:
    """Registers it."""
    return _kept("")


@blueprint.get("/<risk>")
@with_roles(*READERS)
def one(risk: str) -> ResponseReturnValue:
    """One risk, and what may be done with it."""
    return _one(risk, {})


@blueprint.get("/<risk>/edit")
@with_roles(*EDITORS)
def edit(risk: str) -> ResponseReturnValue:
    """The form, filled."""
    return _form(risk, shown.given(_found(risk)), {})


@blueprint.post("/<risk>/edit")
@with_roles(*EDITORS)
def weigh(risk: str) -> ResponseReturnValue:
    """Weighs it anew; it is open again."""
    return _kept(risk)


@blueprint.post("/<risk>/<act>")
@with_roles(*EDITORS)
def settle(risk: str, act: str) -> ResponseReturnValue:
    """Accepts or closes it, with a reason."""
    if act not in _ACTS:
        abort(404)
    method, _ = _ACTS[act]
    asked = getattr(calls, f"{method}Request")(
        name=f"risks/{risk}",
        request_id=request.form.get("request_id", ""),
        note=request.form.get(f"{act}-note", "").strip(),
    )
    try:
        getattr(backends().governance, method)(asked)
    except Refusal as refusal:
        if refusal.kind is Kind.NOT_FOUND:
            raise
        told = {f"{act}-note" if name == "note" else "": said_ for name, said_ in field_errors(refusal).items()}
        return _one(risk, told or {"": said(refusal)}, STATUS[refusal.kind])
    flash(gettext("Accepted.") if act == "accept" else gettext("Closed."), "success")
    return redirect(url_for(".one", risk=risk), 303)


def _kept(risk: str) -> ResponseReturnValue:
    message, errors = shown.read(request.form, _currency())
    if errors:
        return _form(risk, request.form, errors, 400)
    request_id, governance = request.form.get("request_id", ""), backends().governance
    try:
        if risk:
            asked = calls.UpdateRiskRequest(
                request_id=request_id, name=f"risks/{risk}", risk=message, etag=request.form.get("etag", "")
            )
            kept = governance.UpdateRisk(asked)
        else:
            kept = governance.CreateRisk(calls.CreateRiskRequest(request_id=request_id, risk=message))
    except Refusal as refusal:
        if refusal.kind is Kind.NOT_FOUND:
            raise
        plain = {name.removeprefix("risk."): text for name, text in field_errors(refusal).items()}
        return _form(
            risk, request.form, {_FIELDS.get(name, name): text for name, text in plain.items()}, STATUS[refusal.kind]
        )
    flash(gettext("It is in the register."), "success")
    return redirect(url_for(".one", risk=last_part(kept.name)), 303)


def _one(risk: str, errors: Mapping[str, str], status: int = 200) -> ResponseReturnValue:
    found, now = _found(risk), reader()
    names().people([found.owner, found.author])
    count_own()
    open_ = found.state == governance_pb2.RISK_STATE_OPEN
    html = render_template(
        "board_risk.html",
        risk=risk,
        title=found.title,
        state=shown.state(found),
        about=shown.facts(found, now),
        note=found.note,
        may_edit=_is(EDITORS),
        acts=[(act, new_request_id()) for act, (_, roles) in _ACTS.items() if open_ and _is(roles)],
        given=request.form,
        errors=errors,
    )
    return html, status


def _form(risk: str, given: Mapping[str, str], errors: Mapping[str, str], status: int = 200) -> ResponseReturnValue:
    now = reader()
    teams = [(name, now.called(name)) for name, team in names().teams().items() if not team.retired]
    people = dict.fromkeys([g.person.name, given.get("owner", "")])
    owners = [(name, now.called(name)) for name in people if name.startswith("people/")]
    html = render_template(
        "board_risk_form.html",
        risk=risk,
        given=given,
        errors=errors,
        owners=[*owners, *sorted(teams, key=lambda each: each[1])],
        currency=_currency(),
        request_id=given.get("request_id") or new_request_id(),
    )
    return html, status


def _found(risk: str) -> governance_pb2.Risk:
    found: governance_pb2.Risk = backends().governance.GetRisk(calls.GetRiskRequest(name=f"risks/{risk}"))
    return found


def _currency() -> str:
    currency: str = current_app.extensions["throughline.settings"].currency
    return currency


def _is(roles: tuple[str, ...]) -> bool:
    return bool(set(roles) & set(g.person.roles))
