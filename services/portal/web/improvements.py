"""The backlog of improvements in order of expected money, one of them with its before and after, and its form."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from flask import Blueprint, abort, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from throughline.metrics.v1 import governance_pb2, metrics_pb2, metrics_service_pb2
from throughline.metrics.v1 import governance_service_pb2 as calls

from services.portal.web.addresses import ticket_href
from services.portal.web.backends import backends, calm, new_request_id
from services.portal.web.cost_models import READERS
from services.portal.web.names import names
from services.portal.web.own import count_own
from services.portal.web.problems import STATUS, field_errors, said
from services.portal.web.session import with_roles
from services.portal.web.shown import comparison, fields
from services.portal.web.shown import improvement as shown
from services.portal.web.shown import tile as tiles
from services.portal.web.shown.reader import last_part, reader
from services.runtime.refusal import Kind, Refusal

blueprint = Blueprint("improvements", __name__, url_prefix="/improvements")

EDITORS = ("lead", "problem_manager", "change_manager", "finance", "executive", "operator", "administrator")
_PAGE = 50
_FIELDS = {
    "basis": "what",
    "basis.root": "what",
    "basis.service": "what",
    "basis.period": "from",
    "basis.share_per_mille": "share",
    "due_time": "due",
}
_ACTS = {"start": ("StartImprovement", "start_time"), "finish": ("FinishImprovement", "finish_time")}


@blueprint.get("")
@with_roles(*READERS)
def page() -> ResponseReturnValue:
    """Those of a state and a goal, the largest expected money first."""
    state, goal = request.args.get("state", ""), request.args.get("goal", "").strip()[:60]
    if state and state not in shown.STATES:
        abort(404)
    asked = calls.ListImprovementsRequest(
        goal=goal,
        state=shown.STATES.get(state, governance_pb2.IMPROVEMENT_STATE_UNSPECIFIED),
        page_size=_PAGE,
        page_token=request.args.get("page", ""),
    )
    answer = backends().governance.ListImprovements(asked)
    names().people([one.owner for one in answer.improvements])
    now = reader()
    count_own()
    same: dict[str, Any] = {name: value for name, value in (("state", state), ("goal", goal)) if value}
    tabs = [("", gettext("All")), *shown.state_words().items()]
    return render_template(
        "board_improvements.html",
        rows=[
            shown.row(one, now, url_for(".one", improvement=last_part(one.name)))
            | {"goal_href": url_for(".page", goal=one.goal)}
            for one in answer.improvements
        ],
        tabs=[
            {"text": text, "href": url_for(".page", state=key or None, goal=goal or None), "current": key == state}
            for key, text in tabs
        ],
        goal=goal,
        may_edit=_may_edit(),
        following=url_for(".page", **same, page=answer.next_page_token) if answer.next_page_token else "",
        first=url_for(".page", **same) if request.args.get("page") else "",
    )


@blueprint.get("/new")
@with_roles(*EDITORS)
def new() -> ResponseReturnValue:
    """The form of a new one; the address may say what it stands on and what shows the need."""
    start = shown.given(None, reader())
    asked = {name: request.args[name] for name in ("way", "what", "source", "evidence") if name in request.args}
    return _form("", start | {"owner": g.person.name, "metric": "time_to_resolve"} | asked, {})


@blueprint.post("/new")
@with_roles(*EDITORS)
def create() -> ResponseReturnValue:
    """Proposes it; the ledger says what it is worth."""
    return _kept("")


@blueprint.get("/<improvement>")
@with_roles(*READERS)
def one(improvement: str) -> ResponseReturnValue:
    """One of them, with before and after once it is finished."""
    return _one(improvement)


@blueprint.get("/<improvement>/edit")
@with_roles(*EDITORS)
def edit(improvement: str) -> ResponseReturnValue:
    """The form, filled."""
    return _form(improvement, shown.given(_found(improvement), reader()), {})


@blueprint.post("/<improvement>/edit")
@with_roles(*EDITORS)
def rewrite(improvement: str) -> ResponseReturnValue:
    """Writes it anew and reads the ledger again."""
    return _kept(improvement)


@blueprint.post("/<improvement>/<act>")
@with_roles(*EDITORS)
def turn(improvement: str, act: str) -> ResponseReturnValue:
    """Starts or finishes it, on the day that is named or now."""
    if act not in _ACTS:
        abort(404)
    method, field = _ACTS[act]
    asked = getattr(calls, f"{method}Request")(
        name=f"improvements/{improvement}", request_id=request.form.get("request_id", "")
    )
    errors: dict[str, str] = {}
    at = fields.day(request.form, "on", errors, optional=True)
    if at is not None:
        getattr(asked, field).FromDatetime(at)
    if errors:
        return _one(improvement, errors, status=400)
    try:
        getattr(backends().governance, method)(asked)
    except Refusal as refusal:
        if refusal.kind is Kind.NOT_FOUND:
            raise
        return _one(improvement, {"": said(refusal)}, status=STATUS[refusal.kind])
    flash(gettext("It is under way.") if act == "start" else gettext("It is finished."), "success")
    return redirect(url_for(".one", improvement=improvement), 303)


def _kept(improvement: str) -> ResponseReturnValue:
    message, errors = shown.read(request.form)
    if errors:
        return _form(improvement, request.form, errors, status=400)
    request_id, governance = request.form.get("request_id", ""), backends().governance
    try:
        if improvement:
            etag = request.form.get("etag", "")
            asked = calls.UpdateImprovementRequest(
                request_id=request_id, name=f"improvements/{improvement}", improvement=message, etag=etag
            )
            kept = governance.UpdateImprovement(asked)
        else:
            first = calls.CreateImprovementRequest(request_id=request_id, improvement=message)
            kept = governance.CreateImprovement(first)
    except Refusal as refusal:
        if refusal.kind is Kind.NOT_FOUND:
            raise
        told = {_field(name): text for name, text in field_errors(refusal).items()}
        return _form(improvement, request.form, told, status=STATUS[refusal.kind])
    flash(gettext("Kept. The ledger was read just now."), "success")
    return redirect(url_for(".one", improvement=last_part(kept.name)), 303)


def _one(improvement: str, errors: Mapping[str, str] | None = None, status: int = 200) -> ResponseReturnValue:
    found, now = _found(improvement), reader()
    names().people([found.owner, found.author])
    count_own()
    asked = calls.CompareImprovementRequest(name=found.name)
    finished = found.state == governance_pb2.IMPROVEMENT_STATE_FINISHED
    compared = calm(partial(backends().governance.CompareImprovement, asked), None) if finished else None
    metric = next((each for each in _registry() if each.id == found.metric), None)
    html = render_template(
        "board_improvement.html",
        improvement=improvement,
        title=found.title,
        goal=found.goal,
        state=shown.state(found),
        about=shown.facts(found, metric, now),
        evidence=(found.evidence, _evidence_href(found.evidence)),
        bands=comparison.bands(compared.comparisons, now.language) if compared is not None else [],
        # The metric that it was to move comes first.
        moved=comparison.row(compared.comparisons[0], now.language) if compared is not None else None,
        finished=finished,
        may_edit=_may_edit() and not finished,
        act="" if finished else "finish" if found.HasField("start_time") else "start",
        errors=errors or {},
        given=request.form,
        request_id=new_request_id(),
    )
    return html, status


def _form(
    improvement: str, given: Mapping[str, str], errors: Mapping[str, str], status: int = 200
) -> ResponseReturnValue:
    now = reader()
    teams = [(name, now.called(name)) for name, team in names().teams().items() if not team.retired]
    people = dict.fromkeys([g.person.name, given.get("owner", "")])
    owners = [(name, now.called(name)) for name in people if name.startswith("people/")]
    registry = _registry()
    html = render_template(
        "board_improvement_form.html",
        improvement=improvement,
        given=given,
        errors=errors,
        owners=[*owners, *sorted(teams, key=lambda each: each[1])],
        sources=shown.source_words(),
        metrics=[(each.id, tiles.named(each, now.language)) for each in registry if not each.waits_for],
        request_id=given.get("request_id") or new_request_id(),
    )
    return html, status


def _registry() -> list[metrics_pb2.Metric]:
    return list(backends().metrics.ListMetrics(metrics_service_pb2.ListMetricsRequest()).metrics)


def _found(improvement: str) -> governance_pb2.Improvement:
    found: Any = backends().governance.GetImprovement(calls.GetImprovementRequest(name=f"improvements/{improvement}"))
    return found  # type: ignore[no-any-return]  # the stub's wrapper answers Any


def _field(path: str) -> str:
    name = path.removeprefix("improvement.")
    return "what" if name.startswith("basis.tickets") else _FIELDS.get(name, name)


def _may_edit() -> bool:
    return bool(set(EDITORS) & set(g.person.roles))


def _evidence_href(evidence: str) -> str:
    collection, _, id = evidence.partition("/")
    if collection == "tickets":
        return ticket_href(evidence)
    if collection == "outages":
        return url_for("board.outages.one", outage=id)
    return url_for("board.entry", entry=id) if collection == "ledgerEntries" else ""
