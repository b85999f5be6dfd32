"""What one fact adds to which number, and at which mark: the definitions that are fed, one function each.

A period holds a ticket by the mark at which the measure is final: that is where it counts, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import NamedTuple

from services.metrics.rules.bottleneck import Cause, bottleneck
from services.metrics.rules.fact import DONE, IN_PERSON, OUT_OF_ALL, Channel, Exclusion, Fact, Judged, Type

_SECOND = timedelta(seconds=1)
_MOST = 4_095
CONTACT = timedelta(hours=1)
"""How long one contact may last: what is resolved later than this after it began took a second one."""

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
    """One number's reading of a fact. id: as in the registry. code: its number in stored rows, never given again.

    out: the named rules that keep a fact out of this one.

    read: what a fact adds and when, if it does. read_all: the same, where a fact may add several times.
    """

    id: str
    code: int
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


def _to_respond(fact: Fact) -> Reading:
    """E03, from the first alert: monitoring opens a ticket when it raises the alarm."""
    return _to_resolve(fact) if fact.channel is Channel.MONITORING else None


def _to_repair(fact: Fact) -> Reading:
    """E03, active work alone."""
    at = fact.resolved_at
    return (at, fact.repaired) if fact.state in DONE and at is not None and fact.repaired else None


def _first_contact(fact: Fact) -> Reading:
    """E09: solved while the first contact with a person lasted, and nothing had to be said again.

    A history from elsewhere tells of no conversation; what no person resolved had no contact.
    """
    at = fact.first_resolved_at
    if at is None or fact.source or not fact.by_person:
        return None
    began = fact.opened_at if fact.channel in IN_PERSON else fact.responded_at or at
    again = fact.reopens or fact.asks or fact.contacts
    return at, int(not again and at - began <= CONTACT)


def _met(clock: Judged) -> Reading:
    return None if clock.finished_at is None else (clock.finished_at, int(clock.met))


def _at_end(value: Callable[[Fact], int]) -> Callable[[Fact], Reading]:
    return lambda fact: None if fact.ended_at is None else (fact.ended_at, min(value(fact), _MOST))


def _at_resolution(value: Callable[[Fact], bool]) -> Callable[[Fact], Reading]:
    return lambda fact: (at[0], int(value(fact))) if (at := _resolved(fact)) is not None else None


def _late_by(cause: Cause) -> Callable[[Fact], Reading]:
    def read(fact: Fact) -> Reading:
        found = bottleneck(fact)
        return (found.ended_at, found.seconds) if found is not None and found.cause is cause else None

    return read


def _breaches(fact: Fact) -> Iterable[tuple[datetime, int]]:
    clocks = (fact.response, fact.resolution)
    return [(one.breached_at, 1) for one in clocks if one.breached_at is not None]


LATE: Mapping[Cause, str] = {one: f"late_{one.value.lower()}" for one in Cause}
"""The measures of the bottleneck report: late tickets by cause, with the seconds that they waited for it."""
# Parent and child count once; what was no fault of ours is neither restored nor late.
_ONCE = frozenset({Exclusion.DUPLICATE, Exclusion.NO_FAULT})

MEASURES: tuple[Measure, ...] = (
    Measure("tickets_opened", 1, Sort.EVENTS, _opened),
    Measure("incidents", 2, Sort.COUNT, _incident),
    Measure("tickets_open", 3, Sort.COUNT, _provisional),
    Measure("tickets_resolved", 4, Sort.EVENTS, _resolved),
    Measure("tickets_ended", 5, Sort.COUNT, _ended),
    Measure("tickets_reopened", 6, Sort.COUNT, lambda fact: _ended(fact) if fact.reopens else None),
    Measure("reopenings", 7, Sort.EVENTS, None, read_all=lambda fact: [(at, 1) for at in fact.reopened_at]),
    Measure("breaches", 8, Sort.EVENTS, None, read_all=_breaches),
    Measure("mtta", 9, Sort.LENGTH, _acknowledged, frozenset({Exclusion.DUPLICATE})),
    Measure("resolved_unacknowledged", 10, Sort.COUNT, _unacknowledged, frozenset({Exclusion.DUPLICATE})),
    Measure("first_response_time", 11, Sort.LENGTH, _responded_in_business_time),
    Measure("first_response_time_wall", 12, Sort.LENGTH, _responded),
    Measure("answered_in_person", 13, Sort.COUNT, _answered_in_person),
    Measure("time_to_resolve", 14, Sort.LENGTH, _to_resolve, _ONCE),
    Measure("time_to_resolve_first", 15, Sort.LENGTH, _to_resolve_first, _ONCE),
    Measure("time_to_resolve_without_waiting", 16, Sort.LENGTH, _to_resolve_without_waiting, _ONCE),
    Measure("time_to_resolve_business", 17, Sort.LENGTH, _to_resolve_in_business_time, _ONCE),
    Measure("time_to_close", 18, Sort.LENGTH, _to_close, _ONCE),
    Measure("sla_met_response", 19, Sort.SHARE, lambda fact: _met(fact.response), _ONCE),
    Measure("sla_met_resolution", 20, Sort.SHARE, lambda fact: _met(fact.resolution), _ONCE),
    Measure("reassignments", 21, Sort.SPREAD, _at_end(lambda fact: fact.reassignments)),
    Measure("assignment_changes", 22, Sort.SPREAD, _at_end(lambda fact: fact.assignment_changes)),
    Measure("ping_pong", 23, Sort.SHARE, _at_end(lambda fact: fact.ping_pong)),
    Measure("first_assignment_resolution", 24, Sort.SHARE, _at_resolution(lambda fact: not fact.reassignments)),
    Measure("reopened", 25, Sort.SHARE, _at_resolution(lambda fact: fact.reopens > 0)),
    Measure(
        "no_reassignment_no_reopen", 26, Sort.SHARE, _at_end(lambda fact: not fact.reassignments and not fact.reopens)
    ),
    Measure(
        "no_assignment_change_no_reopen",
        27,
        Sort.SHARE,
        _at_end(lambda fact: not fact.assignment_changes and not fact.reopens),
    ),
    Measure("duplicates", 28, Sort.SHARE, lambda fact: (fact.opened_at, int(fact.exclusion is Exclusion.DUPLICATE))),
    Measure("knowledge_used", 29, Sort.SHARE, _at_resolution(lambda fact: fact.knowledge_used)),
    Measure("time_to_respond", 30, Sort.LENGTH, _to_respond, _ONCE),
    Measure("time_to_repair", 31, Sort.LENGTH, _to_repair, _ONCE),
    Measure("person_changes", 32, Sort.SPREAD, _at_end(lambda fact: fact.handovers)),
    Measure("first_contact_resolution", 33, Sort.SHARE, _first_contact, _ONCE),
    Measure("re_asks", 34, Sort.SPREAD, _at_end(lambda fact: fact.asks)),
    Measure("first_time_complete", 35, Sort.SHARE, _at_end(lambda fact: not fact.asks)),
    Measure("chases_while_waiting", 36, Sort.SPREAD, _at_end(lambda fact: fact.chases)),
    Measure("asked_again", 37, Sort.SPREAD, _at_end(lambda fact: max(0, fact.asks - 1))),
    Measure("filed_by_phone", 38, Sort.SHARE, _at_end(lambda fact: fact.channel is Channel.PHONE)),
    *(Measure(LATE[one], 60 + place, Sort.LENGTH, _late_by(one)) for place, one in enumerate(Cause)),
)

SORTS: Mapping[str, Sort] = {one.id: one.sort for one in MEASURES}
CODES: Mapping[str, int] = {one.id: one.code for one in MEASURES}
BY_CODE: Mapping[int, Measure] = {one.code: one for one in MEASURES}


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
