"""The way in four stages: where the installation is, what the data say of leaving it, and what each has brought."""

from __future__ import annotations

from flask import Blueprint, abort, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from throughline.metrics.v1 import governance_service_pb2 as calls

from services.portal.web import formats, later_stage
from services.portal.web.backends import backends, calm, new_request_id
from services.portal.web.cost_models import READERS
from services.portal.web.names import names
from services.portal.web.own import count_own
from services.portal.web.problems import STATUS, said
from services.portal.web.profile import profile
from services.portal.web.session import with_roles
from services.portal.web.shown import reuse as reuse_shown
from services.portal.web.shown import roadmap as shown
from services.portal.web.shown.reader import instant, reader
from services.runtime.refusal import Refusal

blueprint = Blueprint("roadmap", __name__, url_prefix="/roadmap")

EDITORS = ("executive", "administrator")


@blueprint.get("")
@with_roles(*READERS)
def page() -> ResponseReturnValue:
    """Four stages with their criteria."""
    return _page({})


@blueprint.post("")
@with_roles(*EDITORS)
def enter() -> ResponseReturnValue:
    """Says which stage the installation is in."""
    stage = shown.STAGES.get(request.form.get("stage", ""))
    if stage is None:
        abort(400)
    asked = calls.EnterStageRequest(
        request_id=request.form.get("request_id", ""), stage=stage, note=request.form.get("note", "").strip()
    )
    try:
        backends().governance.EnterStage(asked)
    except Refusal as refusal:
        return _page({refusal.field: said(refusal)}, STATUS[refusal.kind])
    flash(gettext("The stage is entered."), "success")
    return redirect(url_for(".page"), 303)


def _page(errors: dict[str, str], status: int = 200) -> ResponseReturnValue:
    found, now = backends().governance.GetRoadmap(calls.GetRoadmapRequest()), reader()
    names().people([one.actor for one in found.stages])
    asked = calls.GetReuseRequest(time_zone=str(now.zone))
    reuse = calm(lambda: backends().governance.GetReuse(asked), None)
    count_own()
    today = now.now.astimezone(now.zone).date()
    first, last = (
        formats.day(instant(at), now.language, now.zone, today)
        for at in (found.period.start_time, found.period.end_time)
    )
    html = render_template(
        "board_roadmap.html",
        stages=shown.stages(found, now),
        known=bool(found.stage),
        in_force=later_stage.told(profile().in_force),
        agrees=not found.stage or int(found.stage) == profile().in_force.value,
        administers="administrator" in g.person.roles,
        choices=shown.choices(found, now.language),
        reuse=reuse_shown.card(reuse, now) if reuse is not None else None,
        measured=formats.span(first, last, now.language),
        may_enter=bool(set(EDITORS) & set(g.person.roles)),
        given=request.form,
        errors=errors,
        request_id=new_request_id(),
    )
    return html, status
