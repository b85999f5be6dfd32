"""Touchpoints by place: what a chase is, what a cell counts, and that neither order nor storage changes it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from throughline.metrics.v1 import friction_pb2
from throughline.tickets.v1 import events_pb2, ticket_pb2

from services.metrics.rules.chase import URGES_KEPT, chases, urged
from services.metrics.rules.fact import Channel, Fact, Judged
from services.metrics.rules.fold import measured_anew
from services.metrics.rules.friction import MEASURE_OF, Touchpoint, friction_map, happened, times
from services.metrics.rules.registry import METRICS
from services.metrics.rules.rows import added, counted, packed
from services.metrics.rules.tally import Tally, tally
from services.metrics.rules.values import Standing
from services.metrics.rules.waits import Wait
from services.metrics.store.facts import decode, encode
from services.metrics.wire.fact import seen
from services.metrics.wire.friction import TOUCHPOINTS, map_message, ticket_message
from tests.unit.metrics.stories import ASKED, CANCELLED, DONE, HELD, WORK, at, clocked, story
from tests.unit.metrics.vectors import LIVES

STILL = [Wait.QUEUE, Wait.VENDOR, Wait.PROBLEM, Wait.CHANGE, Wait.OTHER]


@pytest.mark.parametrize("wait", [*Wait, None])
def test_words_are_a_chase_only_while_nobody_waits_for_the_requester(wait: Wait | None) -> None:
    """In a queue and on hold they are one; at work they are one only of what is late; an answer never is."""
    urges = urged((), wait, at(5))
    assert chases(urges, at(0), None) == (wait in STILL)
    assert chases(urges, at(0), at(5)) == (wait in [*STILL, Wait.WORK])
    assert chases(urges, at(0), at(5) + timedelta(seconds=1)) == (wait in STILL)


def test_several_within_an_hour_are_one_and_the_filing_is_none() -> None:
    """An hour from the one that counted, not from the last words; exactly an hour is apart."""
    minutes = (59, 60, 90, 119, 120, 179, 181)
    urges = tuple((at(0) + timedelta(minutes=one), True) for one in minutes)
    assert chases(urges, at(0), None) == 3
    many = urges
    for number in range(300):
        many = urged(many, Wait.QUEUE, at(10 + number))
    assert len(many) == URGES_KEPT


def test_a_breach_that_is_heard_of_later_makes_a_chase_of_what_was_said_before() -> None:
    """The two streams may interleave as they like, and a breach taken back takes the chase with it."""
    steps: list[tuple[float, dict[str, Any]]] = [
        (1, {"state": WORK}), (6, {"contacted": True}), (9, {"state": DONE}),
    ]  # fmt: skip
    late = Judged(at(9), met=False, breached_at=at(4))
    after = clocked(story(*((hours, dict(change)) for hours, change in steps)), 9, resolution=late)
    assert (after.chases, happened(after)) == (1, (Touchpoint.CHASE,))
    assert after.stale
    corrected = clocked(after, 10, resolution=Judged(at(9), met=True))
    assert (corrected.chases, happened(corrected)) == (0, ())
    assert clocked(after, 10, resolution=Judged(at(9), met=False)).chases == 0


FACT = LIVES["chased"]


def test_a_document_brings_everything_back_and_lists_what_happened() -> None:
    """Urges and problems survive storage; what a named rule leaves out, and what is open, is in no cell."""
    linked = story((1, {"problems": ("problems/PRB-000002", "problems/PRB-000001")}), (2, {"state": DONE}))
    assert linked.problems == (("problems/PRB-000001", at(1)), ("problems/PRB-000002", at(1)))
    for fact in (FACT(), linked):
        assert decode(encode(fact)) == fact
    assert encode(FACT())["friction"] == ["QUESTION", "CHASE"]
    assert encode(linked)["problem"] == ["problems/PRB-000001", "problems/PRB-000002"]
    assert "friction" not in encode(story((1, {"state": ASKED, "asked": True})))
    assert "friction" not in encode(story((1, {"asked": True}), (2, {"state": CANCELLED})))
    assert measured_anew(FACT()).chases == FACT().chases


def test_a_link_to_a_problem_is_as_old_as_its_event() -> None:
    """It stays while other things happen; taken away and made again it begins anew; others are no problems."""
    kept = story((1, {"problems": ("problems/PRB-000001",)}), (3, {"state": WORK}))
    assert kept.problems == (("problems/PRB-000001", at(1)),)
    again = story(
        (1, {"problems": ("problems/PRB-000001",)}), (2, {"problems": ()}), (4, {"problems": ("problems/PRB-000001",)})
    )
    assert again.problems == (("problems/PRB-000001", at(4)),)
    links = [
        ticket_pb2.Link(relation=ticket_pb2.LINK_RELATION_CAUSED_BY, target="problems/PRB-000001"),
        ticket_pb2.Link(relation=ticket_pb2.LINK_RELATION_RELATES_TO, target="changes/CHG-000001"),
    ]
    ticket = ticket_pb2.Ticket(
        name="tickets/INC-000001", type=ticket_pb2.TICKET_TYPE_INCIDENT, state=ticket_pb2.TICKET_STATE_NEW, links=links
    )
    assert seen(events_pb2.TicketLinked(ticket=ticket)).problems == ("problems/PRB-000001",)


def _tally(*facts: Fact) -> Tally:
    """As cells add them up."""
    rows = added([packed(one) for one in facts]).rows
    zeros = rows["at"] * 0
    counts, _, sums, _ = counted(rows, zeros, zeros)
    return tally(counts, sums)


def _phoned() -> Fact:
    return story((1, {"state": WORK}), (4, {"state": DONE}), channel=Channel.PHONE)


def _tossed() -> Fact:
    return story((1, {"team": "A"}), (2, {"team": "B"}), (3, {"team": "A"}), (4, {"state": DONE}), (5, {"state": WORK}),
                 (6, {"state": DONE}))  # fmt: skip


def test_the_map_counts_times_per_hundred_tickets_that_ended() -> None:
    """Two phoned, one asked twice, one chased twice, one tossed and reopened, of five and of six; worked by hand."""
    tickets = [_phoned(), _phoned(), LIVES["asked"](), FACT(), _tossed()]
    few = [FACT()]
    found = friction_map(_tally(*tickets, *few), {"b": _tally(*few), "a": _tally(*tickets), "c": Tally()}, most=1)
    (row,), whole = found.rows, found.whole
    assert (row.place, row.ended, whole.place, whole.ended, found.left_out) == ("a", 5, "", 6, 1)
    assert {one.touchpoint: (one.rate.numerator, one.rate.value) for one in row.cells} == {
        Touchpoint.PHONE: (2, 40.0), Touchpoint.QUESTION: (3, 60.0), Touchpoint.REPEATED_QUESTION: (1, 20.0),
        Touchpoint.CHASE: (2, 40.0), Touchpoint.REASSIGNMENT: (2, 40.0), Touchpoint.PING_PONG: (1, 20.0),
        Touchpoint.REOPENING: (1, 20.0),
    }  # fmt: skip
    assert [one.rate.numerator for one in whole.cells] == [2, 4, 1, 4, 2, 1, 1]
    assert all(one.rate.low <= one.rate.value <= one.rate.high for one in row.cells)
    message = map_message(found)
    assert [one.touchpoint for one in message.rows[0].cells] == list(TOUCHPOINTS.values())
    assert (message.places_left_out, message.rows[0].cells[3].times) == (1, 2)
    assert set(TOUCHPOINTS.values()) == set(friction_pb2.Touchpoint.values()) - {0}


def test_below_the_minimum_counts_stand_without_a_rate() -> None:
    """A handful says how often, and nothing per hundred."""
    (row,) = friction_map(Tally(), {"a": _tally(FACT(), _phoned())}).rows
    assert {one.rate.standing for one in row.cells} == {Standing.TOO_FEW}
    assert [one.rate.numerator for one in row.cells] == [1, 1, 0, 2, 0, 0, 0]
    assert {one.rate.standing for one in friction_map(Tally(), {}).whole.cells} == {Standing.NOT_DEFINED}


def test_every_touchpoint_is_a_number_of_the_registry_counted_at_the_end() -> None:
    """So a cell is the board's number of the same name, and its list is what that number counts."""
    assert set(MEASURE_OF) == set(Touchpoint)
    assert all(METRICS[one].is_live for one in MEASURE_OF.values())
    assert ticket_message(FACT(), Touchpoint.CHASE).times == times(FACT(), Touchpoint.CHASE) == 2


@given(st.lists(st.tuples(st.integers(1, 90), st.sampled_from([WORK, ASKED, HELD, DONE]), st.booleans()), max_size=12))
def test_lists_and_cells_say_the_same(steps: list[tuple[int, Any, bool]]) -> None:
    """Whatever happens: what a ticket adds to a cell is what the list behind the cell says of it."""
    hours, moves = 0, []
    for more, state, said in steps:
        hours += more
        moves.append((hours / 20, {"state": state, "contacted": said, "asked": state is ASKED}))
    fact = story(*moves)
    (row,) = friction_map(Tally(), {"a": _tally(fact)}).rows or (None,)
    found = {} if row is None else {one.touchpoint: one.rate.numerator for one in row.cells if one.rate.numerator}
    assert found == {one: times(fact, one) for one in happened(fact)}
