"""Conditions of policies in the Common Expression Language, typed against what is known of a ticket."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from cel_expr_python import cel

from services.sla.rules.match import COST_BUDGET, Condition
from services.sla.rules.ticket import Facts

_TYPES: dict[str, Any] = {
    "priority": cel.Type.INT,
    "impact": cel.Type.INT,
    "urgency": cel.Type.INT,
    "ticket_type": cel.Type.STRING,
    "item": cel.Type.STRING,
    "service": cel.Type.STRING,
    "category": cel.Type.STRING,
    "site": cel.Type.STRING,
    "unit": cel.Type.STRING,
    "channel": cel.Type.STRING,
    "source": cel.Type.STRING,
    "vip": cel.Type.BOOL,
}
FIELDS = tuple(_TYPES)
_STRING = r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'"
_WORD = re.compile(rf"{_STRING}|//[^\n]*|[A-Za-z_]\w*|\d+(?:\.\d+)?|[&|=!<>]{{1,2}}|\S")
# They walk through lists, of which a ticket has none, and would cost more than their length says.
_LOOPS = frozenset({"all", "exists", "exists_one", "map", "filter"})
_UNKNOWN = re.compile(r"undeclared reference to '([^']*)'")
_PLACE = re.compile(r"<input>:(\d+):(\d+): (.*)")
_KEPT = 4096


@lru_cache(_KEPT)
def condition(text: str) -> Condition | None:
    """The condition of a text, "" for none; one that cannot be compiled says why in its `fault`."""
    text = text.strip()
    if not text:
        return None
    words = [word for word in _WORD.findall(text) if not word.startswith("//")]
    cost, reads = len(words), tuple(name for name in FIELDS if name in words)
    if cost > COST_BUDGET:
        return Condition(text, reads=reads, cost=cost)
    loops = sorted(_LOOPS.intersection(words))
    if loops:
        return Condition(text, cost=cost, fault=f"{loops[0]}() walks through lists; compare with `in [...]` instead.")
    try:
        compiled = _compiled(text)
    except RuntimeError as error:
        return Condition(text, reads=reads, cost=cost, fault=_fault(str(error)))
    if compiled.return_type() != cel.Type.BOOL:
        name = compiled.return_type().name()
        return Condition(text, reads=reads, cost=cost, fault=f"It gives {name} and must give true or false.")
    return Condition(text, _Test(text), reads, cost)


def values(facts: Facts) -> dict[str, int | str | bool]:
    """What a condition reads of a ticket, by name."""
    return {name: getattr(facts, name) for name in FIELDS}


@dataclass(frozen=True, slots=True)
class _Test:
    """Holds a text against a ticket; it travels to other processes, which compile it themselves."""

    text: str

    def __call__(self, facts: Facts) -> bool | None:
        try:
            found = _compiled(self.text).eval(data=values(facts)).plain_value()
        except RuntimeError:
            return None
        return found if isinstance(found, bool) else None


@lru_cache(_KEPT)
def _compiled(text: str) -> Any:
    return _environment().compile(text)


def _fault(message: str) -> str:
    """The compiler's first complaint as a sentence, with the way out where a name is unknown."""
    unknown = _UNKNOWN.search(message)
    if unknown is not None:
        return f"A ticket has no {unknown[1]!r}; known are {', '.join(FIELDS)}."
    place = _PLACE.search(message)
    if place is None:
        return "It is no expression that can be evaluated."
    return f"Line {place[1]}, column {place[2]}: {place[3]}."


@cache
def _environment() -> Any:
    return cel.NewEnv(variables=_TYPES)
