"""What one fact adds to which number, and at which mark: the definitions that are fed, one function each.

A period holds a ticket by the mark at which the measure is final: that is where it counts, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import NamedTuple

from services.metrics.rules.fact import DONE, IN_PERSON, OUT_OF_ALL, Exclusion, Fact, Judged, Type

_SECOND = timedelta(seconds=1)
_MOST = 65_535

Reading = tuple[datetime, int] | None


class Sort(Enum):
    """How contributions add up. EVENTS: a count with the quarter hours in which it happened. SHARE: 0 or 1 of a whole.
    SPREAD: small counts a ticket. LENGTH: seconds.
    """

    COUNT = "count"
    EVENTS = "events"
    SHARE = "share"
    SPREAD = "spread"
    LENGTH = "length"


@dataclass(frozen=True, slots=True)
class Measure:
    """One number's reading of a fact. id: as in the registry. out: the named rules that keep a fact out of this one.

    read: what a fact adds and when, if it does. read_all: the same, where a fact may add several times.
    """

    id: str
    sort: Sort
    read: Callable[[Fact], Reading] | None
    out: frozenset[Exclusion] = frozenset()
    read_all: Callable[[Fact], Iterable[tuple[datetime, int]]] | None = None


class Contribution(NamedTuple):
    """What a fact adds to a measure at an instant: 1 for a count, 0 or 1 for a share, else the value."""

    measure: str
    at: datetime
    value: int


def _seconds(start: datetime, end: datetime) -> int:
    """Whole seconds; marks of a history may lie in the wrong order, and then nothing has passed."""
    return max(0, (end - start) // _SECOND)


def _opened(fact: Fact) -> Reading:
    return fact.opened_at, 1


def _incident(fact: Fact) -> Reading:
    return (fact.opened_at, 1) if fact.type is Type.INCIDENT else None


def _provisional(fact: Fact) -> Reading:
    return (fact.opened_at, 1) if fact.is_open else None


def _resolved(fact: Fact) -> Reading:
    return (fact.resolved_at, 1) if fact.state in DONE and fact.resolved_at is not None else None


def _ended(fact: Fact) -> Reading:
    return (fact.ended_at, 1) if fact.ended_at is not None else None


def _acknowledged(fact: Fact) -> Reading:
    """Never acknowledged but resolved: the resolution is the acknowledgement."""
    at = fact.acked_at or fact.first_resolved_at
    return None if at is None else (at, _seconds(fact.opened_at, at))


def _unacknowledged(fact: Fact) -> Reading:
    return (fact.first_resolved_at, 1) if fact.acked_at is None and fact.first_resolved_at is not None else None


def _answered_in_person(fact: Fact) -> Reading:
    return (fact.opened_at, 1) if fact.channel in IN_PERSON else None


def _responded(fact: Fact) -> Reading:
    """Resolved without a reply: the resolution is the response."""
    at = fact.responded_at or fact.first_resolved_at
    return None if at is None or fact.channel in IN_PERSON else (at, _seconds(fact.opened_at, at))


def _responded_in_business_time(fact: Fact) -> Reading:
    at = fact.response.finished_at
    return None if at is None or fact.channel in IN_PERSON else (at, fact.response.elapsed)


def _to_resolve(fact: Fact) -> Reading:
    at = fact.resolved_at
    return (at, _seconds(fact.opened_at, at)) if fact.state in DONE and at is not None else None


def _to_resolve_first(fact: Fact) -> Reading:
    at = fact.first_resolved_at
    return None if at is None else (at, _seconds(fact.opened_at, at))


def _to_resolve_without_waiting(fact: Fact) -> Reading:
    reading = _to_resolve(fact)
    return None if reading is None else (reading[0], max(0, reading[1] - fact.waited))


def _to_resolve_in_business_time(fact: Fact) -> Reading:
    """Only of clocks that the resolution stopped: a policy may stop them at the closing."""
    at = fact.resolution.finished_at
    same = at is not None and at == fact.resolved_at and fact.state in DONE
    return (at, fact.resolution.elapsed) if same and at is not None else None


def _to_close(fact: Fact) -> Reading:
    at = fact.closed_at
    return (at, _seconds(fact.opened_at, at)) if at is not None and fact.state in DONE else None


def _met(clock: Judged) -> Reading:
    return None if clock.finished_at is None else (clock.finished_at, int(clock.met))


def _at_end(value: Callable[[Fact], int]) -> Callable[[Fact], Reading]:
    return lambda fact: None if fact.ended_at is None else (fact.ended_at, min(value(fact), _MOST))


def _at_resolution(value: Callable[[Fact], bool]) -> Callable[[Fact], Reading]:
    return lambda fact: (at[0], int(value(fact))) if (at := _resolved(fact)) is not None else None


def _breaches(fact: Fact) -> Iterable[tuple[datetime, int]]:
    clocks = (fact.response, fact.resolution)
    return [(one.breached_at, 1) for one in clocks if one.breached_at is not None]


# Parent and child count once; what was no fault of ours is neither restored nor late.
_ONCE = frozenset({Exclusion.DUPLICATE, Exclusion.NO_FAULT})

MEASURES: tuple[Measure, ...] = (
    Measure("tickets_opened", Sort.EVENTS, _opened),
    Measure("incidents", Sort.COUNT, _incident),
    Measure("tickets_open", Sort.COUNT, _provisional),
    Measure("tickets_resolved", Sort.EVENTS, _resolved),
    Measure("tickets_ended", Sort.COUNT, _ended),
    Measure("tickets_reopened", Sort.COUNT, lambda fact: _ended(fact) if fact.reopens else None),
    Measure("reopenings", Sort.EVENTS, None, read_all=lambda fact: [(at, 1) for at in fact.reopened_at]),
    Measure("breaches", Sort.EVENTS, None, read_all=_breaches),
    Measure("mtta", Sort.LENGTH, _acknowledged, frozenset({Exclusion.DUPLICATE})),
    Measure("resolved_unacknowledged", Sort.COUNT, _unacknowledged, frozenset({Exclusion.DUPLICATE})),
    Measure("first_response_time", Sort.LENGTH, _responded_in_business_time),
    Measure("first_response_time_wall", Sort.LENGTH, _responded),
    Measure("answered_in_person", Sort.COUNT, _answered_in_person),
    Measure("time_to_resolve", Sort.LENGTH, _to_resolve, _ONCE),
    Measure("time_to_resolve_first", Sort.LENGTH, _to_resolve_first, _ONCE),
    Measure("time_to_resolve_without_waiting", Sort.LENGTH, _to_resolve_without_waiting, _ONCE),
    Measure("time_to_resolve_business", Sort.LENGTH, _to_resolve_in_business_time, _ONCE),
    Measure("time_to_close", Sort.LENGTH, _to_close, _ONCE),
    Measure("sla_met_response", Sort.SHARE, lambda fact: _met(fact.response), _ONCE),
    Measure("sla_met_resolution", Sort.SHARE, lambda fact: _met(fact.resolution), _ONCE),
    Measure("reassignments", Sort.SPREAD, _at_end(lambda fact: fact.reassignments)),
    Measure("assignment_changes", Sort.SPREAD, _at_end(lambda fact: fact.assignment_changes)),
    Measure("ping_pong", Sort.SHARE, _at_end(lambda fact: fact.ping_pong)),
    Measure("first_assignment_resolution", Sort.SHARE, _at_resolution(lambda fact: not fact.reassignments)),
    Measure("reopened", Sort.SHARE, _at_resolution(lambda fact: fact.reopens > 0)),
    Measure("no_reassignment_no_reopen", Sort.SHARE, _at_end(lambda fact: not fact.reassignments and not fact.reopens)),
    Measure(
        "no_assignment_change_no_reopen",
        Sort.SHARE,
        _at_end(lambda fact: not fact.assignment_changes and not fact.reopens),
    ),
    Measure("duplicates", Sort.SHARE, lambda fact: (fact.opened_at, int(fact.exclusion is Exclusion.DUPLICATE))),
    Measure("knowledge_used", Sort.SHARE, _at_resolution(lambda fact: fact.knowledge_used)),
)

SORTS: Mapping[str, Sort] = {one.id: one.sort for one in MEASURES}


def contributions(fact: Fact) -> tuple[Contribution, ...]:
    """All that a fact adds to numbers, in the order of the measures; nothing when it is out by a named rule."""
    if not fact.known or fact.exclusion in OUT_OF_ALL:
        return ()
    exclusion = fact.exclusion
    found: list[Contribution] = []
    for id, read, read_all, out in _READINGS:
        if exclusion in out:
            continue
        if read is not None:
            reading = read(fact)
            if reading is not None:
                found.append(Contribution(id, reading[0], reading[1]))
        elif read_all is not None:
            found += [Contribution(id, at, value) for at, value in read_all(fact)]
    return tuple(found)


_READINGS = tuple((one.id, one.read, one.read_all, one.out) for one in MEASURES)
