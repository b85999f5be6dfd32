"""Who is signed in: the cookie, the session behind it, and the assertion that every call of a request carries."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Flask, Response, abort, current_app, g, redirect, request, url_for
from throughline.portal.v1 import people_pb2, people_service_pb2
from werkzeug.wrappers import Response as BaseResponse

from services.portal.web.backends import backends
from services.runtime import client
from services.runtime.actor import Actor
from services.runtime.identity import Keys
from services.runtime.refusal import Kind, Refusal

COOKIE = "tl_session"
# How long a session is believed without asking again: a disabled person is out within this time.
BELIEVED_SECONDS = 15.0
_REMEMBERED = 2_000


class Sessions:
    """Sessions that were asked for lately, per worker."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[float, people_pb2.Session]] = {}

    def find(self, token: str) -> people_pb2.Session | None:
        """The session behind a cookie; None when it has ended.

        Raises:
            Refusal: UNAVAILABLE, when nobody can say.
        """
        now = time.monotonic()
        kept = self._kept.get(token)
        if kept is not None and kept[0] > now:
            return kept[1]
        try:
            session = backends().people.GetSession(people_service_pb2.GetSessionRequest(token=token))
        except Refusal as refusal:
            self.forget(token)
            if refusal.kind in (Kind.UNAUTHENTICATED, Kind.INVALID):
                return None
            raise
        with self._lock:
            while len(self._kept) >= _REMEMBERED:
                del self._kept[next(iter(self._kept))]
            self._kept[token] = (now + BELIEVED_SECONDS, session)
        return session

    def forget(self, token: str) -> None:
        """Asks again the next time."""
        self._kept.pop(token, None)


def register(app: Flask, keys: Keys) -> None:
    """Puts the signed-in person into `g.person` (None when nobody is) and makes calls carry the assertion."""
    app.extensions["throughline.sessions"] = Sessions()

    @app.before_request
    def recognise() -> None:
        g.person = None
        g.token = ""
        if request.endpoint in ("static", "health.live", "health.ready"):
            return
        token = bearer() or request.cookies.get(COOKIE, "")
        session = sessions().find(token) if token else None
        if session is not None:
            g.person, g.token = session.person, token
            acting = client.acting(keys.sign_person(actor_of(session.person)))
            acting.__enter__()
            g.acting = acting

    @app.teardown_request
    def leave(_error: BaseException | None) -> None:
        acting = g.pop("acting", None)
        if acting is not None:
            acting.__exit__(None, None, None)


def sessions() -> Sessions:
    """The sessions of this worker."""
    found: Sessions = current_app.extensions["throughline.sessions"]
    return found


def bearer() -> str:
    """The session token of a REST call; "" when the request carries none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def actor_of(person: people_pb2.Person) -> Actor:
    """The person as the services know them."""
    return Actor(person.name, frozenset(person.roles), frozenset(person.teams), person.unit)


def signed_in(view: Callable[..., Any]) -> Callable[..., Any]:
    """A page that needs somebody: others are sent to sign in and come back afterwards."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        if g.person is None:
            here = request.full_path.rstrip("?") if request.method == "GET" else "/"
            return redirect(url_for("signin.page", next=here))
        return view(*args, **kwargs)

    guarded.__dict__["guarded"] = True
    return guarded


def with_roles(*roles: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A page for some roles; the services decide again, this only spares a page that would stay empty."""

    def guard(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            if g.person is not None and not set(roles) & set(g.person.roles):
                abort(403)
            return view(*args, **kwargs)

        return signed_in(guarded)

    return guard


def keep(response: Response | BaseResponse, token: str) -> None:
    """Sets the session's cookie; it ends with the browser, or with the session when that is sooner."""
    secure = bool(current_app.config["SESSION_COOKIE_SECURE"])
    response.set_cookie(COOKIE, token, httponly=True, samesite="Lax", secure=secure, path="/")


def drop(response: Response | BaseResponse) -> None:
    """Takes the cookie away."""
    response.delete_cookie(COOKIE, path="/")
