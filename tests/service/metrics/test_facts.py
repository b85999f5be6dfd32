"""Facts over the wire: folded once and in order from two streams, read within the reader's unit."""

from __future__ import annotations

from functools import partial

import pytest
from throughline.metrics.v1 import metrics_pb2
from throughline.metrics.v1 import metrics_service_pb2 as pb
from throughline.sla.v1 import sla_pb2
from throughline.tickets.v1 import ticket_pb2

from services.metrics.wire.instants import timestamp
from services.runtime.refusal import Kind
from tests.service.metrics.desk import ANN, EAST, ROOT, Desk, Story, at, between, clock, person
from tests.service.runtime.probe import until

IN_PROGRESS, RESOLVED = ticket_pb2.TICKET_STATE_IN_PROGRESS, ticket_pb2.TICKET_STATE_RESOLVED


async def fact_of(desk: Desk, story: Story) -> metrics_pb2.Fact:
    """The fact as an administrator reads it."""
    fact: metrics_pb2.Fact = await desk.ask(ROOT, "GetFact", name=story.name.replace("tickets", "facts"))
    return fact


async def is_at(desk: Desk, counted: int, waiting: int) -> bool:
    """Whether so many events are said to be counted, and so many to wait."""
    told = await desk.ask(ROOT, "GetProgress")
    return (told.counted_events, told.waiting_events) == (counted, waiting)


async def test_a_ticket_becomes_a_fact(desk: Desk) -> None:
    """Marks and counts of a whole life, from its events alone."""
    story = Story(1, site="sites/shanghai")
    await desk.publish(*story.resolved(0, 5))
    await desk.publish(
        story.tell("TicketReopened", 8, state=IN_PROGRESS, extra={"previous_state": RESOLVED}),
        story.tell("TicketAssigned", 9, team="teams/b", extra={"previous_team": "teams/a"}),
        story.tell("TicketResolved", 11, state=RESOLVED),
        story.tell("TicketClosed", 12, state=ticket_pb2.TICKET_STATE_CLOSED),
    )
    await desk.heard()
    fact = await fact_of(desk, story)
    assert fact.ticket == story.name
    assert (fact.reassignments, fact.assignment_changes, fact.reopens) == (1, 2, 1)
    times = (fact.open_time, fact.first_ack_time, fact.first_resolve_time, fact.resolve_time, fact.close_time)
    assert times == tuple(timestamp(at(hours)) for hours in (0, 0.1, 5, 11, 12))
    assert (fact.team, fact.site, fact.unit) == ("teams/b", "sites/shanghai", "cn/east")


async def test_twice_told_counts_once(desk: Desk) -> None:
    """The same events again, as other messages, change nothing: no count, no revision."""
    story = Story(1)
    entries = story.resolved(0, 5)
    await desk.publish(*entries)
    await desk.heard()
    before = await fact_of(desk, story)
    for one in entries:
        await desk.publish_again(one)
    await desk.heard()
    assert await fact_of(desk, story) == before
    assert (await desk.values())["metrics/T01"].value == 1


async def test_an_early_event_waits_for_the_ones_before(desk: Desk) -> None:
    """Told backwards, folded forwards."""
    story = Story(1)
    first, *later = story.resolved(0, 5)
    await desk.publish(*reversed(later))
    await until(partial(is_at, desk, 0, len(later)), 30)
    await desk.publish(first)
    await desk.heard(30)
    await until(partial(is_at, desk, len(later) + 1, 0), 30)
    assert (await desk.refused(ANN, "GetProgress")).reason == "ROLE_REQUIRED"
    fact = await fact_of(desk, story)
    assert fact.state == RESOLVED
    assert (fact.resolve_time, fact.first_ack_time) == (timestamp(at(5)), timestamp(at(0.1)))


async def test_clocks_may_come_first(desk: Desk) -> None:
    """Clocks without their ticket are kept and shown to nobody; with it they count."""
    story = Story(1)
    resolution, met = sla_pb2.CLOCK_KIND_RESOLUTION, sla_pb2.CLOCK_STATE_MET
    await desk.publish(story.tell_clocks("ClockStopped", 5, clock(resolution, met, 0, stop_time=5, elapsed=3600)))
    await desk.heard()
    refusal = await desk.refused(ROOT, "GetFact", name="facts/INC-000001")
    assert refusal.reason == "NOT_FOUND"
    assert (await desk.ask(ROOT, "ListFacts", period=between(), mark=pb.PERIOD_MARK_OPENED)).facts == []
    await desk.publish(*story.resolved(0, 5))
    await desk.heard()
    fact = await fact_of(desk, story)
    assert (fact.resolution_finished, fact.resolution_met, fact.response_finished) == (True, True, False)


async def test_a_bot_acknowledges_nothing(desk: Desk) -> None:
    """Assigned by a rule, the ticket waits for a person (E01)."""
    story = Story(1)
    await desk.publish(
        story.tell("TicketOpened", 0),
        story.tell("TicketAssigned", 1, actor="system/tickets", team="teams/a", assignee="people/ben"),
    )
    await desk.heard()
    fact = await fact_of(desk, story)
    assert not fact.HasField("first_ack_time")
    await desk.publish(story.tell("TicketStarted", 3, state=IN_PROGRESS))
    await desk.heard()
    fact = await fact_of(desk, story)
    assert fact.first_ack_time == timestamp(at(3))


async def test_a_unit_hides_the_others(desk: Desk) -> None:
    """Who sees cn/east sees what lies below it, and neither its neighbour nor a name that only begins alike."""
    units = ["cn/east", "cn/east/shanghai", "cn/west", "cn/eastern", ""]
    for number, unit in enumerate(units, start=1):
        await desk.publish(*Story(number, unit=unit).resolved(number, 5))
    await desk.heard()
    seen = await desk.ask(EAST, "ListFacts", period=between(), mark=pb.PERIOD_MARK_RESOLVED)
    assert [one.unit for one in seen.facts] == ["cn/east", "cn/east/shanghai"]
    assert len((await desk.ask(ROOT, "ListFacts", period=between())).facts) == len(units)
    assert (await desk.refused(EAST, "GetFact", name="facts/INC-000003")).reason == "NOT_FOUND"
    assert (await desk.ask(EAST, "GetFact", name="facts/INC-000002")).unit == "cn/east/shanghai"


@pytest.mark.parametrize("method", ["GetBoard", "ListValues", "ListFacts"])
async def test_a_requester_reads_no_numbers(desk: Desk, method: str) -> None:
    """Numbers are for those who work on the service or answer for it."""
    refusal = await desk.refused(ANN, method, period=between())
    assert (refusal.kind, refusal.reason) == (Kind.FORBIDDEN, "ROLE_REQUIRED")
    for role in ("agent", "lead", "problem_manager", "change_manager", "finance", "executive", "operator"):
        await desk.ask(person("pat", role), method, period=between())


async def test_facts_come_in_pages_by_their_mark(desk: Desk) -> None:
    """Pages follow each other without gap, for the mark, the period and the filter asked for, and no other."""
    for number in range(1, 8):
        await desk.publish(*Story(number, priority=1 + number % 2).resolved(number, 30 - number))
    await desk.heard()
    asked = {"period": between(29, 31), "mark": pb.PERIOD_MARK_RESOLVED, "page_size": 3}
    first = await desk.ask(ROOT, "ListFacts", **asked)
    second = await desk.ask(ROOT, "ListFacts", **asked, page_token=first.next_page_token)
    third = await desk.ask(ROOT, "ListFacts", **asked, page_token=second.next_page_token)
    names = [one.ticket for page in (first, second, third) for one in page.facts]
    assert (len(names), len(set(names)), third.next_page_token) == (7, 7, "")
    assert len((await desk.ask(ROOT, "ListFacts", period=between(1, 4), mark=pb.PERIOD_MARK_OPENED)).facts) == 3
    urgent = await desk.ask(ROOT, "ListFacts", period=between(), filter={"priorities": [2]})
    assert {one.priority for one in urgent.facts} == {2}
    other = await desk.refused(
        ROOT, "ListFacts", period=between(29, 32), page_size=3, page_token=first.next_page_token,
        mark=pb.PERIOD_MARK_RESOLVED,
    )  # fmt: skip
    assert other.reason == "PAGE_TOKEN_INVALID"


async def test_what_a_rule_excludes_is_listed_with_its_name(desk: Desk) -> None:
    """A cancelled ticket is in no number, and whoever asks finds out why."""
    story = Story(1)
    await desk.publish(
        story.tell("TicketOpened", 0),
        story.tell("TicketCancelled", 1, state=ticket_pb2.TICKET_STATE_CANCELLED, extra={"reason": "by mistake"}),
    )
    await desk.heard()
    (fact,) = (await desk.ask(ROOT, "ListFacts", period=between(), mark=pb.PERIOD_MARK_OPENED)).facts
    assert (fact.excluded, fact.exclusion_rule) == (True, "cancelled")
    assert (await desk.values())["metrics/T01"].value == 0
