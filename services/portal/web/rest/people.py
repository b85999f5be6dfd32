"""People and teams, as everybody signed in sees them."""

from __future__ import annotations

from flask import g
from flask.typing import ResponseReturnValue

from services.portal.web.rest.routes import Route, told


def me() -> ResponseReturnValue:
    """Who is signed in."""
    return told(g.person)


ROUTES = (
    Route("GET", "/people", "people", "ListPeople", "People by team or by the start of a name"),
    Route("GET", "/people/{id}", "people", "GetPerson", "One person", binds={"name": "people/{id}"}),
    Route("GET", "/teams", "people", "ListTeams", "Teams"),
)
ME = Route("GET", "/people/me", "people", "GetPerson", "Who you are", binds={"name": ""}, view=me)
