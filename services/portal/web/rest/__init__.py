"""The interface for programs, /api/v1: the portal's translation of the services' own calls into JSON over HTTP."""

from __future__ import annotations

from flask import Blueprint, Flask, g, jsonify, request
from flask.typing import ResponseReturnValue
from flask_wtf import CSRFProtect
from flask_wtf.csrf import CSRFError

from services.portal.web.problems import problem
from services.portal.web.rest import (
    articles,
    board,
    calendars,
    changes,
    escalations,
    governance,
    journeys,
    judgements,
    ledger,
    openapi,
    people,
    policies,
    reports,
    routes,
    services,
    session,
    sla,
    tickets,
)
from services.portal.web.session import bearer
from services.runtime.refusal import Refusal

VERSION = "1"
ROUTES = (
    *session.ROUTES,
    *tickets.ROUTES,
    *journeys.ROUTES,
    *sla.ROUTES,
    *escalations.ROUTES,
    *calendars.ROUTES,
    *judgements.ROUTES,
    *policies.ROUTES,
    *articles.ROUTES,
    *changes.ROUTES,
    *people.ROUTES,
    *board.ROUTES,
    *services.ROUTES,
    *ledger.ROUTES,
    *governance.ROUTES,
    *reports.ROUTES,
)
_OPEN = frozenset({"rest.sign_in", "rest.description"})
_UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})


def register(app: Flask, csrf: CSRFProtect) -> None:
    """Adds the interface. A bearer token is enough; a page's cookie also needs the page's token for changes."""
    blueprint = Blueprint("rest", __name__, url_prefix="/api/v1")
    csrf.exempt(blueprint)
    described = openapi.document((*ROUTES, people.ME), VERSION)

    @blueprint.before_request
    def known() -> ResponseReturnValue | None:
        if request.endpoint in _OPEN:
            return None
        if g.person is None:
            answer = problem(401, "UNAUTHENTICATED", "Sign in at /api/v1/session and send the token as Bearer.")
            answer.headers["WWW-Authenticate"] = "Bearer"
            return answer
        if request.method in _UNSAFE and not bearer():
            try:
                csrf.protect()
            except CSRFError:
                raise Refusal.forbidden(
                    "CSRF_TOKEN_REQUIRED",
                    "Send the page's token as X-CSRFToken, or a bearer token.",
                ) from None
        return None

    @blueprint.get("/openapi.json")
    def description() -> ResponseReturnValue:
        """What can be asked, in OpenAPI 3.1."""
        return jsonify(described)

    routes.mount(blueprint, ROUTES)
    blueprint.add_url_rule(people.ME.path, "me", people.me)
    app.register_blueprint(blueprint)
