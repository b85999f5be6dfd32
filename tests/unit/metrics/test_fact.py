"""How facts fold: what each event leaves, whatever the other stream does, and which days' cells it touches."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from throughline.sla.v1 import sla_pb2
from throughline.tickets.v1 import events_pb2, ticket_pb2

from services.metrics.rules.fact import Exclusion, Fact, Judged, State, day_of
from services.metrics.rules.fold import SeenClocks, fold_clocks, fold_ticket
from services.metrics.rules.measures import contributions
from services.metrics.store.facts import decode, encode
from services.metrics.wire.fact import STATES, fact_message, seen, seen_clocks
from services.metrics.wire.instants import duration, timestamp
from tests.unit.metrics.stories import ASKED, CANCELLED, CLOSED, DONE, FILED, HELD, NEW, WORK, at, clocked, story
from tests.unit.metrics.vectors import LIVES

JUDGED = SeenClocks(FILED.name, Judged(at(1), met=True, elapsed=60), Judged(at(5), met=False, breached_at=at(4)))


def test_a_fact_keeps_its_first_and_its_last_resolution() -> None:
    """Reopening takes back the end, not the mark of the first resolution (E03)."""
    fact = LIVES["reopened"]()
    assert (fact.first_resolved_at, fact.resolved_at, fact.closed_at, fact.ended_at) == (at(4), at(9), at(31), at(31))
    assert (fact.reopens, fact.reopened_at) == (2, (at(6), at(30)))


def test_waiting_is_the_requesters_and_the_holds_together() -> None:
    """What E03 leaves out when waiting is out; it goes on counting while the ticket waits."""
    assert LIVES["waited"]().waited == 4 * 3600
    fact = story((1, {"state": ASKED}), (3, {"state": HELD}))
    assert (fact.waited, fact.waited_since) == (2 * 3600, at(3))


def test_an_event_that_changes_nothing_leaves_the_fact_alone() -> None:
    """A comment is folded and marks no day stale."""
    fact = story((1, {"state": WORK}))
    rolled = replace(fact, stale=())
    after, _ = fold_ticket(rolled, replace(FILED, state=WORK), at(1), human=True)
    assert after is rolled


def test_only_the_days_that_change_are_stale() -> None:
    """A resolution two days later touches the day it happened in, and the opening's because it is no longer open."""
    fact = replace(story((1, {"state": WORK})), stale=())
    after, _ = fold_ticket(fact, replace(FILED, state=DONE), at(50), human=True)
    assert after.stale == (day_of(at(0)), day_of(at(50)))
    closed, _ = fold_ticket(replace(after, stale=()), replace(FILED, state=CLOSED), at(80), human=True)
    assert closed.stale == (day_of(at(80)),)


def test_a_second_breach_at_the_instant_of_the_first_makes_its_day_stale() -> None:
    """Both promises are broken at once and told one after the other: the day has two breaches then."""
    broken = Judged(breached_at=at(5))
    first = replace(clocked(story((1, {"state": WORK})), 5, response=broken), stale=())
    assert clocked(first, 5, resolution=broken).stale == (day_of(at(5)),)


def test_a_late_verdict_makes_the_day_stale_on_which_the_ticket_ended() -> None:
    """It joins those with every promise kept, or leaves them, though nothing is counted on that day for it."""
    ended = replace(story((1, {"state": WORK}), (60, {"state": DONE})), stale=())
    met = clocked(ended, 61, response=Judged(finished_at=at(5), met=True))
    assert met.stale == (day_of(at(5)), day_of(at(60)))
    assert day_of(at(60)) in clocked(replace(met, stale=()), 62, response=Judged(finished_at=at(5))).stale


def test_another_team_or_item_makes_every_day_of_the_ticket_stale() -> None:
    """Cells are by team and by item: a ticket leaves those of one and enters those of the other, in all its days."""
    fact = replace(story((1, {"state": WORK, "team": "A"}), (30, {"state": DONE})), stale=())
    after, _ = fold_ticket(fact, replace(FILED, state=DONE, team="B"), at(31), human=True)
    assert after.stale == fact.days == after.days
    named, _ = fold_ticket(fact, replace(FILED, state=DONE, team="A", item="items/vpn"), at(31), human=True)
    assert (named.item, named.stale) == ("items/vpn", fact.days)


def test_a_day_that_it_leaves_is_stale_too() -> None:
    """A breach that a late event takes back disappears from the day it was counted in."""
    late = replace(clocked(story(), 30, resolution=Judged(breached_at=at(30))), stale=())
    back = clocked(late, 31, resolution=Judged())
    assert day_of(at(30)) in late.days
    assert day_of(at(30)) not in back.days
    assert back.stale == (day_of(at(30)),)


def test_cancelled_is_out_and_comes_back_when_it_is_reopened() -> None:
    """The rule is named, and a fact that is out counts nowhere."""
    fact = story((1, {"team": "A"}), (2, {"state": CANCELLED}))
    assert (fact.exclusion, fact.is_excluded, contributions(fact), fact.days) == (Exclusion.CANCELLED, True, (), ())
    assert fact.stale == (day_of(at(0)),)


def test_clocks_alone_make_no_ticket() -> None:
    """Clocks may be heard first; the fact counts once its ticket is known."""
    early, _ = fold_clocks(None, JUDGED, at(5))
    assert not early.known
    assert contributions(early) == ()
    fact, _ = fold_ticket(early, FILED, at(0), human=True)
    assert fact.known
    assert {one.measure for one in contributions(fact)} >= {"breaches", "sla_met_resolution", "tickets_opened"}


TICKET = [(0.0, FILED), (1.0, replace(FILED, state=WORK, team="A")), (6.0, replace(FILED, state=DONE, team="B"))]
CLOCKS = [(1.0, SeenClocks(FILED.name, Judged(), Judged())), (4.0, replace(JUDGED, response=Judged())), (5.0, JUDGED)]


@given(st.lists(st.booleans(), min_size=6, max_size=6))
def test_how_the_two_streams_interleave_does_not_matter(turns: list[bool]) -> None:
    """Each stream comes in its order, and the fact is the same whichever is heard first."""
    tickets, clocks = list(TICKET), list(CLOCKS)
    fact: Fact | None = None
    for turn in turns:
        if (turn or not clocks) and tickets:
            hours, ticket = tickets.pop(0)
            fact, _ = fold_ticket(fact, ticket, at(hours), human=True)
        else:
            hours, judged = clocks.pop(0)
            fact, _ = fold_clocks(fact, judged, at(hours))
    assert fact is not None
    expected = clocked(story(*((hours, {"state": one.state, "team": one.team}) for hours, one in TICKET[1:])), 5,
                       response=JUDGED.response, resolution=JUDGED.resolution)  # fmt: skip
    assert replace(fact, revision=0, stale=()) == replace(expected, revision=0, stale=())


def test_documents_bring_facts_back() -> None:
    """What is stored is what was folded, for every life there is."""
    for life in LIVES.values():
        assert decode(encode(life())) == life()
    early, _ = fold_clocks(None, JUDGED, at(5))
    assert decode(encode(early)) == early


def test_the_events_message_is_read() -> None:
    """An assignment gives the ticket to a person only when the person is another one."""
    ticket = ticket_pb2.Ticket(
        name="tickets/INC-000007", type=ticket_pb2.TICKET_TYPE_INCIDENT, state=ticket_pb2.TICKET_STATE_NEW,
        title="脱机", team="teams/a", assignee="people/ben", open_time=timestamp(at(0)), priority=2,
        resolution=ticket_pb2.Resolution(code=ticket_pb2.RESOLUTION_CODE_NO_FAULT),
        links=[ticket_pb2.Link(relation=ticket_pb2.LINK_RELATION_DUPLICATES, target="tickets/INC-000001")],
    )  # fmt: skip
    told = seen(events_pb2.TicketAssigned(ticket=ticket, previous_assignee="people/ann"))
    assert (told.given, told.no_fault, told.duplicate, told.title) == (True, True, True, "脱机")
    assert not seen(events_pb2.TicketAssigned(ticket=ticket, previous_assignee="people/ben")).given
    assert not seen(events_pb2.TicketTriaged(ticket=ticket)).given
    assert seen(events_pb2.TicketOpened(ticket=ticket)).given


def test_the_clocks_message_is_read() -> None:
    """Met, missed, running and cancelled clocks; business time in whole seconds."""
    clock = sla_pb2.Clock(
        kind=sla_pb2.CLOCK_KIND_RESOLUTION, state=sla_pb2.CLOCK_STATE_MISSED, elapsed=duration(90),
        breach_time=timestamp(at(4)), stop_time=timestamp(at(5)),
    )  # fmt: skip
    told = seen_clocks(sla_pb2.TicketClocks(ticket=FILED.name, clocks=[clock]))
    assert told.resolution == Judged(at(5), met=False, elapsed=90, breached_at=at(4))
    assert told.response == Judged()
    clock.state = sla_pb2.CLOCK_STATE_RUNNING
    running = seen_clocks(sla_pb2.TicketClocks(ticket=FILED.name, clocks=[clock]))
    assert running.resolution == Judged(breached_at=at(4))
    clock.state = sla_pb2.CLOCK_STATE_CANCELLED
    assert seen_clocks(sla_pb2.TicketClocks(ticket=FILED.name, clocks=[clock])).resolution == Judged()


def test_a_fact_is_told_whole() -> None:
    """Marks, counts, clocks and the named rule reach the reader; what never happened stays unset."""
    message = fact_message(clocked(story((1, {"team": "A", "given": True}), (4, {"state": DONE})), 4,
                                   resolution=Judged(at(4), met=True, elapsed=60)))  # fmt: skip
    assert (message.name, message.ticket) == ("facts/INC-000001", "tickets/INC-000001")
    assert message.state == STATES[State.RESOLVED]
    assert message.first_ack_time == timestamp(at(1))
    assert not message.HasField("close_time")
    assert (message.resolution_finished, message.resolution_met, message.response_finished) == (True, True, False)


def test_met_means_every_clock_and_at_least_one() -> None:
    """The list of kept promises with a loss takes no ticket without a promise, and none that was late."""
    assert LIVES["met"]().is_met
    assert not LIVES["missed"]().is_met
    assert not LIVES["plain"]().is_met
    assert not LIVES["late and open"]().is_met
    assert not story((1, {"state": NEW})).is_met


def test_one_fault_has_one_signature() -> None:
    """The same thing at the same place, whatever its numbers and letters; another place or thing is another fault."""
    one = story(title="Till 3  offline since 09:15").signature
    assert one == story(title="till 11 OFFLINE since 10:40").signature
    others = {
        story(title="Till 3 offline since 09:15", site="sites/wuhan").signature,
        story(title="Till 3 prints twice").signature,
        story(title="Till 3 offline since 09:15", category="network").signature,
    }
    assert len(others | {one}) == 4
    assert story(category="").signature == ""
