"""Which tickets a policy is for: lists of values, and a condition over what is known of a ticket."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from services.runtime.refusal import Refusal
from services.sla.rules.ticket import Facts, TicketType

COST_BUDGET = 300
_LISTED = 200


def _fails(_facts: Facts) -> bool | None:
    return None


@dataclass(frozen=True, slots=True)
class Condition:
    """An expression over facts, compiled by whoever knows its language; two of the same text are the same.

    test: True or False, None where it cannot be evaluated, which matches nothing. reads: the facts that it asks for.
    cost: how many words and signs it has, which bounds what one evaluation costs. fault: why it was not compiled, "".
    """

    text: str
    test: Callable[[Facts], bool | None] = field(default=_fails, compare=False, repr=False)
    reads: tuple[str, ...] = field(default=(), compare=False)
    cost: int = field(default=0, compare=False)
    fault: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Finding:
    """One part of a match held against a ticket: what the policy asks for, what the ticket has, whether they agree."""

    field: str
    wanted: tuple[str, ...]
    given: tuple[str, ...]
    holds: bool


@dataclass(frozen=True, slots=True)
class Match:
    """An empty set and no condition are for all tickets; all sets and the condition must hold."""

    priorities: frozenset[int] = frozenset()
    types: frozenset[TicketType] = frozenset()
    services: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()
    condition: Condition | None = None

    def holds(self, facts: Facts) -> bool:
        """Whether a ticket with these facts is meant."""
        return (
            (not self.priorities or facts.priority in self.priorities)
            and (not self.types or facts.type in self.types)
            and (not self.services or facts.service in self.services)
            and (not self.sources or facts.source in self.sources)
            and (self.condition is None or self.condition.test(facts) is True)
        )

    def findings(self, facts: Facts) -> Iterator[Finding]:
        """Why it holds or does not: one for each set that is not empty, and for the condition."""
        lists: tuple[tuple[str, Iterable[object], object], ...] = (
            ("priorities", self.priorities, facts.priority),
            ("types", self.types, facts.type),
            ("services", self.services, facts.service),
            ("sources", self.sources, facts.source),
        )
        for name, wanted, given in lists:
            if wanted:
                asked = frozenset(wanted)
                yield Finding(name, tuple(sorted(str(one) for one in asked)), (str(given),), given in asked)
        if self.condition is not None:
            read = tuple(f"{name} = {_told(getattr(facts, name))}" for name in self.condition.reads)
            yield Finding("condition", (self.condition.text,), read, self.condition.test(facts) is True)


def _told(value: object) -> str:
    """A value as a condition would write it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def check(match: Match) -> None:
    """Refuses a match that no ticket can be held against.

    Raises:
        Refusal: INVALID with the field of the request that is at fault.
    """
    if any(not 0 <= one <= 4 for one in match.priorities):
        raise Refusal.invalid("policy.match.priorities", "PRIORITY_INVALID", "Match priorities 0 (not triaged) to 4.")
    if max(len(match.services), len(match.sources)) > _LISTED:
        raise Refusal.invalid("policy.match", "POLICY_MATCH_TOO_LONG", f"List {_LISTED} services or sources at most.")
    condition = match.condition
    if condition is None:
        return
    if condition.cost > COST_BUDGET:
        raise Refusal.invalid(
            "policy.match.condition",
            "CONDITION_TOO_COSTLY",
            f"The condition has {condition.cost} words and signs and may have {COST_BUDGET}: split it into policies.",
        )
    if condition.fault:
        raise Refusal.invalid("policy.match.condition", "CONDITION_INVALID", condition.fault)
