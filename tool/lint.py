"""Reads a file of what is promised and says, by line, what is wrong with it; needs no system."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import protovalidate
import yaml
from google.protobuf.json_format import ParseDict, ParseError

from services.runtime.refusal import Refusal
from tool.configuration import KINDS, Kind

Path = tuple[str | int, ...]
_NAMED = re.compile(r'named "([^"]+)"|[Vv]alue "?([^\s"]+)"? for')
_STEP = re.compile(r"([A-Za-z_]\w*)|\[(\d+)\]")


class _Texts(yaml.SafeLoader):
    """Reads 18:00 and 2026-10-01 as the texts that they are here, not as a number of seconds and a date."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - as the library names it
        first: [(tag, pattern) for tag, pattern in found if not tag.endswith((":timestamp", ":int", ":float"))]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


_Texts.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"[-+]?(?:0|[1-9]\d*)$"), list("-+0123456789"))


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, where. line: from 1; 0 when the place is not known. fatal: it cannot be applied."""

    line: int
    where: str
    text: str
    fatal: bool = True

    def __str__(self) -> str:
        kind = "" if self.fatal else "note: "
        return f"{self.line or '-'}: {self.where}: {kind}{self.text}"


@dataclass(frozen=True, slots=True)
class File:
    """What a file says, kind by kind and item by item, and what is wrong with it. lines: of everything, by its path."""

    items: dict[str, dict[str, Any]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    lines: dict[Path, int] = field(default_factory=dict)

    @property
    def fit(self) -> bool:
        """Whether it can be applied."""
        return not any(one.fatal for one in self.faults)

    def fault(self, kind: Kind, name: str, refusal: Refusal) -> Fault:
        """Where in the file the reason of a refusal stands, the system's own too."""
        place = list(self.items.get(kind.key, {})).index(name)
        return _refused(refusal, name, (kind.key, place), self.lines)


def read(text: str) -> File:
    """Reads and judges a file without any system: its form, the contract's bounds, and the rules of the service."""
    try:
        document, node = yaml.load(text, Loader=_Texts), yaml.compose(text, Loader=_Texts)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        why = getattr(error, "problem", None) or str(error)
        return File(faults=[Fault(mark.line + 1 if mark else 0, "file", f"This is no YAML: {why}.")])
    if document is None:
        return File()
    lines = dict(_lines(node, ()))
    if not isinstance(document, dict):
        return File(faults=[Fault(1, "file", f"Begin with {' or '.join(one.key for one in KINDS)}.")])
    found = File(lines=lines)
    for key in document:
        if key not in {one.key for one in KINDS}:
            found.faults.append(Fault(lines.get((key,), 0), str(key), "Nothing of this kind is known here."))
    for kind in KINDS:
        _read_kind(kind, document.get(kind.key) or [], lines, found)
    names = {name for items in found.items.values() for name in items}
    for kind in KINDS:
        for at, one in enumerate(found.items.get(kind.key, {}).values()):
            found.faults.extend(_judged(kind, one, (kind.key, at), lines, names))
    for key in ("policies", "escalation_plans"):
        found.faults.extend(_shadowed(key, found.items.get(key, {}), lines))
    found.faults.sort(key=lambda one: one.line)
    return found


def _read_kind(kind: Kind, found: Any, lines: dict[Path, int], read: File) -> None:
    items = read.items.setdefault(kind.key, {})
    if not isinstance(found, list):
        read.faults.append(Fault(lines.get((kind.key,), 0), kind.key, "Give a list."))
        return
    for at, one in enumerate(found):
        path = (kind.key, at)
        try:
            message = ParseDict(one, kind.message())
        except ParseError as error:
            read.faults.append(Fault(_line(lines, path, str(error)), f"{kind.key}[{at}]", str(error)))
            continue
        name = message.name  # type: ignore[attr-defined]  # all kinds of the file have one
        if name in items:
            read.faults.append(Fault(lines.get((*path, "name"), 0), name, "This name stands here twice."))
        given = [each for each in kind.own if each in one]
        read.faults.extend(
            Fault(lines.get((*path, each), 0), f"{name}.{each}", "The system gives this itself: leave it out.")
            for each in given
        )
        items[name] = message


def _judged(kind: Kind, one: Any, path: Path, lines: dict[Path, int], names: set[str]) -> Iterator[Fault]:
    for violation in protovalidate.collect_violations(one):
        steps: Path = ()
        for element in violation.proto.field.elements if violation.proto.field is not None else ():
            steps += (element.field_name, *(() if element.subscript is None else (element.subscript.value,)))
        yield Fault(_deepest(lines, path + steps), _told(one.name, steps), violation.proto.message)
        return
    try:
        kind.judge(one, names)
    except Refusal as refusal:
        yield _refused(refusal, one.name, path, lines)


def _refused(refusal: Refusal, name: str, path: Path, lines: dict[Path, int]) -> Fault:
    """The field of a request as a place in the file: "policy.order" is that of the item."""
    steps = tuple(word or int(index) for word, index in _STEP.findall(refusal.field))[1:]
    return Fault(_deepest(lines, path + steps), _told(name, steps), f"{refusal.reason}: {refusal.message}")


def _shadowed(key: str, items: dict[str, Any], lines: dict[Path, int]) -> Iterator[Fault]:
    """Policies, or plans, behind one that matches everything: they would never win."""
    places = {name: at for at, name in enumerate(items)}
    ordered = sorted(items.values(), key=lambda one: (one.order, one.name))
    everything = next((one for one in ordered if not one.match.ByteSize()), None)
    if everything is None:
        return
    for one in ordered[ordered.index(everything) + 1 :]:
        line = lines.get((key, places[one.name], "order"), lines.get((key, places[one.name]), 0))
        yield Fault(line, one.name, f"{everything.name} is tried before it and matches every ticket.", fatal=False)


def _lines(node: Any, path: Path) -> Iterator[tuple[Path, int]]:
    """The line of everything in a document, by its path; of a value also by "=" and its text."""
    yield path, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _lines(value, (*path, key.value))
            yield (*path, key.value), key.start_mark.line + 1
    elif isinstance(node, yaml.ScalarNode):
        yield (*path, f"={node.value}"), node.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for at, value in enumerate(node.value):
            yield from _lines(value, (*path, at))


def _deepest(lines: dict[Path, int], path: Path) -> int:
    """The line of a place, or of the nearest thing around it that is there."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 0)


def _line(lines: dict[Path, int], path: Path, message: str) -> int:
    """The line of the field or of the value that a parser's message names inside an item."""
    named = _NAMED.search(message)
    words = {named[1], f"={named[2]}"} if named is not None else set()
    found = [line for each, line in lines.items() if each[: len(path)] == path and each[-1] in words]
    return found[0] if found else lines.get(path, 0)


def _told(name: str, steps: Path) -> str:
    return name + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
