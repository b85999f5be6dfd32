"""The agent's queue and ticket as shown: order, rows, the clock's card, acts by state, every entry in words."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from throughline.portal.v1 import people_pb2
from throughline.sla.v1 import sla_pb2
from throughline.tickets.v1 import events_pb2, ticket_pb2, tickets_service_pb2
from werkzeug.datastructures import FileStorage

from services.portal.web import queue_verbs
from services.portal.web.gallery import create_gallery_app
from services.portal.web.shown import queue, work
from services.portal.web.shown.reader import Reader

NOW = datetime(2026, 11, 23, 6, 39, tzinfo=UTC)
LIN = people_pb2.Person(name="people/lin", roles=["agent"], teams=["teams/stores"])
READER = Reader(sub="people/lin", now=NOW)
RUN, WAIT, CLOSED = sla_pb2.SEGMENT_KIND_RUNNING, sla_pb2.SEGMENT_KIND_PAUSED, sla_pb2.SEGMENT_KIND_CLOSED
ASKED = ticket_pb2.TICKET_STATE_AWAITING_REQUESTER
HELD = ticket_pb2.TICKET_STATE_ON_HOLD


@pytest.fixture(scope="module")
def app() -> Flask:
    """An app with the portal's languages."""
    return create_gallery_app()


@pytest.fixture(autouse=True)
def words(app: Flask) -> Iterator[None]:
    """A request of somebody who reads English."""
    with app.test_request_context(headers={"Accept-Language": "en"}):
        yield


def stamp(minutes: float) -> Timestamp:
    """So many minutes after the present."""
    made = Timestamp()
    made.FromDatetime(NOW + timedelta(minutes=minutes))
    return made


def minutes(count: float) -> Duration:
    """A length."""
    made = Duration()
    made.FromTimedelta(timedelta(minutes=count))
    return made


def ticket(number: int, priority: int, opened: float, **fields: Any) -> ticket_pb2.Ticket:
    """A ticket that was opened so many minutes before the present."""
    given: dict[str, Any] = {
        "state": ticket_pb2.TICKET_STATE_IN_PROGRESS,
        "team": "teams/stores",
        "requester": "people/meng",
    } | fields
    name = f"tickets/INC-{number:06}"
    return ticket_pb2.Ticket(name=name, title="t", priority=priority, open_time=stamp(-opened), **given)


def clock(kind: int, state: int, left: float, target: float = 240, **fields: Any) -> Any:
    """A clock with so many minutes left."""
    return sla_pb2.Clock(
        kind=kind,  # type: ignore[arg-type]  # a number of the enum
        state=state,  # type: ignore[arg-type]  # a number of the enum
        target=minutes(target),
        remaining=minutes(left),
        elapsed=minutes(0),
        **fields,
    )


def clocks(*found: Any) -> sla_pb2.TicketClocks:
    """The clocks of one ticket."""
    return sla_pb2.TicketClocks(clocks=found, calendar="calendars/stores", calendar_version=3)


def entry(kind: str, **fields: Any) -> tickets_service_pb2.TimelineEntry:
    """One entry of a ticket's journal."""
    given: dict[str, Any] = {
        "actor": "people/lin",
        "time": stamp(-5),
        "visibility": ticket_pb2.VISIBILITY_PUBLIC,
    } | fields
    return tickets_service_pb2.TimelineEntry(kind=kind, **given)


def test_order() -> None:
    """A broken promise goes before every priority, then what nobody has weighed, then priority, then age."""
    late, first, old, young, raw = (
        ticket(1, 4, 10),
        ticket(2, 1, 10),
        ticket(3, 3, 90),
        ticket(4, 3, 5),
        ticket(5, 0, 1),
    )
    running = sla_pb2.CLOCK_STATE_RUNNING
    found = {late.name: clocks(clock(2, running, -18)), first.name: clocks(clock(2, running, 50))}
    names = [one.name for one in queue.ordered([young, old, raw, first, late], found, NOW)]
    assert names == [late.name, raw.name, first.name, old.name, young.name]


def test_a_missed_promise_that_ended_does_not_press() -> None:
    """A clock that stopped late is past; its ticket stands by its priority."""
    missed, fresh = ticket(1, 4, 10), ticket(2, 2, 1)
    found = {missed.name: clocks(clock(2, sla_pb2.CLOCK_STATE_MISSED, -18))}
    assert [one.priority for one in queue.ordered([missed, fresh], found, NOW)] == [2, 4]


@pytest.mark.parametrize(
    ("response", "resolution", "kind"),
    [
        ((sla_pb2.CLOCK_STATE_RUNNING, 5), (sla_pb2.CLOCK_STATE_RUNNING, 60), 1),
        ((sla_pb2.CLOCK_STATE_RUNNING, 5), (sla_pb2.CLOCK_STATE_RUNNING, -1), 2),
        ((sla_pb2.CLOCK_STATE_MET, 5), (sla_pb2.CLOCK_STATE_PAUSED, 60), 2),
    ],
)
def test_the_pressing_clock(response: tuple[int, int], resolution: tuple[int, int], kind: int) -> None:
    """A row shows the first reply while it is owed, unless the solution is late already."""
    shown = queue.urgent(clocks(clock(1, *response), clock(2, *resolution)), NOW)
    assert shown is not None
    assert shown.kind == kind


def test_row() -> None:
    """A row says whom it waits for; without a promise it has no clock."""
    asked = ticket(7, 2, 10, state=ASKED, assignee="people/lin")
    row = queue.row(asked, clocks(clock(2, sla_pb2.CLOCK_STATE_PAUSED, 60)), READER, href="/x", current=True)
    assert (row["id"], row["about"], row["clock"]) == (
        "INC-000007",
        "on requester",
        {"state": "paused", "text": "Paused"},
    )
    assert queue.row(ticket(8, 0, 1), None, READER, href="/x", current=False)["clock"] is None
    held = ticket(9, 2, 1, state=HELD, hold=ticket_pb2.Hold(unblocker="Acme"))
    assert [queue.about(one, READER) for one in (held, ticket(1, 1, 1), ticket(1, 1, 1, assignee="people/lin"))] == [
        "on Acme",
        "nobody has it",
        "yours",
    ]


def test_card() -> None:
    """The card tells the time left and until when, and apart what counted, what was closed and whom it waited for."""
    running = clock(
        2,
        sla_pb2.CLOCK_STATE_RUNNING,
        41,
        due_time=stamp(41),
        segments=[
            sla_pb2.ClockSegment(kind=RUN, start_time=stamp(-323), end_time=stamp(-269)),
            sla_pb2.ClockSegment(kind=CLOSED, start_time=stamp(-269), end_time=stamp(-197)),
            sla_pb2.ClockSegment(kind=WAIT, start_time=stamp(-197), end_time=stamp(-145), ticket_state=ASKED),
        ],
        current=sla_pb2.ClockSegment(kind=RUN, start_time=stamp(-145)),
    )
    running.elapsed.CopyFrom(minutes(54))
    met = clock(1, sla_pb2.CLOCK_STATE_MET, 24)
    met.elapsed.CopyFrom(minutes(6))
    card = queue.card(ticket(1, 2, 323), clocks(met, running), READER)
    assert card is not None
    assert (card["left"], card["promise"]) == ("41 min left", "Restore by 07:20, promise 4 h in service hours")
    assert card["reply"] == {"state": "met", "text": "First reply 6 min, met"}
    told = {row["text"]: (row["length"], row["verdict"]) for row in card["legend"]}
    assert told == {
        "Running": ("3:19", "counts"),
        "On the requester": ("0:52", "does not count"),
        "Outside service hours (calendar stores v3)": ("1:12", "does not count"),
    }
    assert [part["kind"] for part in card["bar"]["segments"]] == ["run", "off", "wait", "run", "left"]


def test_closed_hours_of_a_late_clock_do_not_count() -> None:
    """What ran before the breach adds up to the promise, however long the doors were closed meanwhile."""
    late = clock(2, sla_pb2.CLOCK_STATE_RUNNING, -30, target=120, breach_time=stamp(-50))
    late.current.CopyFrom(sla_pb2.ClockSegment(kind=RUN, start_time=stamp(-230)))
    card = queue.card(ticket(1, 1, 230), clocks(late), READER)
    assert card is not None
    lengths = {row["kind"]: row["length"] for row in card["legend"]}
    assert lengths == {"run": "2:00", "over": "0:30", "off": "1:20"}


def test_no_promise() -> None:
    """Without clocks there is no card, so that nothing is guessed."""
    assert queue.card(ticket(1, 2, 1), None, READER) is None


@pytest.mark.parametrize(
    ("state", "first"),
    [
        (ticket_pb2.TICKET_STATE_NEW, "take"),
        (ticket_pb2.TICKET_STATE_IN_PROGRESS, "resolve"),
        (ASKED, "resolve"),
        (HELD, "resume"),
        (ticket_pb2.TICKET_STATE_RESOLVED, "close"),
        (ticket_pb2.TICKET_STATE_CLOSED, ""),
        (ticket_pb2.TICKET_STATE_CANCELLED, ""),
    ],
)
def test_acts_by_state(state: int, first: str) -> None:
    """One act comes next in each state; every act has words; no act is offered twice, and none to who may not work."""
    found = ticket(1, 2, 1, state=state)
    act, beside, rest = work.offered(found, LIN)
    assert act == first
    acts = [*([act] if act else []), *beside, *rest]
    assert len(acts) == len(set(acts))
    assert set(acts) <= work.offers().keys()
    assert work.offered(found, people_pb2.Person(name="people/x", roles=["requester"])) == ("", [], [])


def test_acts_by_hands() -> None:
    """Who has it needs not take it; what nobody has weighed is to be sorted first."""
    new = ticket(1, 0, 1, state=ticket_pb2.TICKET_STATE_NEW, assignee="people/lin")
    act, beside, rest = work.offered(new, LIN)
    assert (act, beside[0]) == ("start", "triage")
    assert "triage" not in rest
    assert "take" not in work.offered(ticket(1, 2, 1, assignee="people/lin"), LIN)[2]
    assert "take" in work.offered(ticket(1, 2, 1, assignee="people/zhou"), LIN)[2]


def test_where_it_stands() -> None:
    """Every open state names who is next, and a wait says since when and for what."""
    asked = ticket(1, 2, 1, state=ASKED, question=ticket_pb2.Question(text="Which one?", ask_time=stamp(-60)))
    assert work.stands(asked, READER) == "Waits for meng since 05:39: Which one?"
    held = ticket(1, 2, 1, state=HELD, hold=ticket_pb2.Hold(note="No part", since_time=stamp(-60)))
    held.answers.next_name = "Acme"
    assert work.stands(held, READER) == "On hold since 05:39: No part. Acme can unblock it."
    unowned = ticket(1, 2, 1, state=ticket_pb2.TICKET_STATE_NEW)
    unowned.answers.next_name = "teams/stores"
    assert work.stands(unowned, READER) == "Next: stores; nobody has it yet"


def test_every_kind_of_entry_has_words() -> None:
    """Each event that a ticket can have is told in a sentence of its own, never by its name."""
    kinds = [name for name in events_pb2.DESCRIPTOR.message_types_by_name if "Matrix" not in name]
    details = {"ImpactStartSet": "2026-11-23T05:39:00Z"}
    told = {
        kind: work.said(entry(kind, team="teams/stores", detail=details.get(kind, "KB-1")), READER) for kind in kinds
    }
    unknown = work.said(entry("SomethingNew"), READER)
    assert told["ImpactStartSet"] == "lin said that the impact began 05:39"
    assert work.said(entry("ImpactStartSet"), READER) == "lin took back when the impact began"
    assert [kind for kind, text in told.items() if text == unknown or kind in text] == []


def test_hand_overs_in_words() -> None:
    """Taking, giving and handing over are three things."""
    took = entry("TicketAssigned", assignee="people/lin", team="teams/stores")
    gave = entry("TicketAssigned", assignee="people/zhou", team="teams/stores", previous_team="teams/stores")
    over = entry("TicketAssigned", team="teams/access", previous_team="teams/stores", previous_assignee="people/lin")
    assert [work.said(one, READER) for one in (took, gave, over)] == [
        "lin took it",
        "lin gave it to zhou, stores",
        "lin handed it over to access, before: lin, stores",
    ]


def test_talk_begins_with_the_request() -> None:
    """The requester's own words come first; an internal note is marked; what nobody said is no message."""
    found = ticket(1, 2, 1, channel=ticket_pb2.CHANNEL_CHAT)
    messages = work.talk(
        [
            entry("TicketOpened", actor="people/meng", text="It stops."),
            entry("TicketStarted"),
            entry("CommentAdded", text="Only us", visibility=ticket_pb2.VISIBILITY_INTERNAL),
        ],
        found,
        "Store lead",
        READER,
    )
    assert [(one["name"], one["about"], one["internal"]) for one in messages] == [
        ("meng", "Store lead · from chat", False),
        ("lin", "Public reply", True),
    ]


def test_take_is_two_requests_of_one_form() -> None:
    """The second decision has an id of its own that depends on the form's alone, and only the first has the etag."""
    form = {"request_id": str(uuid.uuid4()), "etag": '"4"', "team": "teams/stores", "assignee": "people/lin"}
    made = queue_verbs.requests("take", "INC-000001", form | {"starts": "yes"})
    again = queue_verbs.requests("take", "INC-000001", form | {"starts": "yes"})
    assert [method for method, _ in made] == ["AssignTicket", "StartTicket"]
    assert [asked for _, asked in made] == [asked for _, asked in again]
    assert made[0][1].request_id == form["request_id"] != made[1][1].request_id
    assert str(uuid.UUID(made[1][1].request_id)) == made[1][1].request_id
    assert (made[0][1].etag, made[1][1].etag) == ('"4"', "")
    assert len(queue_verbs.requests("take", "INC-000001", form)) == 1


def test_requests_of_forms() -> None:
    """Forms become requests: the chosen cell is impact and urgency, numbers become names, articles come from both."""
    triage = queue_verbs.requests("triage", "INC-000001", {"cell": "1-3", "service": "Checkout"})[0][1]
    assert (triage.impact, triage.urgency, triage.service) == (1, 3, "services/checkout")
    link = queue_verbs.requests("link", "INC-000001", {"relation": "4", "target": " chg-000012 "})[0][1]
    assert (link.link.relation, link.link.target) == (ticket_pb2.LINK_RELATION_SOLVED_BY, "changes/CHG-000012")
    form = {"code": "1", "note": "done", "article-KB-000001": "yes", "articles": "kb-000002, KB-000001"}
    resolve = queue_verbs.requests("resolve", "INC-000001", form)[0][1]
    assert list(resolve.articles) == ["articles/KB-000001", "articles/KB-000002"]
    note = queue_verbs.requests("comment", "INC-000001", {"text": "a\r\nb", "kind": "internal", "etag": "x"})[0][1]
    assert (note.text, note.visibility, note.etag) == ("a\nb", ticket_pb2.VISIBILITY_INTERNAL, "")


def test_broken_forms_are_left_to_the_refusal() -> None:
    """What is not a number, a cell or a file reaches the service as nothing, which it refuses by field."""
    triage = queue_verbs.requests("triage", "INC-000001", {"cell": "high"})[0][1]
    assert (triage.impact, triage.urgency) == (0, 0)
    assert queue_verbs.derived("not a uuid", 1) == ""
    assert queue_verbs.attachment("INC-000001", {}, None)[1].content == b""
    assert queue_verbs.attachment("INC-000001", {}, FileStorage(filename="a.txt"))[1].file_name == "a.txt"
