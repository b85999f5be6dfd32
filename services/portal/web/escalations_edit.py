"""The form of escalation plans: says by whom and when somebody would be told before the plan holds for any ticket."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from throughline.sla.v1 import escalation_pb2, sla_pb2
from throughline.sla.v1 import escalation_service_pb2 as calls
from throughline.tickets.v1 import ticket_pb2

from services.portal.web import escalations_form as forms
from services.portal.web.backends import backends, calm, new_request_id
from services.portal.web.escalations import ADMINISTRATORS, any_team, knowing_rotas
from services.portal.web.names import names
from services.portal.web.previewed import Previewed
from services.portal.web.session import with_roles
from services.portal.web.shown import escalation as shown
from services.portal.web.shown import ticket as ticket_shown
from services.portal.web.shown import zones
from services.portal.web.shown.reader import Reader, last_part, reader

blueprint = Blueprint("escalations_edit", __name__, url_prefix="/escalation-plans")

_PAGE = 200


@blueprint.get("/new")
@with_roles(*ADMINISTRATORS)
def new() -> ResponseReturnValue:
    """The form of a plan that is not there yet: one step, to whoever has the ticket."""
    first = {"clock_s1": str(sla_pb2.CLOCK_KIND_RESOLUTION), "when_s1": "share", "amount_s1": "80"}
    own = {f"own_s1_{escalation_pb2.RECIPIENT_KIND_ASSIGNEE}": "yes"}
    return _form("", {"order": "100", "steps": "1", **first, **own}, {})


@blueprint.get("/<plan>/edit")
@with_roles(*ADMINISTRATORS)
def edit(plan: str) -> ResponseReturnValue:
    """The form of the latest version."""
    kept = _get(plan)
    return _form(plan, forms.typed(kept, reader()) | {"etag": kept.etag, "version": str(kept.version)}, {})


@blueprint.post("/new")
@with_roles(*ADMINISTRATORS)
def create() -> ResponseReturnValue:
    """Adds or removes a step, previews or publishes."""
    return _FORM.sent("")


@blueprint.post("/<plan>/edit")
@with_roles(*ADMINISTRATORS)
def update(plan: str) -> ResponseReturnValue:
    """Adds or removes a step, previews or publishes the next version."""
    return _FORM.sent(plan)


def _publish(known: str, given: Mapping[str, str], made: escalation_pb2.EscalationPlan) -> ResponseReturnValue:
    asked = calls.PublishEscalationPlanRequest(
        request_id=given.get("request_id", ""), plan=made, etag=given.get("etag", "") if known else ""
    )
    published = backends().escalations.PublishEscalationPlan(asked)
    flash(gettext("Published as version %(number)s.", number=published.version), "success")
    return redirect(url_for("escalations.one", plan=last_part(published.name)), 303)


def _form(
    known: str,
    given: Mapping[str, str],
    errors: Mapping[str, str],
    status: int = 200,
    *,
    preview: dict[str, Any] | None = None,
) -> ResponseReturnValue:
    told = reader()
    listed = calm(partial(backends().escalations.ListRotas, calls.ListRotasRequest(page_size=_PAGE)), None)
    rotas = listed.rotas if listed is not None else []
    teams = sorted(
        f"{told.called(name)} ({last_part(name)})" for name, team in names().teams().items() if not team.retired
    )
    html = render_template(
        "escalation_plan_form.html",
        known=known,
        given=given,
        errors=errors,
        numbers=range(1, forms.count(given) + 1),
        most=forms.STEPS,
        kinds=[(str(kind), shown.clock_words(kind)) for kind in forms.KINDS],
        whens=shown.whens(),
        own=[(kind, shown.recipient(escalation_pb2.StepRecipient(kind=kind), told)) for kind in forms.OWN],
        rotas=[(last_part(one.name), shown.named(one.display_names, one.name, told)) for one in rotas],
        teams=teams,
        priorities=[(one, f"P{one}" if one else str(gettext("Not sorted yet"))) for one in forms.PRIORITIES],
        types=[(one, ticket_shown.type_words(one)) for one in ticket_pb2.TicketType.values() if one],
        zones=zones.known(),
        zone=str(told.zone),
        preview=preview,
        version=int(given.get("version") or 0) + 1,
        request_id=given.get("request_id") or new_request_id(),
    )
    return html, status


def _preview(made: escalation_pb2.EscalationPlan, told: Reader) -> dict[str, Any]:
    """The plan in sentences, and for each of its priorities whom it would tell when."""
    match = made.match
    team = match.teams[0] if match.teams else any_team()
    tables = []
    for priority in [one for one in match.priorities if one] or [1, 2, 3, 4]:
        asked = calls.PreviewEscalationPlanRequest(
            plan=made,
            type=match.types[0] if match.types else ticket_pb2.TICKET_TYPE_INCIDENT,
            priority=priority,
            service=match.services[0] if match.services else "",
            team=team,
        )
        answer = backends().escalations.PreviewEscalationPlan(asked)
        tables.append({"priority": priority, **shown.preview(answer, told)})
    names().people(to.name for step in made.steps for to in step.recipients)
    return {
        "plan": shown.plan(made, told),
        "tables": tables,
        "team": told.called(team) if team else "",
        "now": told.clock(told.now),
    }


def _get(plan: str) -> escalation_pb2.EscalationPlan:
    asked = calls.GetEscalationPlanRequest(name=f"escalationPlans/{plan}")
    found: escalation_pb2.EscalationPlan = backends().escalations.GetEscalationPlan(asked)
    names().people(to.name for step in found.steps for to in step.recipients)
    return found


_FORM: Previewed[escalation_pb2.EscalationPlan] = Previewed(
    read=forms.plan,
    with_part=forms.with_step,
    without_part=forms.without_step,
    field_of=forms.field_of,
    form=_form,
    preview=lambda made: _preview(made, knowing_rotas(reader())),
    publish=_publish,
)
