"""Business services: their list, the page of one with its objective, and the form that publishes the next version."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from flask import Blueprint, abort, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from throughline.metrics.v1 import availability_service_pb2 as calls
from throughline.metrics.v1 import business_service_pb2 as pb
from throughline.metrics.v1 import metrics_pb2, metrics_service_pb2
from throughline.sla.v1 import sla_service_pb2
from throughline.type.v1 import interval_pb2

from services.portal.web import business_services_form as forms
from services.portal.web import cost_models
from services.portal.web.backends import backends, calm, new_request_id
from services.portal.web.names import names
from services.portal.web.problems import STATUS, field_errors, said
from services.portal.web.session import with_roles
from services.portal.web.shown import business_service as shown
from services.portal.web.shown import traffic
from services.portal.web.shown.reader import last_part, reader
from services.runtime.refusal import Kind, Refusal

blueprint = Blueprint("business_services", __name__, url_prefix="/business-services")

READERS = cost_models.READERS
EDITORS = ("executive", "lead", "operator", "administrator")
_PAGE, _CHOICES = 50, 200
_DAY = timedelta(days=1)


@blueprint.get("")
@with_roles(*READERS)
def page() -> ResponseReturnValue:
    """Every business service, those whose budget burns too fast marked."""
    told, availability = reader(), backends().availability
    asked = calls.ListBusinessServicesRequest(page_size=_PAGE, page_token=request.args.get("page", ""))
    found = availability.ListBusinessServices(asked)
    alerts = calm(partial(availability.ListBurnAlerts, calls.ListBurnAlertsRequest(open=True, page_size=200)), None)
    names().people([one.owner for one in found.business_services])
    more = found.next_page_token
    return render_template(
        "business_services.html",
        rows=[
            shown.row(one, list(alerts.burn_alerts) if alerts else [], told, url_for(".one", id=last_part(one.name)))
            for one in found.business_services
        ],
        following=url_for(".page", page=more) if more else "",
        first=url_for(".page") if asked.page_token else "",
        may_edit=_may_edit(),
    )


@blueprint.get("/map")
@with_roles(*READERS)
def service_map() -> ResponseReturnValue:
    """Who called whom in the last day, by spans, and how long ago; each service once more with whom it reaches."""
    told = reader()
    answer = backends().metrics.ListServiceEdges(
        metrics_service_pb2.ListServiceEdgesRequest(period=_back(told.now, _DAY))
    )
    return render_template("service_map.html", rows=traffic.callers(answer.edges, told), edges=len(answer.edges))


@blueprint.get("/new")
@with_roles(*EDITORS)
def new() -> ResponseReturnValue:
    """The form of a new one."""
    return _form(None, forms.blank(), {})


@blueprint.post("/new")
@with_roles(*EDITORS)
def create() -> ResponseReturnValue:
    """Publishes the first version."""
    return _sent(None)


@blueprint.get("/<id>")
@with_roles(*READERS)
def one(id: str) -> ResponseReturnValue:
    """What it is made of, its objective against what happened, its alerts and its versions."""
    told, found, availability = reader(), _get(id), backends().availability
    asked = calls.GetObjectiveReportRequest(name=found.name)
    report = calm(partial(availability.GetObjectiveReport, asked), None) if found.HasField("objective") else None
    alerts = calm(partial(availability.ListBurnAlerts, calls.ListBurnAlertsRequest(business_service=found.name)), None)
    versions = _versions(found.name)
    names().people([found.owner, found.incidents.requester, *(one.actor for one in versions)])
    return render_template(
        "business_service.html",
        id=id,
        title=shown.title(found, told.language),
        lead=shown.lead(found, told),
        retired=found.retired,
        facts=shown.facts(found, told),
        maintenance=shown.maintenance(found, told),
        objective=shown.objective(report, told) if report is not None else None,
        burns=shown.burns(report, told) if report is not None else [],
        alerts=shown.alerts(list(alerts.burn_alerts) if alerts else [], told),
        versions=shown.versions(versions, told),
        may_edit=_may_edit(),
        etag=found.etag,
        request_id=new_request_id(),
    )


@blueprint.get("/<id>/edit")
@with_roles(*EDITORS)
def edit(id: str) -> ResponseReturnValue:
    """The form of the version in force."""
    kept = _get(id)
    return _form(kept, forms.of_service(kept, reader().zone), {})


@blueprint.post("/<id>/edit")
@with_roles(*EDITORS)
def update(id: str) -> ResponseReturnValue:
    """Publishes the next version."""
    return _sent(_get(id))


@blueprint.post("/<id>/retire")
@with_roles(*EDITORS)
def retire(id: str) -> ResponseReturnValue:
    """Counts it no more; what was counted stays."""
    asked = calls.RetireBusinessServiceRequest(
        name=f"businessServices/{id}", request_id=request.form.get("request_id", ""), etag=request.form.get("etag", "")
    )
    backends().availability.RetireBusinessService(asked)
    flash(gettext("Retired. What was counted stays."), "success")
    return redirect(url_for(".one", id=id), 303)


def _sent(kept: pb.BusinessService | None) -> ResponseReturnValue:
    told = reader()
    given = forms.typed(request.form)
    made, errors = forms.service(given, kept, told.zone, told.now)
    if errors:
        return _form(kept, given, errors, status=STATUS[Kind.INVALID])
    made.etag = request.form.get("etag", "")
    if kept is None and _known(made.name):
        taken = gettext("There is one of this name already; edit it, or choose another name.")
        return _form(kept, given, {"id": str(taken)}, status=STATUS[Kind.EXISTS])
    asked = calls.PublishBusinessServiceRequest(request_id=request.form.get("request_id", ""), business_service=made)
    try:
        done = backends().availability.PublishBusinessService(asked)
    except Refusal as refusal:
        if refusal.kind is Kind.UNAUTHENTICATED:
            raise
        if refusal.kind is Kind.CONFLICT and kept is not None:
            theirs = shown.differences(made, kept, told)
            return _form(kept, given, {"": said(refusal)}, theirs=theirs, status=STATUS[refusal.kind])
        found = {forms.field_of(path): text for path, text in field_errors(refusal).items()}
        again = refusal.kind is Kind.UNAVAILABLE
        return _form(kept, given, found, status=STATUS[refusal.kind], same_request=again)
    flash(gettext("Published as version %(number)s.", number=done.version), "success")
    return redirect(url_for(".one", id=last_part(done.name)), 303)


def _form(
    kept: pb.BusinessService | None,
    given: dict[str, str],
    errors: dict[str, str],
    *,
    theirs: list[list[str]] | None = None,
    status: int = 200,
    same_request: bool = False,
) -> ResponseReturnValue:
    """theirs: what differs when somebody else was faster; sending the form once more then takes the typed values.

    same_request: the answer to the last sending never came, so it is sent under the same id.
    """
    told = reader()
    kept_etag = kept.etag if kept is not None else ""
    typed_at = request.form.get("etag", "") if theirs is None else ""
    html = render_template(
        "business_service_form.html",
        kept=kept,
        id=last_part(kept.name) if kept is not None else "",
        title=shown.title(kept, told.language) if kept is not None else gettext("New business service"),
        given=given,
        errors=errors,
        theirs=theirs or [],
        theirs_version=kept.version if kept is not None else 0,
        etag=typed_at or kept_etag,
        request_id=request.form.get("request_id", "") if same_request else new_request_id(),
        levels=[(str(level), shown.criticality(level)) for level in (1, 2, 3, 4)],
        teams=sorted(names().teams()),
        calendars=_calendars(told.language),
        models=_models(),
        seen=_seen(told.now),
        zone=str(told.zone),
    )
    return html, status


def _get(id: str) -> pb.BusinessService:
    asked = calls.GetBusinessServiceRequest(name=f"businessServices/{id}")
    try:
        found: pb.BusinessService = backends().availability.GetBusinessService(asked)
    except Refusal as refusal:
        if refusal.kind is Kind.INVALID:
            abort(404)
        raise
    return found


def _known(name: str) -> bool:
    asked = calls.GetBusinessServiceRequest(name=name)
    return calm(partial(backends().availability.GetBusinessService, asked), None) is not None


def _versions(name: str) -> list[calls.BusinessServiceVersion]:
    """All of them, the newest first."""
    found: list[calls.BusinessServiceVersion] = []
    token = ""
    while True:
        asked = calls.ListBusinessServiceVersionsRequest(name=name, page_size=200, page_token=token)
        page = calm(partial(backends().availability.ListBusinessServiceVersions, asked), None)
        if page is None:
            return found[::-1]
        found += page.versions
        if not (token := page.next_page_token):
            return found[::-1]


def _calendars(language: str) -> list[tuple[str, str]]:
    asked = sla_service_pb2.ListCalendarsRequest(page_size=_CHOICES)
    answer = calm(partial(backends().sla.ListCalendars, asked), None)
    return (
        [(one.name, one.display_names.get(language) or last_part(one.name)) for one in answer.calendars]
        if answer
        else []
    )


def _models() -> list[tuple[str, str]]:
    """Models of what business loses; gains value something else."""
    asked = metrics_service_pb2.ListCostModelsRequest(page_size=_CHOICES)
    answer = calm(partial(backends().metrics.ListCostModels, asked), None)
    fitting = [one for one in answer.cost_models if one.type != metrics_pb2.COST_MODEL_TYPE_GAIN] if answer else []
    return [(one.name, last_part(one.name)) for one in fitting]


def _seen(now: datetime) -> list[str]:
    """The services whose spans came in the last day."""
    asked = metrics_service_pb2.ListServiceAvailabilityRequest(period=_back(now, _DAY))
    answer = calm(partial(backends().metrics.ListServiceAvailability, asked), None)
    return [one.service for one in answer.services] if answer else []


def _back(end: datetime, length: timedelta) -> interval_pb2.Interval:
    period = interval_pb2.Interval()
    period.start_time.FromDatetime(end - length)
    period.end_time.FromDatetime(end)
    return period


def _may_edit() -> bool:
    return bool(set(EDITORS) & set(g.person.roles))
