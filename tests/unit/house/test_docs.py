"""What the documents say can be done: their commands exist, their links lead somewhere, both READMEs are one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from typer.main import get_command

from tests.support import house
from tool.__main__ import app

ROOT = Path(__file__).resolve().parents[3]
READMES = ("README.md", "README.zh-CN.md")

_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
# A command stands in backticks or begins a line of a block.
_MAKE = re.compile(r"(?:`|^)make ([a-z][a-z0-9-]*)", re.MULTILINE)
_TL = re.compile(r"\./tl ([a-z]+)(?: ([a-z]+))?")


def _documents() -> list[str]:
    return sorted(str(path.relative_to(ROOT)) for path in house.files(ROOT) if path.suffix == ".md")


def _text(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def _broken(name: str, text: str) -> Iterator[str]:
    """Links of a document that lead to no file of the tree; others are not followed."""
    for link in _LINK.findall(_FENCE.sub("", text)):
        target = unquote(link.partition("#")[0])
        if target and "://" not in target and not (ROOT / name).parent.joinpath(target).exists():
            yield link


def _unknown_targets(text: str) -> set[str]:
    targets = set(re.findall(r"^([a-z][a-z0-9-]*):", _text("Makefile"), re.MULTILINE))
    return set(_MAKE.findall(text)) - targets


def _outline(text: str) -> list[str]:
    """The levels of its headings, and where its commands, pictures and tables stand among them."""
    return re.findall(r"^#+(?= )|^```|^!(?=\[)|^\|(?=-)", text, re.MULTILINE)


def _events(path: Path) -> set[str]:
    """The events of a contract: its messages, but for those that are a part of another."""
    text = path.read_text("utf-8")
    named = set(re.findall(r"^message (\w+)", text, re.MULTILINE))
    return named - set(re.findall(r"^  (?:repeated )?(\w+) \w+ = ", text, re.MULTILINE))


@pytest.mark.parametrize("name", _documents())
def test_every_link_leads_to_a_file(name: str) -> None:
    """A relative link of a document names something that is there."""
    assert list(_broken(name, _text(name))) == []


@pytest.mark.parametrize("name", _documents())
def test_every_make_command_exists(name: str) -> None:
    """A document that tells to type `make x` is right."""
    assert _unknown_targets(_text(name)) == set()


def test_every_tl_command_exists() -> None:
    """`./tl import incidents` and the others are commands of the tool."""
    commands = get_command(app).commands  # type: ignore[attr-defined]  # a group has them
    told = {pair for name in _documents() for pair in _TL.findall(_text(name))}
    known = {(name, "") for name in commands} | {
        (name, below) for name, group in commands.items() for below in getattr(group, "commands", {})
    }

    assert {(first, second) if (first, second) in known else (first, "") for first, second in told} <= known
    assert ("import", "incidents") in told


def test_both_readmes_say_the_same_things_in_the_same_order() -> None:
    """As many headings of each level, commands, pictures and tables, in one order; and the same commands and links."""
    english, chinese = map(_text, READMES)

    assert _outline(english) == _outline(chinese)
    assert _FENCE.findall(english) == _FENCE.findall(chinese)
    assert set(_LINK.findall(english)) - set(READMES) == set(_LINK.findall(chinese)) - set(READMES)


def test_the_map_names_every_event_and_no_other() -> None:
    """The events on the map are those of the contracts, stream by stream."""
    told = {
        stream: set(re.findall(r"`([A-Z][A-Za-z]+)`", events))
        for stream, events in re.findall(r"^\| `([a-z]+)` \| (`[A-Z].*)\|$", _text("docs/map.md"), re.MULTILINE)
    }

    published: dict[str, set[str]] = {}
    for path in (ROOT / "proto" / "throughline").rglob("*events.proto"):
        published.setdefault(path.parts[-3], set()).update(_events(path))
    assert told == published


def test_every_measure_that_a_runbook_names_is_measured() -> None:
    """What Prometheus calls `..._total` or `..._seconds` is an instrument of a service or of the runtime."""
    named = {
        measure
        for page in (ROOT / "docs" / "operations").glob("*.md")
        for measure in re.findall(r"`(throughline_[a-z_]+)", page.read_text("utf-8"))
    }
    code = "".join(path.read_text("utf-8") for path in (ROOT / "services").rglob("*.py"))
    instruments = set(re.findall(r"\"(throughline_[a-z_]+)\"", code))

    assert len(named) >= 4
    assert {one.removesuffix("_total").removesuffix("_seconds") for one in named} <= instruments


def test_a_wrong_link_and_a_wrong_command_are_found() -> None:
    """The checks can fail: a file that is not there, a target that is none."""
    assert list(_broken("docs/map.md", "[a](../README.md) [b](nowhere.md) `[c](x.md)`")) == ["nowhere.md", "x.md"]
    assert _unknown_targets("`make run`, then\nmake dinner") == {"dinner"}
