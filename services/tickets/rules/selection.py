"""Which tickets a list asks for, and in which order."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from services.tickets.rules.ticket import State, Type


class Order(StrEnum):
    """How a list is sorted. Tickets without a priority come before all others: nobody has weighed them yet."""

    NEWEST_FIRST = "NEWEST_FIRST"
    PRIORITY_THEN_OLDEST = "PRIORITY_THEN_OLDEST"
    RECENTLY_UPDATED = "RECENTLY_UPDATED"


@dataclass(frozen=True, slots=True)
class Selection:
    """All given conditions must hold; an empty one asks for nothing. text: words of the title, or a number."""

    states: frozenset[State] = frozenset()
    types: frozenset[Type] = frozenset()
    priorities: frozenset[int] = frozenset()
    requester: str = ""
    team: str = ""
    assignee: str = ""
    service: str = ""
    owes_answer: bool = False
    source: str = ""
    external_id: str = ""
    text: str = ""
