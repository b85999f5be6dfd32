"""Languages of the portal: which one a reader gets, and the catalogues read from .po files at start.

A catalogue is the union of `translations/<language>/*.po`: every page owns its file. Nothing is compiled to disk.
"""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from flask import Flask, has_app_context, has_request_context, request
from flask_babel import Babel, Domain, get_locale

LANGUAGES: Mapping[str, str] = {"zh": "中文", "en": "English"}
TAGS: Mapping[str, str] = {"zh": "zh-CN", "en": "en"}
COOKIE = "tl_lang"
CATALOGUES = Path(__file__).parent.parent / "translations"


def read_catalogue(directory: Path, language: str) -> Translations:
    """All messages of one language, merged from every .po file of its folder."""
    merged = Catalog(locale=language)
    for path in _files(directory, language):
        for message in _read(path, language):
            if message.id and message.string:
                merged.add(message.id, message.string, flags=message.flags, context=message.context)
    compiled = BytesIO()
    write_mo(compiled, merged)
    compiled.seek(0)
    return Translations(compiled)


def clashes(directory: Path, language: str) -> list[str]:
    """Messages that two files of one language translate differently; which text wins would be chance."""
    seen: dict[tuple[object, object], tuple[object, str]] = {}
    found = []
    for path in _files(directory, language):
        for message in _read(path, language):
            if message.id and message.string:
                text, owner = seen.setdefault((message.context, message.id), (message.string, path.name))
                if text != message.string:
                    found.append(f"{path.name} and {owner}: {message.id!r}")
    return found


def _files(directory: Path, language: str) -> list[Path]:
    return sorted((directory / language).glob("*.po"))


def _read(path: Path, language: str) -> Catalog:
    with path.open("rb") as source:
        return read_po(source, locale=language)


class PoDomain(Domain):  # type: ignore[misc]  # the base has no types
    """A Flask-Babel domain whose messages come from memory instead of .mo files."""

    def __init__(self, directory: Path) -> None:
        super().__init__(translation_directories=str(directory))
        self._catalogues = {language: read_catalogue(directory, language) for language in LANGUAGES}

    def get_translations(self) -> NullTranslations:
        """The catalogue of the reader's language; outside a request the texts stay as written."""
        if not has_app_context():
            return NullTranslations()
        return self._catalogues[get_locale().language]


def language() -> str:
    """The reader's language: the cookie's, else the best of Accept-Language, else English."""
    if not has_request_context():
        return "en"
    chosen = request.cookies.get(COOKIE, "")
    return chosen if chosen in LANGUAGES else request.accept_languages.best_match(LANGUAGES) or "en"


def register(app: Flask) -> Babel:
    """Gives the app its two languages and Jinja its `_`, `gettext` and `ngettext`."""
    babel = Babel(app, default_locale="en", default_timezone="Asia/Shanghai", locale_selector=language)
    babel.domain_instance = PoDomain(CATALOGUES)
    return babel
