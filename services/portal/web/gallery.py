"""The gallery: every component of the portal on pages of invented data, in both languages. It reads nothing."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Flask, abort, render_template

from services.portal.web import i18n, shell

blueprint = Blueprint("gallery", __name__, url_prefix="/gallery")
PAGES = ("components", "home", "ticket", "workspace", "board", "change", "forms")


POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def say(zh: str, en: str) -> str:
    """The one of two invented texts that fits the reader."""
    return zh if i18n.language() == "zh" else en


def viewer() -> shell.Viewer:
    """The invented reader of the gallery, who holds every role."""
    return shell.Viewer(
        name=say("苏晚晴", "Su Wanqing"),
        roles=frozenset({"requester", "agent", "change_manager", "finance"}),
        counts={"tickets": 3, "queue": 14, "changes": 7},
        company="Qihe Retail",
        company_zh="栖禾零售",
    )


@blueprint.context_processor
def words() -> dict[str, Any]:
    """Gives the gallery's templates `t(zh, en)` and the list of its pages."""
    return {"t": say, "gallery_pages": PAGES}


@blueprint.get("")
def components() -> str:
    """All components and their states on one page."""
    return render_template("gallery/components.html")


@blueprint.get("/<page>")
def page(page: str) -> str:
    """One page of the design, whole."""
    if page not in PAGES:
        abort(404)
    return render_template(f"gallery/{page}.html")


def create_gallery_app() -> Flask:
    """An app of the gallery alone, under the content policy of the portal; for looking and for tests."""
    app = Flask("services.portal.web", root_path=str(i18n.CATALOGUES.parent))
    shell.register(app, viewer)
    app.register_blueprint(blueprint)

    @app.after_request
    def strict(response: Any) -> Any:
        response.headers["Content-Security-Policy"] = POLICY
        return response

    return app
