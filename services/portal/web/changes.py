"""Changes: their list, one change with what its reader may do, and the form of a plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, abort, current_app, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from throughline.changes.v1 import change_pb2 as pb
from throughline.changes.v1 import changes_service_pb2 as calls
from throughline.portal.v1 import people_pb2, people_service_pb2
from throughline.type.v1 import interval_pb2

from services.portal.web import changes_form
from services.portal.web.backends import backends, calm, new_request_id
from services.portal.web.changes_form import Typed
from services.portal.web.names import names
from services.portal.web.problems import STATUS, field_errors
from services.portal.web.session import signed_in, with_roles
from services.portal.web.shown import change as shown
from services.portal.web.shown import window
from services.portal.web.shown.reader import last_part, reader
from services.runtime.refusal import Kind, Refusal

blueprint = Blueprint("changes", __name__, url_prefix="/changes")

PAGE = 50
TABS: dict[str, tuple[pb.ChangeState.ValueType, ...]] = {
    "open": (
        pb.CHANGE_STATE_DRAFT,
        pb.CHANGE_STATE_REJECTED,
        pb.CHANGE_STATE_AWAITING_APPROVAL,
        pb.CHANGE_STATE_APPROVED,
        pb.CHANGE_STATE_IN_PROGRESS,
    ),
    "approval": (pb.CHANGE_STATE_AWAITING_APPROVAL,),
    "planned": (pb.CHANGE_STATE_APPROVED,),
    "running": (pb.CHANGE_STATE_IN_PROGRESS,),
    "ended": tuple(shown.ENDED),
}


@dataclass(frozen=True, slots=True)
class Act:
    """A verb of the page. text: the field of its request that holds the words typed in `<verb>-<text>`, "" for none."""

    method: str
    text: str = ""

    def request(self, number: str, verb: str, form: Mapping[str, str]) -> Any:
        """The request that the form asks for."""
        fields: dict[str, Any] = {self.text: form.get(f"{verb}-{self.text}", "").strip()} if self.text else {}
        if verb == "verify":
            results = {"passed": pb.STEP_RESULT_PASSED, "failed": pb.STEP_RESULT_FAILED}
            fields |= {"step_id": form.get("step_id", ""), "result": results.get(form.get("result", ""), 0)}
        made = getattr(calls, f"{self.method}Request")
        return made(
            name=f"changes/{number}", request_id=form.get("request_id", ""), etag=form.get("etag", ""), **fields
        )


ACTS = {
    "submit": Act("SubmitChange"),
    "approve": Act("ApproveChange", "note"),
    "reject": Act("RejectChange", "note"),
    "start": Act("StartChange"),
    "verify": Act("VerifyChange", "note"),
    "finish": Act("FinishChange", "outcome_note"),
    "roll-back": Act("RollBackChange", "outcome_note"),
    "cancel": Act("CancelChange", "reason"),
}
# Where the page shows what the service may find missing in a plan.
_PARTS = {"plan.plan": "plan", "plan.rollback_plan": "rollback_plan", "plan.steps": "checks", "steps": "checks"}


@blueprint.get("")
@signed_in
def listing() -> ResponseReturnValue:
    """Changes by state, newest first."""
    tab = request.args.get("state", "open")
    if tab not in TABS:
        abort(404)
    asked = calls.ListChangesRequest(states=TABS[tab], page_size=PAGE, page_token=request.args.get("page", ""))
    page, told = backends().changes.ListChanges(asked), reader()
    names().people(person for change in page.changes for person in (change.author, change.implementer))
    return render_template(
        "changes.html",
        rows=[shown.row(change, told) for change in page.changes],
        tabs=[
            {"text": text, "href": url_for("changes.listing", state=key), "current": key == tab}
            for key, text in _tab_words().items()
        ],
        next_page=url_for("changes.listing", state=tab, page=page.next_page_token) if page.next_page_token else "",
        first_page=url_for("changes.listing", state=tab) if asked.page_token else "",
        may_plan=bool(shown.PLANNERS & set(g.person.roles)),
    )


@blueprint.get("/<number>")
@signed_in
def page(number: str) -> ResponseReturnValue:
    """One change."""
    return _page(_get(number))


@blueprint.post("/<number>/<verb>")
@signed_in
def act(number: str, verb: str) -> ResponseReturnValue:
    """One verb on it; a refusal is told on the page, with what was typed."""
    if verb not in ACTS:
        abort(404)
    made = ACTS[verb]
    try:
        getattr(backends().changes, made.method)(made.request(number, verb, request.form))
    except Refusal as refusal:
        if refusal.kind in (Kind.NOT_FOUND, Kind.UNAUTHENTICATED):
            raise
        return _page(_get(number), verb, refusal), STATUS[refusal.kind]
    return redirect(url_for("changes.page", number=number), 303)


@blueprint.get("/new")
@with_roles(*shown.PLANNERS)
def new() -> ResponseReturnValue:
    """The form of a new plan."""
    given = Typed({"type": str(pb.CHANGE_TYPE_NORMAL), "risk": str(pb.RISK_MEDIUM), "implementer": g.person.name})
    return _form(given, {}, new_request_id())


@blueprint.post("/new")
@with_roles(*shown.PLANNERS)
def create() -> ResponseReturnValue:
    """Drafts it, or shows the form again with one check more or less."""
    return _sent(None)


@blueprint.get("/<number>/edit")
@with_roles(*shown.PLANNERS)
def edit(number: str) -> ResponseReturnValue:
    """The form of a kept plan."""
    change = _get(number)
    return _form(changes_form.of_change(change, _zone()), {}, new_request_id(), change, change.etag)


@blueprint.post("/<number>/edit")
@with_roles(*shown.PLANNERS)
def update(number: str) -> ResponseReturnValue:
    """Keeps another plan."""
    return _sent(_get(number))


def _tab_words() -> dict[str, str]:
    return {
        "open": gettext("Not ended"),
        "approval": gettext("Wait for approval"),
        "planned": gettext("Approved"),
        "running": gettext("Being executed"),
        "ended": gettext("Ended"),
    }


def _zone() -> ZoneInfo:
    return ZoneInfo(current_app.extensions["throughline.settings"].time_zone)


def _get(number: str) -> pb.Change:
    try:
        change: pb.Change = backends().changes.GetChange(calls.GetChangeRequest(name=f"changes/{number}"))
    except Refusal as refusal:
        if refusal.kind is Kind.INVALID:
            abort(404)
        raise
    return change


def _page(change: pb.Change, verb: str = "", refusal: Refusal | None = None) -> str:
    told = reader()
    who = [change.author, change.implementer, *(one.approver for one in change.approvals)]
    names().people([*who, *(step.verifier for step in change.steps)])
    others = _neighbours(change) if change.HasField("window") else []
    # An answer that never came may have been carried out: the same form sent again must be the same request.
    same = refusal is not None and refusal.kind is Kind.UNAVAILABLE
    return render_template(
        "change.html",
        change=change,
        sent=request.form if refusal is not None else {},
        sent_verb=verb,
        errors=_told_errors(refusal, verb) if refusal is not None else {},
        request_id=request.form.get("request_id", "") if same else new_request_id(),
        etag=request.form.get("etag", "") if same else change.etag,
        lanes=window.lanes(change, others, told) if change.HasField("window") else None,
        **shown.page(change, g.person, told),
    )


def _told_errors(refusal: Refusal, verb: str) -> dict[str, str]:
    """The refusal by what the page can point at: the field that was typed, or the part of the plan."""
    typed = ACTS[verb].text
    return {
        f"{verb}-{typed}" if typed and path == typed else _PARTS.get(path, ""): text
        for path, text in field_errors(refusal).items()
    }


def _neighbours(change: pb.Change) -> list[tuple[pb.Change, list[str]]]:
    first, last = window.axis(change, reader().zone)
    days = interval_pb2.Interval()
    days.start_time.FromDatetime(first)
    days.end_time.FromDatetime(last)
    asked = calls.ListChangesRequest(window=days, states=TABS["open"], page_size=PAGE)
    found = calm(partial(backends().changes.ListChanges, asked), calls.ListChangesResponse())
    return window.neighbours(change, found.changes)


def _sent(change: pb.Change | None) -> ResponseReturnValue:
    given = changes_form.typed(request.form)
    request_id, etag = request.form.get("request_id", ""), request.form.get("etag", "")
    rows = request.form.get("rows", "")
    if rows:
        given = given.more_rows() if rows == "add" else given.without_row(int(rows) if rows.isdecimal() else 0)
        return _form(given, {}, request_id, change, etag)
    plan, errors = changes_form.plan(given, _zone())
    if errors:
        return _form(given, errors, request_id, change, etag), STATUS[Kind.INVALID]
    try:
        kept = _keep(change, plan, request_id, etag)
    except Refusal as refusal:
        if refusal.kind is Kind.UNAUTHENTICATED:
            raise
        told = {changes_form.field_of(path, given): text for path, text in field_errors(refusal).items()}
        again = request_id if refusal.kind is Kind.UNAVAILABLE else new_request_id()
        # Who was told that somebody else edited it may send again, over what is there now.
        seen = change.etag if change is not None and refusal.kind is Kind.CONFLICT else etag
        return _form(given, told, again, change, seen), STATUS[refusal.kind]
    return redirect(url_for("changes.page", number=last_part(kept.name)), 303)


def _keep(change: pb.Change | None, plan: calls.ChangePlan, request_id: str, etag: str) -> pb.Change:
    if change is None:
        made: pb.Change = backends().changes.CreateChange(calls.CreateChangeRequest(request_id=request_id, plan=plan))
        return made
    asked = calls.UpdateChangeRequest(name=change.name, request_id=request_id, etag=etag, plan=plan)
    kept: pb.Change = backends().changes.UpdateChange(asked)
    return kept


def _form(
    given: Typed, errors: dict[str, str], request_id: str, change: pb.Change | None = None, etag: str = ""
) -> str:
    return render_template(
        "change_form.html",
        change=change,
        given=given,
        errors=errors,
        request_id=request_id,
        etag=etag,
        people=_implementers(given.values.get("implementer", "")),
        zone=_zone().key,
        shown=shown,
    )


def _implementers(chosen: str) -> list[tuple[str, str]]:
    """Who can be named: the people of the reader's teams, the reader, and who is named already."""
    found: dict[str, people_pb2.Person] = {g.person.name: g.person}
    for team in g.person.teams or [""]:
        asked = people_service_pb2.ListPeopleRequest(team=team, page_size=200)
        none = people_service_pb2.ListPeopleResponse()
        people = calm(partial(backends().people.ListPeople, asked), none).people
        found.update({one.name: one for one in people if set(one.roles) & shown.PLANNERS and not one.disabled})
    found.update(names().people([chosen] if chosen else []))
    listed = sorted(found.values(), key=lambda one: one.display_name)
    return [
        (one.name, gettext("%(name)s (you)", name=one.display_name) if one.name == g.person.name else one.display_name)
        for one in listed
    ]
