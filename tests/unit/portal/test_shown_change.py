"""A change as shown: who is next in each state, what its reader may do, its stages, its window, and its form."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from google.protobuf.timestamp_pb2 import Timestamp
from throughline.changes.v1 import change_pb2 as pb
from throughline.portal.v1 import people_pb2
from throughline.type.v1 import interval_pb2

from services.portal.web import changes_form
from services.portal.web.gallery import create_gallery_app
from services.portal.web.shown import change as shown
from services.portal.web.shown import window
from services.portal.web.shown.reader import Reader

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
SHANGHAI = ZoneInfo("Asia/Shanghai")
READER = Reader(sub="people/lin", now=NOW, zone=SHANGHAI)
STATES = [number for number in pb.ChangeState.values() if number]


@pytest.fixture(scope="module")
def app() -> Flask:
    """An app with the portal's languages."""
    return create_gallery_app()


@pytest.fixture(autouse=True)
def words(app: Flask) -> Iterator[None]:
    """A request of somebody who reads English."""
    with app.test_request_context(headers={"Accept-Language": "en"}):
        yield


def stamp(hours: float) -> Timestamp:
    """So many hours after the present."""
    made = Timestamp()
    made.FromDatetime(NOW + timedelta(hours=hours))
    return made


def change(state: int, *, opens: float = 2, lasts: float = 2, **fields: Any) -> pb.Change:
    """A change by Lin, carried out by Chen, that has come as far as `state` says."""
    given: dict[str, Any] = {
        "name": "changes/CHG-000012",
        "author": "people/lin",
        "implementer": "people/chen",
        "services": ["services/checkout"],
        "window": interval_pb2.Interval(start_time=stamp(opens), end_time=stamp(opens + lasts)),
        "create_time": stamp(-72),
        "update_time": stamp(-1),
        "steps": [pb.VerificationStep(id="1", check="a"), pb.VerificationStep(id="2", check="b")],
    }
    times = {
        "submit_time": {2, 3, 4, 5, 6, 7, 8},
        "approve_time": {3, 5, 6, 7, 8},
        "start_time": {5, 6, 7, 8},
        "finish_time": {6, 7, 8},
    }
    given |= {name: stamp(-at) for at, (name, states) in enumerate(times.items(), start=2) if state in states}
    return pb.Change(state=state, **(given | fields))  # type: ignore[arg-type]  # fields by name


def person(name: str, *roles: str) -> people_pb2.Person:
    """Somebody with roles."""
    return people_pb2.Person(name=f"people/{name}", roles=roles)


@pytest.mark.parametrize("state", STATES)
def test_every_state_is_told(state: int) -> None:
    """Each state has its words, a sentence, and a way with one present; while it is open, somebody is next by name."""
    one = change(state)
    assert shown.chip(shown.STATES, state)["text"] != "Unknown"
    assert shown.sentence(one, READER)
    stages = shown.stages(one, READER)
    assert sum(stage["state"] in ("now", "waiting") for stage in stages) == 1
    ended = state in shown.ENDED
    assert ("Next:" in shown.sentence(one, READER)) is not ended
    assert bool(shown.next_words(one, READER)) is not ended


def test_sentences_follow_the_window() -> None:
    """An approved change is next in the implementer's hands: before its window, in it, and after it was missed."""
    approved = pb.CHANGE_STATE_APPROVED
    before, inside, after = (change(approved, opens=hours) for hours in (2, -1, -5))
    assert shown.sentence(before, READER) == "Approved. Next: chen starts it in its window, from 16:00."
    assert shown.sentence(inside, READER) == "Its window is open. Next: chen starts it before 15:00."
    assert shown.sentence(after, READER).startswith("Approved, but its window is over.")
    reader = person("chen", "agent")
    assert shown.page(before, reader, READER)["too_early"] == "Start: from 16:00"
    assert shown.page(inside, reader, READER)["too_early"] == ""


def test_who_may_vote() -> None:
    """Approvers and change managers vote, never on what they wrote or will execute, and the page says why not."""
    waits = change(pb.CHANGE_STATE_AWAITING_APPROVAL)
    assert shown.acts(waits, person("zhao", "approver")) == {"vote"}
    assert shown.acts(waits, person("he", "change_manager")) == {"vote", "cancel"}
    assert shown.acts(waits, person("lin", "approver")) == {"cancel"}
    assert shown.acts(waits, person("chen", "approver")) == frozenset()
    assert shown.acts(waits, person("su", "agent")) == frozenset()
    assert shown.vote_refused(waits, person("lin", "approver")).startswith("You wrote")
    assert shown.vote_refused(waits, person("chen", "approver")).startswith("You will execute")
    assert shown.vote_refused(waits, person("su", "agent")) == ""


def test_who_may_execute() -> None:
    """The implementer executes; the author does while nobody is named; a change manager always may."""
    running = change(pb.CHANGE_STATE_IN_PROGRESS)
    doing = {"verify", "finish", "roll-back"}
    assert shown.acts(running, person("chen", "agent")) == doing
    assert shown.acts(running, person("he", "change_manager")) == doing
    assert shown.acts(running, person("lin", "agent")) == frozenset()
    assert shown.acts(change(pb.CHANGE_STATE_IN_PROGRESS, implementer=""), person("lin", "agent")) == doing


def test_approvals() -> None:
    """The line of votes shows who said what, and the one that is still needed."""
    vote = pb.Approval(approver="people/he", vote=pb.VOTE_REJECTED, note="No way back", vote_time=stamp(-1))
    steps = shown.approvals(change(pb.CHANGE_STATE_REJECTED, approvals=[vote]), READER)
    assert [(step["state"], step["title"], step["detail"]) for step in steps] == [("waiting", "he", "Sent back")]
    assert shown.approvals(change(pb.CHANGE_STATE_AWAITING_APPROVAL), READER)[-1]["state"] == "now"
    assert shown.approvals(change(pb.CHANGE_STATE_DRAFT), READER)[-1]["state"] == "todo"


def test_lanes() -> None:
    """A change that touches the same service at the same time is named; at another time it is
    shown; of other services, or over, it is not."""
    mine = change(pb.CHANGE_STATE_APPROVED)
    near = change(pb.CHANGE_STATE_APPROVED, name="changes/CHG-000013")
    away = change(pb.CHANGE_STATE_APPROVED, name="changes/CHG-000014", opens=20)
    other = change(pb.CHANGE_STATE_APPROVED, name="changes/CHG-000015", services=["services/mail"])
    over = change(pb.CHANGE_STATE_CANCELLED, name="changes/CHG-000016")
    found = window.neighbours(mine, [mine, other, away, near, over])
    assert {one.name: shared for one, shared in found} == {
        near.name: ["services/checkout"],
        away.name: ["services/checkout"],
    }
    lanes = window.lanes(mine, found, READER)
    assert lanes["meets"] == ["CHG-000013"]
    assert lanes["label"] == "CHG-000013 touches the same services in the same window."
    places = [place for row in lanes["rows"] for bar in row["bars"] for place in (bar["from"], bar["to"])]
    assert all(0 <= place <= 101 for place in places)


def test_the_present_has_room() -> None:
    """The word of the present stands alone: a day that begins beside it is not printed over it."""
    mine = change(pb.CHANGE_STATE_APPROVED)
    early = Reader(sub="people/lin", now=NOW - timedelta(hours=12), zone=SHANGHAI)
    assert [day["text"] for day in window.lanes(mine, [], READER)["days"]] == ["Nov 22", "Nov 23", "Nov 24", "Nov 25"]
    lanes = window.lanes(mine, [], early)
    assert (lanes["now"], [day["text"] for day in lanes["days"]]) == (
        (27.08, "now"),
        ["Nov 22", "", "Nov 24", "Nov 25"],
    )
    past = Reader(sub="people/lin", now=NOW + timedelta(days=30), zone=SHANGHAI)
    assert window.lanes(mine, [], past)["now"][1] == ""


def test_the_axis_holds_the_window() -> None:
    """The days shown begin and end at midnight of the reader's zone, around the window, and are at most fourteen."""
    for lasts in (1, 30, 24 * 40):
        one = change(pb.CHANGE_STATE_APPROVED, lasts=lasts)
        first, last = window.axis(one, SHANGHAI)
        assert first.astimezone(SHANGHAI).hour == 0
        assert 4 <= (last - first).days <= 14
        assert first < NOW + timedelta(hours=2) < last


def test_the_form_and_the_plan() -> None:
    """What is typed in company time becomes the plan, and a kept plan gives the same form again."""
    given = changes_form.typed(
        {
            "type": "2",
            "risk": "1",
            "title": " Raise the limit ",
            "plan": "1\r\n2",
            "services": "Checkout, services/loyalty checkout",
            "tickets": "inc-000001",
            "check-1": "Success",
            "mark-1": "99.6 %",
            "check-2": "",
            "mark-2": "",
            "window_start": "2026-11-24T02:00",
            "window_end": "2026-11-24T03:00",
        }
    )
    plan, errors = changes_form.plan(given, SHANGHAI)
    assert errors == {}
    assert (plan.title, plan.plan) == ("Raise the limit", "1\n2")
    assert list(plan.services) == ["services/checkout", "services/loyalty"]
    assert [(step.check, step.pass_mark) for step in plan.steps] == [("Success", "99.6 %")]
    assert plan.window.start_time.ToDatetime(tzinfo=UTC) == datetime(2026, 11, 23, 18, 0, tzinfo=UTC)
    kept = pb.Change(title=plan.title, services=plan.services, window=plan.window, steps=plan.steps)
    again = changes_form.of_change(kept, SHANGHAI)
    assert (again.values["window_start"], again.values["services"]) == ("2026-11-24T02:00", "checkout, loyalty")
    assert again.checks == (("Success", "99.6 %"),)


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({}, {"type", "risk", "title"}),
        ({"window_start": "2026-11-24T02:00"}, {"type", "risk", "title", "window_end"}),
        ({"type": "2", "risk": "9x", "title": "t", "tickets": "CHG-000001"}, {"risk", "tickets"}),
        (
            {
                "type": "1",
                "risk": "1",
                "title": "t",
                "window_start": "2026-11-24T03:00",
                "window_end": "2026-11-24T03:00",
            },
            {"window_end"},
        ),
    ],
)
def test_what_cannot_be_read_is_told_by_field(fields: dict[str, str], wrong: set[str]) -> None:
    """Each field that cannot be read has its own sentence; the rest stays as typed."""
    assert changes_form.plan(changes_form.typed(fields), SHANGHAI)[1].keys() == wrong


def test_rows_of_checks() -> None:
    """A row is added and removed without losing the others; the last is emptied; a refusal finds the row it means."""
    given = changes_form.typed({"check-1": "", "mark-1": "", "check-2": "b", "mark-2": "y"})
    assert given.more_rows().checks == (("", ""), ("b", "y"), ("", ""))
    assert given.without_row(1).checks == (("b", "y"),)
    assert given.without_row(1).without_row(1).checks == (("", ""),)
    full = changes_form.Typed({}, (("a", "b"),) * changes_form.MOST_CHECKS)
    assert len(full.more_rows().checks) == changes_form.MOST_CHECKS
    assert [changes_form.field_of(path, given) for path in ("plan.steps[0]", "plan.steps[0].pass_mark")] == [
        "check-2",
        "mark-2",
    ]
    assert [changes_form.field_of(path, given) for path in ("plan.window", "plan.services[1]", "etag")] == [
        "window_start",
        "services",
        "",
    ]
