"""What would have been: the past judged by other promises, what that would flip, and how far it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from throughline.sla.v1 import judgement_pb2 as pb
from throughline.sla.v1 import judgement_service_pb2 as calls
from throughline.sla.v1 import sla_pb2, sla_service_pb2

from services.portal.web.backends import backends, calm, new_request_id
from services.portal.web.judgements_form import NOTHING, Choice, drafted
from services.portal.web.names import names
from services.portal.web.navigation import JUDGES
from services.portal.web.problems import STATUS, field_errors
from services.portal.web.session import with_roles
from services.portal.web.shown import judgement as shown
from services.portal.web.shown.reader import Reader, last_part, reader
from services.runtime.refusal import Refusal

blueprint = Blueprint("judgements", __name__, url_prefix="/judgements")

_ROLES = tuple(sorted(JUDGES))
_FLIPS = 50
_LISTED = 20
_WAITING = (pb.JUDGEMENT_STATE_QUEUED, pb.JUDGEMENT_STATE_RUNNING)


@blueprint.get("")
@with_roles(*_ROLES)
def page() -> ResponseReturnValue:
    """What has been tried, newest first."""
    token = request.args.get("page", "")
    answer = backends().judgements.ListJudgements(calls.ListJudgementsRequest(page_size=_LISTED, page_token=token))
    names().people([one.author for one in answer.judgements])
    now = reader()
    return render_template(
        "judgements.html",
        rows=[shown.row(one, now, url_for(".one", judgement=last_part(one.name))) for one in answer.judgements],
        following=url_for(".page", page=answer.next_page_token) if answer.next_page_token else "",
        first=url_for(".page") if token else "",
    )


@blueprint.get("/new")
@with_roles(*_ROLES)
def new() -> ResponseReturnValue:
    """The form."""
    return _form(NOTHING, {})


@blueprint.post("/new")
@with_roles(*_ROLES)
def create() -> ResponseReturnValue:
    """Begins to judge by what the form changes of the promises in force."""
    given, policies = request.form, _policies()
    asked, errors = drafted(given, policies)
    if errors:
        return _form(given, errors, 400)
    try:
        made = backends().judgements.CreateJudgement(
            calls.CreateJudgementRequest(request_id=given.get("request_id", ""), judgement=asked)
        )
    except Refusal as refusal:
        told = {
            ("start" if name.startswith("judgement.period") else ""): text
            for name, text in field_errors(refusal).items()
        }
        return _form(given, told or {"": refusal.message}, STATUS[refusal.kind])
    return redirect(url_for(".one", judgement=last_part(made.name)), 303)


@blueprint.get("/<judgement>")
@with_roles(*_ROLES)
def one(judgement: str) -> ResponseReturnValue:
    """The report; while it is under way, how far it is."""
    found = _found(judgement)
    token, wanted = request.args.get("page", ""), request.args.get("verdict", "")
    verdict = {"missed": pb.VERDICT_MISSED, "met": pb.VERDICT_MET}.get(wanted, pb.VERDICT_UNSPECIFIED)
    flips = calls.ListVerdictFlipsResponse()
    if found.state not in _WAITING:
        flips = backends().judgements.ListVerdictFlips(
            calls.ListVerdictFlipsRequest(judgement=found.name, verdict=verdict, page_size=_FLIPS, page_token=token)
        )
    names().people([found.author])
    now, here = _knowing_policies(reader()), partial(url_for, ".one", judgement=judgement)
    return render_template(
        "judgement.html",
        number=judgement,
        waiting=found.state in _WAITING,
        progress=shown.progress(found, now),
        about=shown.facts(found, now),
        state=shown.state(found),
        error=found.error,
        headline=shown.headline(found, now),
        tables=shown.tables(found, now),
        proof=shown.proof(found),
        flips=[shown.flip(each, now) for each in flips.flips],
        views=[
            {"text": text, "href": here(verdict=key or None), "current": key == wanted}
            for key, text in shown.views(found, now).items()
        ],
        following=here(page=flips.next_page_token, verdict=wanted or None) if flips.next_page_token else "",
        first=here(verdict=wanted or None) if token else "",
        request_id=new_request_id(),
    )


@blueprint.get("/<judgement>/live")
@with_roles(*_ROLES)
def live(judgement: str) -> ResponseReturnValue:
    """How far it is, asked every two seconds; at the end the page is loaded whole."""
    found = _found(judgement)
    if found.state in _WAITING:
        return render_template("judgement_live.html", number=judgement, progress=shown.progress(found, reader()))
    answer: Response = make_response("", 200)
    answer.headers["HX-Refresh"] = "true"
    return answer


@blueprint.post("/<judgement>/cancel")
@with_roles(*_ROLES)
def cancel(judgement: str) -> ResponseReturnValue:
    """Stops it; what was found so far stays to be looked at."""
    asked = calls.CancelJudgementRequest(name=f"judgements/{judgement}", request_id=request.form.get("request_id", ""))
    backends().judgements.CancelJudgement(asked)
    return redirect(url_for(".one", judgement=judgement), 303)


def _found(judgement: str) -> pb.Judgement:
    found: pb.Judgement = backends().judgements.GetJudgement(calls.GetJudgementRequest(name=f"judgements/{judgement}"))
    return found


def _policies() -> list[sla_pb2.Policy]:
    """The promises in force."""
    found: list[sla_pb2.Policy] = []
    token = ""
    while True:
        page = backends().sla.ListPolicies(sla_service_pb2.ListPoliciesRequest(page_size=200, page_token=token))
        found += [each for each in page.policies if not each.retired]
        token = page.next_page_token
        if not token:
            return found


def _knowing_policies(told: Reader) -> Reader:
    """A reader who is told the names of policies too."""
    none: list[sla_pb2.Policy] = []
    found = {each.name: shown.called(each, told) for each in calm(_policies, none)}
    return replace(told, tell=lambda reference: found.get(reference) or told.tell(reference))


def _form(given: Mapping[str, str], errors: Mapping[str, str], status: int = 200) -> ResponseReturnValue:
    now = reader()
    asked = sla_service_pb2.ListCalendarsRequest(page_size=200)
    calendars = calm(partial(backends().sla.ListCalendars, asked), sla_service_pb2.ListCalendarsResponse())
    as_it_is = str(gettext("As published"))
    html = render_template(
        "judgement_form.html",
        given=given,
        errors=errors,
        policies=[(each.name, shown.called(each, now)) for each in _policies()],
        calendars=[("", as_it_is), *((each.name, shown.called(each, now)) for each in calendars.calendars)],
        pauses=[(choice.value, text) for choice, text in zip(Choice, shown.pause_choices(), strict=True)],
        today=now.now.astimezone(now.zone).date().isoformat(),
        request_id=given.get("request_id") or new_request_id(),
    )
    return html, status
