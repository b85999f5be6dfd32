"""Every reason for a refusal, from docs/reasons/*.toml: docs/reasons.md and the portal's catalogues are made from it.

`python -m deploy.local.reasons` writes them; with --check it only says which of them are out of date.
"""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "docs" / "reasons"
PAGE = ROOT / "docs" / "reasons.md"
CATALOGUES = ROOT / "services" / "portal" / "web" / "translations"
SHARED = "runtime"
_FIELDS = ("when", "when_zh", "do", "do_zh")
_HEAD = """\
# Made from docs/reasons/*.toml by deploy/local/reasons.py; change those.
msgid ""
msgstr ""
"Language: {language}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=UTF-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something is refused, and what to do about it. owner: the service that gives it, or "runtime" for all."""

    name: str
    owner: str
    when: str
    when_zh: str
    do: str
    do_zh: str


def documented(folder: Path = SOURCES) -> list[Reason]:
    """Every documented reason, by owner and name.

    Raises:
        SystemExit: an entry is incomplete, or two entries are of one name.
    """
    found: dict[str, Reason] = {}
    for path in sorted(folder.glob("*.toml")):
        for entry in tomllib.loads(path.read_text()).get("reason", []):
            reason = _reason(entry, path)
            if reason.name in found:
                owner = found[reason.name].owner
                raise SystemExit(f"{path.name}: {reason.name} stands in {owner}.toml too; {SHARED}.toml is for both")
            found[reason.name] = reason
    return sorted(found.values(), key=lambda one: (one.owner != SHARED, one.owner, one.name))


def page(reasons: Iterable[Reason]) -> str:
    """docs/reasons.md."""
    lines = [
        "<!-- Made from docs/reasons/*.toml by deploy/local/reasons.py; change those. -->",
        "# Reasons for refusals",
        "",
        "A refused call says why by one of these words: in `google.rpc.ErrorInfo.reason` over gRPC, in `title` of the",
        "problem over REST, in the reader's own language on a page. Nothing has changed when a call is refused.",
    ]
    owner = ""
    for one in reasons:
        if one.owner != owner:
            owner = one.owner
            heading = "Every service" if owner == SHARED else owner.capitalize()
            lines += ["", f"## {heading}", "", "| Reason | When | What to do |", "|---|---|---|"]
        lines.append(f'| <a id="{one.name}"></a>`{one.name}` | {_cell(one.when)} | {_cell(one.do)} |')
    return "\n".join(lines) + "\n"


def catalogue(reasons: Iterable[Reason], language: str) -> str:
    """The portal's catalogue of one language: reason.<NAME> says when, then what to do."""
    parts = [_HEAD.format(language=language)]
    for one in sorted(reasons, key=lambda each: each.name):
        text = one.when_zh + one.do_zh if language == "zh" else f"{one.when} {one.do}"
        parts.append(f'msgid "reason.{one.name}"\nmsgstr {_quoted(text)}\n')
    return "\n".join(parts)


def made(reasons: list[Reason]) -> Mapping[Path, str]:
    """Every generated file with its content."""
    catalogues = {CATALOGUES / language / "reasons.po": catalogue(reasons, language) for language in ("zh", "en")}
    return {PAGE: page(reasons), **catalogues}


def stale() -> list[Path]:
    """The generated files that do not say what the documentation says."""
    return [path for path, text in made(documented()).items() if not path.is_file() or path.read_text() != text]


def main() -> None:
    """Writes the generated files, or with --check fails when one is out of date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say what is out of date")
    if parser.parse_args().check:
        names = [str(path.relative_to(ROOT)) for path in stale()]
        if names:
            raise SystemExit(f"Out of date: {', '.join(names)}. Run python -m deploy.local.reasons.")
        return
    for path, text in made(documented()).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        print(path.relative_to(ROOT))


def _reason(entry: Mapping[str, str], path: Path) -> Reason:
    name = entry.get("reason", "")
    missing = [field for field in _FIELDS if not entry.get(field, "").strip()]
    if not name or missing:
        raise SystemExit(f"{path.name}: {name or 'an entry without a name'} lacks {', '.join(missing) or 'its name'}")
    return Reason(name, path.stem, *(entry[field].strip() for field in _FIELDS))


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


if __name__ == "__main__":
    main()
