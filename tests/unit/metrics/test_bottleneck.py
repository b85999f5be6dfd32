"""What late tickets waited for longest: each second has its kind, each kind its cause, and the report adds them up."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from throughline.tickets.v1 import events_pb2, ticket_pb2

from services.metrics.rules.bottleneck import Cause, bottleneck, longest
from services.metrics.rules.bottleneck_report import bottleneck_report
from services.metrics.rules.fact import Fact, Judged
from services.metrics.rules.fold import fold_ticket
from services.metrics.rules.measures import LATE, contributions
from services.metrics.rules.rows import added, counted, packed
from services.metrics.rules.tally import Tally, tally
from services.metrics.rules.values import Standing
from services.metrics.rules.waits import Wait
from services.metrics.store.facts import decode, encode
from services.metrics.wire.bottleneck import report_message, ticket_message
from services.metrics.wire.fact import seen
from services.metrics.wire.instants import timestamp
from tests.unit.metrics.stories import ASKED, CANCELLED, CLOSED, DONE, FILED, HELD, NEW, WORK, at, clocked, story

MISSED = Judged(at(30), met=False, breached_at=at(20))
Steps = tuple[tuple[float, dict[str, Any]], ...]


def late(*steps: tuple[float, dict[str, Any]], **opening: Any) -> Fact:
    """A ticket whose promise was broken."""
    return clocked(story(*steps, **opening), 30, resolution=MISSED)


CAUSES: dict[Cause, Steps] = {
    Cause.POOR_INTAKE: (
        (1, {"state": WORK}), (2, {"state": ASKED}), (12, {"state": WORK}),
        (13, {"state": HELD, "hold": Wait.EVIDENCE}), (23, {"state": WORK}), (25, {"state": DONE}),
    ),
    Cause.WRONG_ROUTING: (
        (1, {"team": "A"}), (10, {"team": "B"}), (15, {"state": WORK, "has_person": True}), (18, {"state": DONE}),
    ),
    Cause.MISSING_KNOWLEDGE: (
        (1, {"state": WORK}), (8, {"state": HELD, "hold": Wait.PROBLEM}), (14, {"state": WORK}),
        (15, {"state": HELD, "hold": Wait.VENDOR}), (26, {"state": WORK}), (27, {"state": DONE}),
    ),
    Cause.VENDOR: ((1, {"state": HELD, "hold": Wait.VENDOR}), (20, {"state": WORK}), (21, {"state": DONE})),
    Cause.CHANGE: ((1, {"state": HELD, "hold": Wait.CHANGE}), (20, {"state": WORK}), (21, {"state": DONE})),
    Cause.TEAM_QUEUE: ((1, {"team": "A"}), (20, {"state": WORK}), (21, {"state": DONE})),
    Cause.WORK: ((1, {"state": WORK}), (20, {"state": DONE, "knowledge_used": True})),
    Cause.OTHER: ((1, {"state": HELD, "hold": Wait.OTHER}), (20, {"state": WORK}), (21, {"state": DONE})),
    Cause.UNTOLD: ((0, {"state": DONE}),),
}  # fmt: skip
HOURS = {
    Cause.POOR_INTAKE: 20, Cause.WRONG_ROUTING: 15, Cause.MISSING_KNOWLEDGE: 15, Cause.VENDOR: 19, Cause.CHANGE: 19,
    Cause.TEAM_QUEUE: 20, Cause.WORK: 19, Cause.OTHER: 19, Cause.UNTOLD: 0,
}  # fmt: skip


@pytest.mark.parametrize("cause", Cause)
def test_a_late_ticket_is_laid_to_the_cause_that_took_most_of_its_time(cause: Cause) -> None:
    """Worked out by hand; waits of one cause are added whatever lay between them."""
    steps = tuple((hours, dict(change)) for hours, change in CAUSES[cause])
    found = bottleneck(late(*steps))
    assert found is not None
    assert (found.cause, found.seconds, found.ended_at) == (cause, HOURS[cause] * 3600, at(steps[-1][0]))


def test_only_what_ended_late_is_laid_to_anything() -> None:
    """An open ticket, one in time, and those that a named rule leaves out have no bottleneck."""
    steps: Steps = ((1, {"state": WORK}), (20, {"state": DONE}))
    assert bottleneck(story(*steps)) is None
    assert bottleneck(late((1, {"state": WORK}))) is None
    assert bottleneck(late((1, {"state": CANCELLED}))) is None
    assert bottleneck(late((1, {"state": WORK}), (20, {"state": DONE, "duplicate": True}))) is None
    assert bottleneck(clocked(story((1, {"state": WORK}), (20, {"state": DONE})), 2, response=MISSED)) is not None


def test_passed_on_to_nobody_it_stands_in_a_queue_until_somebody_takes_it() -> None:
    """While it is in progress: the team's wait, not its work; a person named at once begins at once."""
    waits = ((1, {"state": WORK, "team": "A"}), (4, {"team": "B", "unheld": True}), (9, {"unheld": False}))
    fact = story(*waits, (10, {"has_person": True}), (12, {"state": DONE}))
    assert fact.waits == ((Wait.QUEUE, 7 * 3600), (Wait.WORK, 5 * 3600))
    held = story((1, {"state": WORK, "team": "A"}), (4, {"team": "B", "has_person": True}), (12, {"state": DONE}))
    assert held.waits == ((Wait.QUEUE, 3600), (Wait.WORK, 11 * 3600))


@given(st.lists(st.tuples(st.integers(0, 90), st.sampled_from([NEW, WORK, ASKED, HELD, DONE, CLOSED])), max_size=12))
def test_each_second_of_an_open_ticket_is_of_one_kind(steps: list[tuple[int, Any]]) -> None:
    """They add up to the time that it was open, also when it was opened again; and a document brings them back."""
    hours, fact, opened = 0, story(), timedelta()
    for more, state in steps:
        opened += timedelta(hours=more) if fact.is_open else timedelta()
        hours += more
        fact, _ = fold_ticket(fact, replace(FILED, state=state), at(hours), human=True)
    open_now = at(hours) - fact.standing_since if fact.standing_since is not None else timedelta()
    assert sum(seconds for _, seconds in fact.waits) == (opened - open_now) // timedelta(seconds=1)
    assert (fact.standing is not None) == fact.is_open
    assert decode(encode(fact)) == fact


def test_of_causes_with_the_same_seconds_the_first_stands() -> None:
    """The order is stated, so that a replay says the same."""
    waits = ((Wait.VENDOR, 60), (Wait.OTHER, 60), (Wait.REQUESTER, 60))
    assert longest(waits, rerouted=False, knowledge_used=False) == (Cause.POOR_INTAKE, 60)
    assert longest((), rerouted=False, knowledge_used=False) == (Cause.UNTOLD, 0)


def _tally(*facts: Fact) -> Tally:
    """As cells add them up."""
    rows = added([packed(one) for one in facts]).rows
    zeros = rows["at"] * 0
    counts, _, sums, _ = counted(rows, zeros, zeros)
    return tally(counts, sums)


def test_the_report_is_a_sum_over_what_facts_add() -> None:
    """Counts, exact hours, and shares with their interval; each late ticket is in one row."""
    facts = [late(*((hours, dict(change)) for hours, change in steps)) for steps in CAUSES.values()]
    facts += [late((1, {"state": HELD, "hold": Wait.VENDOR}), (3, {"state": WORK}), (3, {"state": DONE}))]
    for fact in facts:
        assert sum(one.measure in LATE.values() for one in contributions(fact)) == 1
    report = bottleneck_report(_tally(*facts, story((1, {"state": DONE}))))
    assert (report.late, report.ended) == (10, 11)
    first = report.rows[0]
    assert (first.cause, first.tickets, first.seconds) == (Cause.VENDOR, 2, 21 * 3600)
    assert (first.share.standing, first.share.value, first.share.numerator) == (Standing.SHOWN, 20.0, 2)
    assert first.share.low < 20 < first.share.high
    assert {one.cause for one in report.rows} == set(Cause)
    message = report_message(report)
    assert (message.late_tickets, message.causes[0].waited.seconds) == (10, 21 * 3600)


def test_a_handful_of_late_tickets_has_counts_and_no_shares() -> None:
    """Below five nothing is said in per cent."""
    report = bottleneck_report(_tally(*(late((1, {"state": WORK}), (9, {"state": DONE})) for _ in range(4))))
    (row,) = report.rows
    assert (row.tickets, row.seconds, row.share.standing) == (4, 4 * 8 * 3600, Standing.TOO_FEW)
    assert bottleneck_report(Tally()).rows == ()


def test_the_reason_of_a_hold_and_empty_hands_are_read_from_the_event() -> None:
    """A hold says what for; an assignment to another team and to nobody leaves it in a queue."""
    ticket = ticket_pb2.Ticket(
        name="tickets/INC-000007", type=ticket_pb2.TICKET_TYPE_INCIDENT, state=ticket_pb2.TICKET_STATE_ON_HOLD,
        team="teams/b", open_time=timestamp(at(0)), hold=ticket_pb2.Hold(reason=ticket_pb2.HOLD_REASON_VENDOR),
    )  # fmt: skip
    assert seen(events_pb2.TicketHeld(ticket=ticket)).hold is Wait.VENDOR
    passed = events_pb2.TicketAssigned(ticket=ticket, previous_team="teams/a")
    assert (seen(passed).unheld, seen(passed).has_person) == (True, False)
    assert not seen(events_pb2.TicketAssigned(ticket=ticket, previous_team="")).unheld
    ticket.assignee = "people/ben"
    assert not seen(events_pb2.TicketAssigned(ticket=ticket, previous_team="teams/a")).unheld


def test_an_example_says_what_it_waited_for() -> None:
    """With its title, so that a list can name it."""
    told = ticket_message(late(*((hours, dict(change)) for hours, change in CAUSES[Cause.CHANGE])))
    assert (told.title, told.waited.seconds, told.fact.ticket) == (FILED.title, 19 * 3600, FILED.name)
