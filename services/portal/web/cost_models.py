"""Cost models: what an hour of lost work costs, drafted by one person of finance and approved by another."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from flask import Blueprint, abort, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from throughline.metrics.v1 import ledger_service_pb2, metrics_pb2, metrics_service_pb2

from services.portal.web.backends import backends, calm, new_request_id
from services.portal.web.names import names
from services.portal.web.problems import STATUS, said
from services.portal.web.session import with_roles
from services.portal.web.shown import model as shown
from services.portal.web.shown import supposed
from services.portal.web.shown.reader import last_part, reader
from services.runtime.refusal import Kind, Refusal

blueprint = Blueprint("cost_models", __name__, url_prefix="/cost-models")

READERS = (
    *("agent", "lead", "problem_manager", "change_manager", "finance", "executive", "operator", "administrator"),
)
WRITERS = ("finance", "administrator")
APPROVERS = ("finance",)
_VERSIONS = 10
_QUARTER = timedelta(days=92)


@blueprint.get("")
@with_roles(*READERS)
def page() -> ResponseReturnValue:
    """Every model with its latest version."""
    answer = backends().metrics.ListCostModels(metrics_service_pb2.ListCostModelsRequest(page_size=200))
    names().people([who for one in answer.cost_models for who in (one.author, one.approver)])
    now = reader()
    return render_template(
        "board_cost_models.html",
        kinds=shown.kinds(),
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


@blueprint.post("/<model>/what-if")
@with_roles(*WRITERS)
def what_if(model: str) -> ResponseReturnValue:
    """Lets a version judge the quarter before today; nothing that is booked changes."""
    version = request.form.get("version", "")
    now = reader().now
    asked = ledger_service_pb2.StartWhatIfRequest(
        request_id=request.form.get("request_id", ""),
        cost_model=f"costModels/{model}",
        version=int(version) if version.isdecimal() and len(version) < 10 else 0,
    )
    asked.period.start_time.FromDatetime(now - _QUARTER)
    asked.period.end_time.FromDatetime(now)
    try:
        job = backends().ledger.StartWhatIf(asked)
    except Refusal as refusal:
        if refusal.kind is Kind.NOT_FOUND:
            raise
        return _one(model, refusal)
    return redirect(url_for(".judged", model=model, job=last_part(job.name)), 303)


@blueprint.get("/<model>/what-if/<job>")
@with_roles(*READERS)
def judged(model: str, job: str) -> ResponseReturnValue:
    """What a version would have made of a period, service by service and month by month."""
    found = backends().ledger.GetLedgerJob(ledger_service_pb2.GetLedgerJobRequest(name=f"jobs/{job}"))
    if found.what_if.cost_model != f"costModels/{model}":
        abort(404)
    html = render_template("board_what_if.html", model=model, **supposed.page(found, reader()))
    return html, 200, {"Refresh": "2"} if supposed.runs(found) else {}


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
        draft_href=url_for("board.cost_model_form.new", **shown.form_of(found)),
        note=found.note,
        versions=[shown.row(each, now, url_for(".one", model=model, version=each.version)) for each in versions],
        may_approve=waits and _is(APPROVERS) and found.author != now.sub,
        own=waits and _is(APPROVERS) and found.author == now.sub,
        may_draft=_is(WRITERS),
        may_judge=_is(WRITERS),
        trouble=said(refusal) if refusal is not None else "",
        request_id=new_request_id(),
        judge_id=new_request_id(),
    )
    return html, STATUS[refusal.kind] if refusal is not None else 200


def _is(roles: tuple[str, ...]) -> bool:
    return bool(set(roles) & set(g.person.roles))
