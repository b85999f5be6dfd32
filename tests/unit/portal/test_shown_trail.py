"""The chain of evidence: what a row of the ledger leads to, whose effect can be looked at, and gaps that say why."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask_babel import Babel, force_locale
from throughline.changes.v1 import change_pb2
from throughline.metrics.v1 import metrics_pb2

from services.portal.web.shown import trail
from services.portal.web.shown.trail import Gap, Link

NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """Sentences in English."""
    app = Flask(__name__)
    Babel(app)
    with app.test_request_context(), force_locale("en"):
        yield


def _change(number: int, state: change_pb2.ChangeState.ValueType, hours: int | None) -> change_pb2.Change:
    one = change_pb2.Change(name=f"changes/CHG-{number:06d}", state=state)
    if hours is not None:
        one.finish_time.FromDatetime(NOON + timedelta(hours=hours))
    return one


def test_a_row_leads_to_its_tickets_and_outages_once_each() -> None:
    """An incident's row: itself, and the outages that have some of its time or that its losses are counted with."""
    entry = metrics_pb2.LedgerEntry(
        cause="tickets/INC-000007",
        evidence=[metrics_pb2.Evidence(resource=one) for one in ("tickets/INC-000007", "costModels/people")],
        left_out=[metrics_pb2.LeftOutTime(resource="outages/till.1")],
    )
    assert trail.incidents_of(entry) == ["tickets/INC-000007"]
    assert trail.outages_of(entry, ["tickets/INC-000007", "outages/till.1", "outages/till.2"]) == [
        "outages/till.1",
        "outages/till.2",
    ]


def test_the_cure_is_the_last_change_that_succeeded() -> None:
    """A failed one has no effect to look at, one under way not yet."""
    done, later = change_pb2.CHANGE_STATE_SUCCEEDED, change_pb2.CHANGE_STATE_IN_PROGRESS
    found = [_change(1, done, 1), _change(2, done, 5), _change(3, change_pb2.CHANGE_STATE_FAILED, 9)]
    assert trail.cure([*found, _change(4, later, None)]) == found[1]
    assert trail.cure(found[2:]) is None


def test_a_step_without_a_link_is_a_gap_that_says_why() -> None:
    """Nothing recorded, not allowed to read, away and waiting are four sentences; only what is away is asked again."""
    gaps = [
        trail.outages([]),
        trail.problems([]),
        trail.changes([]),
        trail.changes([], Gap.NOT_SHOWN),
        trail.changes([], Gap.AWAY),
        trail.later([], ""),
    ]
    assert {one["state"] for one in gaps} == {"gap"}
    assert len({one["none"] for one in gaps}) == len(gaps)
    assert [one["again"] for one in gaps] == [False, False, False, False, True, False]
    assert trail.problems([], Gap.AWAY)["none"] == trail.later([], "", gap=Gap.AWAY)["none"] == gaps[4]["none"]
    assert "may not" not in gaps[4]["none"]
    assert trail.worse([None, Gap.NOT_SHOWN, Gap.AWAY]) is Gap.AWAY
    assert trail.worse([None, Gap.NOT_SHOWN]) is Gap.NOT_SHOWN
    assert trail.worse([None]) is None
    step = trail.incidents([Link("INC-000007", "/queue/INC-000007")], 3)
    assert (step["state"], step["none"]) == ("done", "")
    assert step["more"] == "2 more incidents stand in the evidence."
