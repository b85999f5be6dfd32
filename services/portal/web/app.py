"""Puts the web process together: settings, keys, telemetry, session, pages, REST."""

from __future__ import annotations

import hashlib
from importlib import import_module
from typing import Any

from flask import Flask, abort, g, request
from flask_wtf import CSRFProtect
from opentelemetry import trace
from opentelemetry.propagate import extract
from opentelemetry.trace import SpanKind, Status, StatusCode
from secure import (
    CacheControl,
    ContentSecurityPolicy,
    CrossOriginOpenerPolicy,
    PermissionsPolicy,
    ReferrerPolicy,
    Secure,
    StrictTransportSecurity,
    XContentTypeOptions,
    XFrameOptions,
)
from werkzeug.middleware.proxy_fix import ProxyFix

from services.portal.web import counting, health, later_stage, names, problems, profile, session, shell, signin
from services.portal.web.backends import Backends
from services.portal.web.settings import WebSettings
from services.runtime.identity import Keys
from services.runtime.telemetry import set_up

# Each page module holds a `blueprint`; a new one is one line.
PAGES = (
    *("home", "submit", "my_tickets", "articles", "queue", "changes", "board"),
    *("rota", "rota_edit", "escalations", "escalations_edit"),
    "reports",
    *("business_services", "journeys", "problem_losses", "counting"),
    *("policies", "calendars", "judgements", "gallery"),
)
_UNTRACED = ("static", "health.live", "health.ready")
_LARGEST_REQUEST = 6 * 1024 * 1024


def create_app(settings: WebSettings | None = None) -> Flask:
    """The app of one gunicorn worker; channels and exporters are made here, after the fork."""
    told = settings or WebSettings.load("portal")
    keys = Keys(told.keys_dir, "portal")
    app = Flask(__name__, static_folder="static", template_folder="templates")
    # Derived, so that every replica signs forms alike and nobody must keep one more secret.
    _, signature = keys.sign_bytes(b"throughline portal forms")
    app.config.update(
        SECRET_KEY=hashlib.sha256(signature).digest(),
        SESSION_COOKIE_NAME="tl_form",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=told.secure_cookies,
        MAX_CONTENT_LENGTH=_LARGEST_REQUEST,
        MAX_FORM_PARTS=100,
        WTF_CSRF_TIME_LIMIT=12 * 3600,
        SEND_FILE_MAX_AGE_DEFAULT=3600,
    )
    app.extensions["throughline.settings"] = told
    telemetry = set_up(
        "portal-web",
        told.otlp_endpoint,
        keys=keys if told.otlp_signed else None,
        trace_ratio=told.trace_ratio,
        log_level=told.log_level,
    )
    app.extensions["throughline.backends"] = Backends(told, keys)
    if told.proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=told.proxies, x_proto=told.proxies, x_host=told.proxies)  # type: ignore[method-assign]  # Flask's own way
    _trace(app, telemetry.tracer)
    session.register(app, keys)
    csrf = CSRFProtect(app)
    problems.register(app)
    names.register(app)
    shell.register(app, lambda: _viewer(told))
    counting.register(app)
    app.register_blueprint(health.blueprint)
    app.register_blueprint(signin.blueprint)
    for name in PAGES:
        app.register_blueprint(import_module(f"services.portal.web.{name}").blueprint)
    _guard_gallery(app)
    rest = import_module("services.portal.web.rest")
    rest.register(app, csrf)
    later_stage.register(app, told.stage)
    _headers(app, told)
    return app


def _guard_gallery(app: Flask) -> None:
    """The gallery shows invented data: for those who build pages, not for those who read numbers."""

    @app.before_request
    def guard() -> None:
        person = g.get("person")
        if request.blueprint == "gallery" and (person is None or "administrator" not in person.roles):
            abort(404)


def _viewer(told: WebSettings) -> shell.Viewer | None:
    person = getattr(g, "person", None)
    if person is None:
        return None
    return shell.Viewer(
        name=person.display_name,
        roles=frozenset(person.roles),
        counts=getattr(g, "counts", {}),
        company=told.company,
        company_zh=told.company_zh,
        places=profile.profile().places,
    )


def _trace(app: Flask, tracer: trace.Tracer) -> None:
    """One SERVER span a request; static files and probes leave none."""

    @app.before_request
    def begin() -> None:
        if request.endpoint in _UNTRACED:
            return
        route = request.url_rule.rule if request.url_rule else "unmatched"
        attributes: dict[str, Any] = {"http.request.method": request.method, "http.route": route}
        span = tracer.start_as_current_span(
            f"{request.method} {route}", extract(dict(request.headers)), SpanKind.SERVER, attributes
        )
        g.span_scope, g.span = span, span.__enter__()

    @app.after_request
    def mark(response: Any) -> Any:
        span = g.get("span")
        if span is not None:
            span.set_attribute("http.response.status_code", response.status_code)
            if response.status_code >= 500:
                span.set_status(Status(StatusCode.ERROR))
        return response

    @app.teardown_request
    def end(_error: BaseException | None) -> None:
        scope = g.pop("span_scope", None)
        if scope is not None:
            scope.__exit__(None, None, None)


def _headers(app: Flask, told: WebSettings) -> None:
    """No script, style, font or picture from elsewhere, no frame around us; HSTS where cookies are secure too."""
    policy = (
        ContentSecurityPolicy()
        .default_src("'self'")
        .img_src("'self'", "data:")
        .object_src("'none'")
        .base_uri("'none'")
        .form_action("'self'")
        .frame_ancestors("'none'")
    )
    headers = Secure(
        csp=policy,
        coop=CrossOriginOpenerPolicy().same_origin(),
        hsts=StrictTransportSecurity().max_age(31_536_000) if told.secure_cookies else None,
        permissions=PermissionsPolicy().camera().microphone().geolocation(),
        referrer=ReferrerPolicy().same_origin(),
        xcto=XContentTypeOptions().nosniff(),
        xfo=XFrameOptions().deny(),
    )
    private = Secure(cache=CacheControl().no_store())

    @app.after_request
    def protect(response: Any) -> Any:
        own = response.headers.get("Content-Security-Policy")
        headers.set_headers(response)
        if own:
            # A view may be stricter, as for files that come from somebody else.
            response.headers["Content-Security-Policy"] = own
        if request.endpoint != "static":
            private.set_headers(response)
        return response
