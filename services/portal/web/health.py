"""Whether the process lives, and whether it can serve: the latter asks nobody else, so one outage stays one."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def live() -> ResponseReturnValue:
    """The worker answers."""
    return "ok\n", 200, {"Content-Type": "text/plain; charset=utf-8"}


@blueprint.get("/readyz")
def ready() -> ResponseReturnValue:
    """Pages are ready as soon as the worker is: what a service cannot answer is shown in its place on the page."""
    return "ok\n", 200, {"Content-Type": "text/plain; charset=utf-8"}
