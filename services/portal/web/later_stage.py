"""The answer to an address that a later stage brings: which one, what the stage in force lacks, where that is read."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import Flask, Response, g, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from throughline.metrics.v1 import governance_pb2
from throughline.metrics.v1 import governance_service_pb2 as calls

from services.portal.web import i18n, profile, stages
from services.portal.web.backends import backends, calm
from services.portal.web.navigation import PLACES, SERVICE_READERS
from services.portal.web.own import count_own
from services.portal.web.problems import is_rest, problem
from services.portal.web.shown import roadmap as shown
from services.portal.web.stages import Stage

_STATUS = 403


def register(app: Flask, in_force: Stage) -> None:
    """Refuses what a later stage brings, pages as a page and resources as a problem."""
    profile.keep(app, in_force)

    @app.before_request
    def guard() -> ResponseReturnValue | None:
        rule = request.url_rule
        # Whoever is not signed in learns to sign in first.
        if rule is None or g.get("person") is None or profile.in_stage(rule.endpoint):
            return None
        kept = profile.profile()
        answer = _refused if is_rest() else _page
        return answer(kept.brought_by(rule.endpoint), kept.in_force)


def told(stage: Stage) -> dict[str, Any]:
    """A stage as pages name it: its number, and its name in the reader's language."""
    return {"number": stage.value, "name": str(gettext(stages.NAMES[stage]))}


def _refused(stage: Stage, in_force: Stage) -> Response:
    return problem(
        _STATUS,
        "STAGE_LATER",
        f"This comes with stage {stage.value}; the installation is in stage {in_force.value}. "
        "GET /api/v1/roadmap says what that one still lacks.",
        stage=stage.value,
        stage_in_force=in_force.value,
    )


def _page(stage: Stage, in_force: Stage) -> ResponseReturnValue:
    count_own()
    reads = not SERVICE_READERS.isdisjoint(g.person.roles)
    found: governance_pb2.Roadmap | None = None
    if reads:
        found = calm(partial(backends().governance.GetRoadmap, calls.GetRoadmapRequest()), None)
    html = render_template(
        "later_stage.html",
        what=_called(),
        stage=told(stage),
        in_force=told(in_force),
        reads=reads,
        missing=None if found is None else shown.missing(found, in_force, i18n.language()),
    )
    return html, _STATUS


def _called() -> str:
    """What the menu calls the page that was asked for, or the one that it lies under; "" when the menu has neither."""
    above = [one for one in PLACES if one.path != "/" and f"{request.path}/".startswith(f"{one.path}/")]
    return str(gettext(max(above, key=lambda one: len(one.path)).label)) if above else ""
