"""What went wrong, for people as a page and for programs as application/problem+json (RFC 9457)."""

from __future__ import annotations

import math
from typing import Any

import structlog
from flask import Flask, Response, g, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_wtf.csrf import CSRFError
from opentelemetry import trace
from werkzeug.exceptions import HTTPException

from services.runtime.refusal import Kind, Refusal
from services.runtime.status import Refused

log = structlog.get_logger()

STATUS = {
    Kind.INVALID: 400,
    Kind.UNAUTHENTICATED: 401,
    Kind.FORBIDDEN: 403,
    Kind.NOT_FOUND: 404,
    Kind.EXISTS: 409,
    Kind.CONFLICT: 409,
    Kind.PRECONDITION: 409,
    Kind.EXHAUSTED: 429,
    Kind.UNAVAILABLE: 503,
}


def is_rest() -> bool:
    """Whether a program asked."""
    return request.path.startswith("/api/")


def trace_id() -> str:
    """The trace of this request, to copy into a message to the operators; "" when it is not traced."""
    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else ""


def said(refusal: Refusal) -> str:
    """The refusal in the reader's language: by its reason when that is translated, else the service's own sentence."""
    key = f"reason.{refusal.reason}"
    text = str(gettext(key))
    return refusal.message if text == key else text


def field_errors(refusal: Refusal) -> dict[str, str]:
    """The refusal by form field; "" holds what belongs to no field."""
    if isinstance(refusal, Refused) and refusal.violations:
        return {one.field: _broken(one.rule, one.description) for one in refusal.violations}
    return {refusal.field: said(refusal)}


def _broken(rule: str, description: str) -> str:
    key = f"rule.{rule}"
    text = str(gettext(key))
    return description if text == key else text


def problem(status: int, reason: str, detail: str, **more: Any) -> Response:
    """The RFC 9457 body."""
    body = {
        "type": f"/docs/reasons#{reason}",
        "title": reason,
        "status": status,
        "detail": detail,
        "instance": request.path,
        "trace_id": trace_id(),
        **more,
    }
    response = jsonify(body)
    response.status_code = status
    response.content_type = "application/problem+json"
    return response


def _page(status: int, text: str) -> tuple[str, int]:
    layout = "problem.html" if getattr(g, "person", None) is not None else "problem_plain.html"
    return render_template(layout, status=status, text=text, trace_id=trace_id()), status


def register(app: Flask) -> None:
    """Answers refusals, HTTP errors and faults; a fault is logged and never told in detail."""

    @app.errorhandler(Refusal)
    def refused(refusal: Refusal) -> ResponseReturnValue:
        status = STATUS[refusal.kind]
        headers = {}
        if refusal.retry_after is not None:
            headers["Retry-After"] = str(max(1, math.ceil(refusal.retry_after.total_seconds())))
        if is_rest():
            fields = [{"field": name, "detail": text} for name, text in field_errors(refusal).items() if name]
            answer = problem(status, refusal.reason, refusal.message, errors=fields)
            answer.headers.extend(headers)
            return answer
        return (*_page(status, said(refusal)), headers)

    @app.errorhandler(CSRFError)
    def forged(_error: CSRFError) -> ResponseReturnValue:
        return _page(403, gettext("The form is too old to be sent safely. Go back, reload the page and send it again."))

    @app.errorhandler(HTTPException)
    def failed(error: HTTPException) -> ResponseReturnValue:
        status = error.code or 500
        if is_rest():
            return problem(status, error.name.upper().replace(" ", "_"), error.description or error.name)
        return _page(status, "")

    @app.errorhandler(Exception)
    def broke(error: Exception) -> ResponseReturnValue:
        log.error("request failed", path=request.path, exc_info=error)
        if is_rest():
            return problem(500, "INTERNAL", "The portal failed; its operators find the trace in the log.")
        return _page(500, "")
