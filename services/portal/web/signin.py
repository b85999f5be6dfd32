"""Signing in with a local account, and out."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from throughline.portal.v1 import people_service_pb2

from services.portal.web import navigation, session
from services.portal.web.backends import backends, new_request_id
from services.portal.web.problems import STATUS, said
from services.portal.web.profile import profile
from services.runtime.client import acting
from services.runtime.refusal import Kind, Refusal

blueprint = Blueprint("signin", __name__)


def inner(path: str) -> str:
    """A path of this site, "" for anything else: nobody is led away by a forged `next`."""
    target = urlsplit(path)
    if target.scheme or target.netloc or not path.startswith("/") or path[1:2] in ("/", "\\") or "\\" in path:
        return ""
    return path if path.isprintable() else ""


@blueprint.get("/sign-in")
def page() -> ResponseReturnValue:
    """The form; who is signed in already goes on."""
    if g.person is not None:
        return redirect(inner(request.args.get("next", "")) or navigation.landing(g.person.roles, profile().places))
    return render_template("sign_in.html", next=inner(request.args.get("next", "")), account="", error="")


@blueprint.post("/sign-in")
def sign_in() -> ResponseReturnValue:
    """Proves the password; a new session id each time."""
    target = inner(request.form.get("next", ""))
    account = request.form.get("account", "")
    try:
        # Sessions are the portal's own business, also when somebody is signed in already.
        with acting(""):
            begun = backends().people.SignIn(
                people_service_pb2.SignInRequest(
                    request_id=new_request_id(),
                    account=account,
                    password=request.form.get("password", ""),
                    client_address=request.remote_addr or "",
                )
            )
    except Refusal as refusal:
        if refusal.kind is Kind.UNAVAILABLE:
            raise
        status = STATUS[refusal.kind]
        shown = render_template("sign_in.html", next=target, account=account, error=said(refusal))
        return shown, status
    response = redirect(target or navigation.landing(begun.person.roles, profile().places), 303)
    session.keep(response, begun.token)
    return response


@blueprint.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    """Ends the session on the server, then the cookie."""
    if g.token:
        session.sessions().forget(g.token)
        with acting(""):
            backends().people.SignOut(people_service_pb2.SignOutRequest(request_id=new_request_id(), token=g.token))
    response = redirect(url_for("signin.page"), 303)
    session.drop(response)
    return response
