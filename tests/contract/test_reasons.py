"""Every reason that the code refuses by is documented and translated, and nothing is documented that never happens."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from deploy.local import reasons
from services.portal.web import i18n

SERVICES = reasons.ROOT / "services"
WORD = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|INTERNAL|UNAUTHENTICATED")
# What refuses, and where in its arguments the reason stands.
REFUSING = {
    **dict.fromkeys(("Refusal", "invalid", "cls", "problem", "_problem", "_park", "details", "_plain"), 1),
    **dict.fromkeys(("forbidden", "precondition", "conflict", "_refuse"), 0),
}


@cache
def trees() -> dict[str, ast.Module]:
    """The parsed modules of the services, by path."""
    return {str(path.relative_to(reasons.ROOT)): ast.parse(path.read_text()) for path in sorted(SERVICES.rglob("*.py"))}


def refusing_calls(tree: ast.Module) -> Iterator[ast.expr]:
    """The argument of each refusing call that is its reason."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        place = REFUSING.get(name)
        if place is not None and len(node.args) > place:
            yield node.args[place]


def words(tree: ast.AST) -> set[str]:
    """Every text of the tree that is spelt as a reason is."""
    texts = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str))
    return {text for text in texts if WORD.fullmatch(text)}


def raised() -> dict[str, str]:
    """Each reason with a module that refuses by it. Where a reason comes from a table, the table's words count."""
    found: dict[str, str] = {}
    for path, tree in trees().items():
        for argument in refusing_calls(tree):
            named = words(argument)
            if not named and isinstance(argument, ast.Name | ast.Subscript):
                named = _from_tables(tree)
            found.update(dict.fromkeys(named, path))
    return found


def _from_tables(tree: ast.Module) -> set[str]:
    """The reasons that stand first or second in tuples of the module."""
    tuples = (node for node in ast.walk(tree) if isinstance(node, ast.Tuple) and len(node.elts) > 1)
    heads = (part for one in tuples for part in one.elts[:2] if isinstance(part, ast.Constant))
    return {str(part.value) for part in heads if isinstance(part.value, str) and WORD.fullmatch(part.value)}


def test_every_reason_is_documented() -> None:
    """Nothing is refused by a word that docs/reasons does not explain."""
    known = {one.name for one in reasons.documented()}
    assert {name: path for name, path in raised().items() if name not in known} == {}


def test_nothing_is_documented_that_never_happens() -> None:
    """Each documented word stands in the code of the service that documents it."""
    happening = raised()
    spelt = {path: words(tree) for path, tree in trees().items()}
    silent = []
    for one in reasons.documented():
        folder = {"web": "services/portal/web/", reasons.SHARED: "services/"}.get(one.owner, f"services/{one.owner}/")
        if one.name not in happening or not any(one.name in spelt[path] for path in spelt if path.startswith(folder)):
            silent.append(one.name)
    assert silent == []


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_every_reason_is_translated(language: str) -> None:
    """The portal says each reason in both languages, and Chinese is not left in English."""
    catalogue = i18n.read_catalogue(i18n.CATALOGUES, language)
    told = {one.name: catalogue.gettext(f"reason.{one.name}") for one in reasons.documented()}
    assert [name for name, text in told.items() if text == f"reason.{name}"] == []
    if language == "zh":
        assert [name for name, text in told.items() if not re.search(r"[\u4e00-\u9fff]", text)] == []


def test_generated_files_are_current() -> None:
    """docs/reasons.md and both catalogues say what docs/reasons says."""
    assert [str(path.relative_to(reasons.ROOT)) for path in reasons.stale()] == []


def test_a_missing_word_is_seen(tmp_path: Path) -> None:
    """An entry without a Chinese text, or a word in two files, is refused with its name."""
    (tmp_path / "one.toml").write_text('[[reason]]\nreason = "A_B"\nwhen = "x"\nwhen_zh = "x"\ndo = "x"\ndo_zh = "x"\n')
    assert [one.name for one in reasons.documented(tmp_path)] == ["A_B"]
    (tmp_path / "two.toml").write_text((tmp_path / "one.toml").read_text())
    with pytest.raises(SystemExit, match="A_B"):
        reasons.documented(tmp_path)
    (tmp_path / "two.toml").write_text('[[reason]]\nreason = "C_D"\nwhen = "x"\ndo = "x"\n')
    with pytest.raises(SystemExit, match="C_D lacks when_zh, do_zh"):
        reasons.documented(tmp_path)
