"""Signing in and out: a token for the Authorization header."""

from __future__ import annotations

from flask import g, request
from flask.typing import ResponseReturnValue
from throughline.portal.v1 import people_service_pb2

from services.portal.web import session
from services.portal.web.backends import backends, new_request_id
from services.portal.web.rest import contract
from services.portal.web.rest.routes import Route, body, told
from services.runtime.client import acting


def sign_in() -> ResponseReturnValue:
    """Proves the password; the token is told once."""
    asked = people_service_pb2.SignInRequest()
    contract.from_json(body(), asked, without=("request_id", "client_address"))
    asked.request_id = new_request_id()
    asked.client_address = request.remote_addr or ""
    # Sessions are the portal's own business, whoever sends the request.
    with acting(""):
        return told(backends().people.SignIn(asked), 201)


def sign_out() -> ResponseReturnValue:
    """Ends the session of the token."""
    session.sessions().forget(g.token)
    with acting(""):
        backends().people.SignOut(people_service_pb2.SignOutRequest(request_id=new_request_id(), token=g.token))
    return "", 204


_CREDENTIALS = {
    "application/json": {
        "type": "object",
        "properties": {
            "account": {"type": "string", "minLength": 1, "maxLength": 200},
            "password": {"type": "string", "minLength": 1, "maxLength": 200, "format": "password"},
        },
        "required": ["account", "password"],
        "additionalProperties": False,
    }
}

ROUTES = (
    Route("POST", "/session", "people", "SignIn", "Sign in; the answer holds the token", 201, view=sign_in,
          body=_CREDENTIALS, open=True),
    Route("DELETE", "/session", "people", "SignOut", "Sign out", 204, view=sign_out, answer=""),
)  # fmt: skip
