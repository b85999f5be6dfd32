"""Escalation plans in sentences, with what each would tell now; and the button that takes a ticket in hand."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

from flask import Blueprint, abort, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from throughline.sla.v1 import escalation_pb2
from throughline.sla.v1 import escalation_service_pb2 as calls
from throughline.tickets.v1 import ticket_pb2

from services.portal.web.backends import backends, calm, new_request_id
from services.portal.web.names import names
from services.portal.web.navigation import DESK
from services.portal.web.session import with_roles
from services.portal.web.shown import escalation as shown
from services.portal.web.shown.reader import Reader, reader

blueprint = Blueprint("escalations", __name__)

ADMINISTRATORS = ("administrator",)
READERS = ("lead", *ADMINISTRATORS)
_NUMBER = re.compile(r"(?:INC|REQ)-[0-9]{6,12}")
_HOURS = (1, 4, 24)
_PAGE = 200


@blueprint.get("/escalation-plans")
@with_roles(*READERS)
def page() -> ResponseReturnValue:
    """Every plan, in the order in which they are tried."""
    told = knowing_rotas(reader())
    answer = backends().escalations.ListEscalationPlans(calls.ListEscalationPlansRequest(page_size=_PAGE))
    _ask_names(answer.plans)
    plans = [shown.plan(one, told) for one in answer.plans]
    return render_template("escalation_plans.html", plans=plans, may_edit=_may_edit())


@blueprint.get("/escalation-plans/<plan>")
@with_roles(*READERS)
def one(plan: str) -> ResponseReturnValue:
    """One plan, and what it would tell for a ticket that is opened now."""
    told = knowing_rotas(reader())
    found = backends().escalations.GetEscalationPlan(calls.GetEscalationPlanRequest(name=f"escalationPlans/{plan}"))
    _ask_names([found])
    priority = _priority(found)
    kinds = list(found.match.types) or [ticket_pb2.TICKET_TYPE_INCIDENT]
    asked = calls.PreviewEscalationRequest(
        type=kinds[0],
        priority=priority,
        service=found.match.services[0] if found.match.services else "",
        team=found.match.teams[0] if found.match.teams else any_team(),
        plan=found.name,
    )
    answer = calm(partial(backends().escalations.PreviewEscalation, asked), None)
    return render_template(
        "escalation_plan.html",
        plan=shown.plan(found, told),
        preview=None if answer is None else shown.preview(answer, told),
        priority=priority,
        priorities=_priorities(found),
        team=told.called(asked.team) if asked.team else "",
        now=told.clock(told.now),
        may_edit=_may_edit(),
        may_retire=not found.retired and _may_edit(),
        etag=found.etag,
        request_id=new_request_id(),
    )


@blueprint.post("/escalation-plans/<plan>/retire")
@with_roles(*ADMINISTRATORS)
def retire(plan: str) -> ResponseReturnValue:
    """Lets no further ticket take the plan."""
    asked = calls.RetireEscalationPlanRequest(
        name=f"escalationPlans/{plan}",
        request_id=request.form.get("request_id", ""),
        etag=request.form.get("etag", ""),
    )
    backends().escalations.RetireEscalationPlan(asked)
    flash(gettext("Retired. Tickets that have taken it keep it."), "success")
    return redirect(url_for(".one", plan=plan), 303)


@blueprint.post("/queue/<number>/acknowledge")
@with_roles(*DESK)
def acknowledge(number: str) -> ResponseReturnValue:
    """Takes a ticket in hand: for some hours, or until a promise breaks anew."""
    if not _NUMBER.fullmatch(number):
        abort(404)
    asked = calls.AcknowledgeEscalationRequest(
        ticket=f"tickets/{number}",
        request_id=request.form.get("request_id", ""),
        note=request.form.get("note", "").strip(),
    )
    hours = request.form.get("hours", "")
    if hours in {str(one) for one in _HOURS}:
        asked.until_time.FromDatetime(reader().now + timedelta(hours=int(hours)))
    backends().escalations.AcknowledgeEscalation(asked)
    return redirect(url_for("queue.ticket", number=number, list=request.form.get("list") or None), 303)


def panel(ticket: str, told: Reader) -> dict[str, Any] | None:
    """The chain of a ticket for the page that shows it; None when there is none or nobody can be asked."""
    asked = calls.GetEscalationRequest(ticket=ticket)
    chain: escalation_pb2.Escalation | None = calm(partial(backends().escalations.GetEscalation, asked), None)
    if chain is not None:
        names().people([chain.acknowledgement.person])
    made = shown.panel(chain, told)
    if made is not None:
        made["hours"] = [("breach", gettext("until a promise breaks anew"))] + [
            (str(one), gettext("for %(time)s", time=told.length(timedelta(hours=one)))) for one in _HOURS
        ]
        made["request_id"] = new_request_id()
    return made


def _priorities(found: escalation_pb2.EscalationPlan) -> list[int]:
    return [one for one in found.match.priorities if one] or [1, 2, 3, 4]


def _priority(found: escalation_pb2.EscalationPlan) -> int:
    """The priority that is asked for, else the first that the plan is for."""
    asked = request.args.get("priority", "")
    known = _priorities(found)
    return int(asked) if asked in {str(one) for one in known} else known[0]


def any_team() -> str:
    """A team to preview with: the reader's own, else the first of all."""
    known = sorted(name for name, team in names().teams().items() if not team.retired)
    return next(iter([*g.person.teams, *known]), "")


def knowing_rotas(told: Reader) -> Reader:
    """A reader who is told the names of rotas too."""
    asked = calls.ListRotasRequest(page_size=_PAGE)
    answer = calm(partial(backends().escalations.ListRotas, asked), calls.ListRotasResponse())
    rotas = {one.name: shown.named(one.display_names, one.name, told) for one in answer.rotas}
    return replace(told, tell=lambda reference: rotas.get(reference) or told.tell(reference))


def _may_edit() -> bool:
    return bool(set(ADMINISTRATORS) & set(g.person.roles))


def _ask_names(plans: Any) -> None:
    names().people(to.name for one in plans for step in one.steps for to in step.recipients)
