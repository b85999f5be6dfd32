"""What surrounds every page: language, theme, menu and the reader. One call to `register` equips an app.

Two cookies hold the reader's choices: `tl_lang` (zh, en) and `tl_theme` (light, dark, auto), both set by a plain form.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Flask, redirect, request
from flask_babel import gettext
from werkzeug.wrappers import Response

from services.portal.web import formats, i18n, navigation

THEMES = ("auto", "light", "dark")
THEME_COOKIE = "tl_theme"
YEAR = 365 * 24 * 3600
blueprint = Blueprint("shell", __name__)


@dataclass(frozen=True, slots=True)
class Viewer:
    """The reader.

    counts: open items by navigation key. tint: the avatar's colour, one of ok, warn, pause, efficiency, experience.
    places: what the installation offers.
    """

    name: str
    roles: frozenset[str] = frozenset()
    counts: Mapping[str, int] = field(default_factory=dict)
    tint: str = "experience"
    company: str = ""
    company_zh: str = ""
    places: tuple[navigation.Place, ...] = navigation.PLACES


@dataclass(frozen=True, slots=True)
class Shell:
    """What the layouts read as `shell`."""

    language: str
    tag: str
    theme: str
    viewer: Viewer | None
    languages: Mapping[str, str]
    themes: tuple[str, ...]
    here: str

    @property
    def company(self) -> str:
        """The company's name in the reader's language."""
        if self.viewer is None:
            return ""
        return self.viewer.company_zh if self.language == "zh" and self.viewer.company_zh else self.viewer.company

    def menu(self, current: str = "") -> tuple[navigation.Group, ...]:
        """The menu of this reader; without a reader it is empty."""
        if self.viewer is None:
            return ()
        return navigation.groups(self.viewer.roles, current, self.viewer.counts, self.viewer.places)

    def commands(self) -> list[dict[str, str]]:
        """The menu as commands of the palette."""
        places = [entry.place for group in self.menu() for entry in group.entries]
        return [
            {
                "text": gettext(place.label),
                "icon": place.icon,
                "href": place.path,
                "keys": f"G {place.chord.upper()}" if place.chord else "",
            }
            for place in places
        ]

    def tabs(self, current: str = "") -> tuple[navigation.Entry, ...]:
        """The phone's bar of this reader."""
        return navigation.tabs(self.menu(current))


def initials(name: str) -> str:
    """What an avatar shows: the first sign of a Chinese name, else the first letters of first and last word."""
    words = name.split()
    if not words:
        return ""
    if not name[0].isascii():
        return name[0]
    return (words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper()


def theme() -> str:
    """The reader's theme from the cookie; anything unknown is auto."""
    chosen = request.cookies.get(THEME_COOKIE, "")
    return chosen if chosen in THEMES else "auto"


@blueprint.post("/appearance")
def appearance() -> Response:
    """Keeps the chosen language or theme for a year and returns to the page the form came from."""
    # Only the path is used, so that a forged `back` cannot lead to another site.
    target = urlsplit(request.form.get("back", "/"))
    path = "/" + target.path.replace("\\", "/").lstrip("/") + (f"?{target.query}" if target.query else "")
    response = redirect(path, 303)
    for cookie, allowed in ((i18n.COOKIE, tuple(i18n.LANGUAGES)), (THEME_COOKIE, THEMES)):
        chosen = request.form.get(cookie, "")
        if chosen in allowed:
            response.set_cookie(cookie, chosen, max_age=YEAR, samesite="Lax", secure=request.is_secure, httponly=True)
    return response


def register(app: Flask, viewer: Callable[[], Viewer | None]) -> None:
    """Gives `app` languages, formats, the appearance form and the template variable `shell`.

    viewer: the reader of the current request, or None when nobody is signed in.
    """
    i18n.register(app)
    formats.register(app)
    app.register_blueprint(blueprint)
    app.jinja_env.filters["initials"] = initials
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True

    _version_static(app)

    @app.context_processor
    def surroundings() -> dict[str, Any]:
        language = i18n.language()
        here = request.full_path.rstrip("?")
        return {
            "shell": Shell(language, i18n.TAGS[language], theme(), viewer(), i18n.LANGUAGES, THEMES, here),
        }


def _version_static(app: Flask) -> None:
    """Names the state of all static files in each of their addresses, so that they may be kept long and never mixed."""
    seen = hashlib.sha256()
    folder = Path(app.static_folder or "")
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            seen.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    version = seen.hexdigest()[:12]

    @app.url_defaults
    def stamp(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == "static":
            values.setdefault("v", version)
