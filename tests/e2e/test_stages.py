"""What people see in each of the four stages, from one system with one set of data: only the pages differ."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from google.protobuf.timestamp_pb2 import Timestamp
from throughline.tickets.v1 import ticket_pb2 as t
from throughline.tickets.v1 import tickets_service_pb2 as pb

from deploy.local.system import System
from services.portal.web import profile
from services.portal.web.app import create_app
from services.portal.web.settings import WebSettings
from services.portal.web.stages import NAMES, Stage
from services.runtime.actor import Actor
from tests.support.office import PASSWORD, Office

# One of each stage: that every page has its stage is the table's own test.
PAGES = {Stage.ENTRY: "/queue", Stage.PROCESS: "/policies", Stage.AUTOMATION: "/knowledge", Stage.BOARD: "/reports"}
RESOURCES = {Stage.ENTRY: "reuse", Stage.PROCESS: "policies", Stage.AUTOMATION: "articles", Stage.BOARD: "reports"}
OPERATOR = Actor("people/stage-ola", frozenset({"operator"}))
TICKETS, BY_PHONE, WITH_ARTICLE = 30, 12, 3
WORDS = {"MET": "Met", "UNMET": "Not met", "TOO_FEW": "Too few", "WAITS": "Waits"}


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The six services; the pages are this process's own."""
    whole = System(tmp_path_factory.mktemp("system"), replicas={"web": 0})
    whole.start()
    yield whole
    whole.abandon()


@pytest.fixture(scope="module")
def app(system: System) -> Flask:
    """The web process, made once; each test says in which stage it is."""
    return create_app(WebSettings.load("portal", keys_dir=system.keys, addresses=system.addresses))


@pytest.fixture(scope="module")
def tokens(system: System, app: Flask) -> dict[str, str]:
    """The sessions of somebody who reads numbers and of somebody who does not."""
    office, client, found = Office(system), app.test_client(), {}
    for account, roles in (("eve", ("requester", "agent", "executive", "administrator")), ("ann", ("requester",))):
        office.person(f"stage-{account}", account.title(), *roles)
        answer = client.post("/api/v1/session", json={"account": f"stage-{account}", "password": PASSWORD})
        assert answer.status_code == 201, answer.text
        found[account] = answer.json["token"]  # type: ignore[index]  # a body of JSON
    histories = [_history(at) for at in range(TICKETS)]
    office.ask(OPERATOR, "tickets", "ImportSteps", source="log", histories=histories)
    return found


@pytest.fixture(scope="module")
def kept(app: Flask, tokens: dict[str, str]) -> dict[str, list[dict[str, Any]]]:
    """The criteria of each stage, by its number, once thirty tickets of last week are counted."""
    client = in_stage(app, Stage.BOARD, tokens["eve"])
    for _ in range(150):
        stages = client.get("/api/v1/roadmap").json["stages"]  # type: ignore[index]  # a body of JSON
        found = {str(at): one["criteria"] for at, one in enumerate(stages, 1)}
        if {one["id"]: one["n"] for one in found["3"]}["knowledge_used"] == TICKETS:
            return found
        time.sleep(0.1)
    raise AssertionError("the tickets were not counted")


def _history(at: int) -> pb.TicketHistory:
    opened = datetime.now(UTC).replace(microsecond=0) - timedelta(days=7, minutes=at)

    def step(number: int, state: t.TicketState.ValueType) -> pb.Step:
        moment = Timestamp()
        moment.FromDatetime(opened + timedelta(hours=number))
        made = pb.Step(id=f"{at}/{number}", time=moment, state=state, knowledge_used=at < WITH_ARTICLE)
        made.impact, made.urgency = 2, 2
        return made

    begun = Timestamp()
    begun.FromDatetime(opened)
    return pb.TicketHistory(
        external_id=f"INC{at}",
        type=t.TICKET_TYPE_INCIDENT,
        open_time=begun,
        title="Till does not start",
        channel=t.CHANNEL_PHONE if at < BY_PHONE else t.CHANNEL_PORTAL,
        steps=[
            step(0, t.TICKET_STATE_NEW),
            step(1, t.TICKET_STATE_IN_PROGRESS),
            step(2, t.TICKET_STATE_RESOLVED),
            step(3, t.TICKET_STATE_CLOSED),
        ],
        complete=True,
    )


def in_stage(app: Flask, stage: Stage, token: str) -> FlaskClient:
    """The pages of an installation in a stage, to somebody who is signed in."""
    profile.keep(app, stage)
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return client


@pytest.mark.row("A151")
@pytest.mark.row("A154")
@pytest.mark.parametrize("stage", list(Stage))
def test_a_stage_offers_its_pages_and_tells_from_data_what_it_lacks(
    app: Flask, tokens: dict[str, str], kept: dict[str, list[dict[str, Any]]], stage: Stage
) -> None:
    """Pages, resources and menu end with the stage in force. What comes later says with which stage, and what the one
    in force lacks by the same numbers as the roadmap, where each criterion stands met or unmet.
    """
    client = in_stage(app, stage, tokens["eve"])
    home = client.get("/").text
    for brings, path in PAGES.items():
        page, offered = client.get(path), brings <= stage
        assert (page.status_code, f'href="{path}"' in home) == ((200, True) if offered else (403, False)), path
        answer = client.get(f"/api/v1/{RESOURCES[brings]}")
        if offered:
            assert answer.status_code == 200, path
            continue
        assert f"comes with stage {brings.value}, {NAMES[brings]}" in page.text
        assert f"What stage {stage.value} still lacks" in page.text
        for one in kept[str(stage.value)]:
            assert (one["display_names"]["en"] in page.text) == (one["state"] != "MET"), one["id"]
        assert (answer.status_code, answer.content_type) == (403, "application/problem+json"), path
        told: Any = answer.json
        assert (told["title"], told["stage"], told["stage_in_force"]) == ("STAGE_LATER", brings, stage)
        assert "GET /api/v1/roadmap" in told["detail"]
    roadmap = client.get("/board/roadmap").text
    assert f"In force: stage {stage.value}, {NAMES[stage]}" in roadmap
    for one in kept[str(stage.value)]:
        row = next(part for part in roadmap.split("<tr") if f">{one['display_names']['en']}<" in part)
        assert WORDS[one["state"]] in row, one["id"]


@pytest.mark.row("A154")
def test_criteria_are_met_and_unmet_by_the_tickets(kept: dict[str, list[dict[str, Any]]]) -> None:
    """Of thirty tickets twelve came by phone and three were resolved with an article; no clock ran for any."""
    told = {one["id"]: (one["state"], one["value"]) for criteria in kept.values() for one in criteria}
    assert told["past_the_entry"] == ("UNMET", 40)
    assert told["complete_at_once"] == ("MET", 100)
    assert told["no_ping_pong"] == ("MET", 0)
    assert told["promises_kept"][0] == "TOO_FEW"
    assert told["knowledge_used"] == ("UNMET", 10)
    assert told["runs_by_themselves"][0] == "WAITS"
    assert told["risks_weighed"] == ("UNMET", 0)


def test_nothing_is_lost_before_a_stage_begins(
    app: Flask, tokens: dict[str, str], kept: dict[str, list[dict[str, Any]]]
) -> None:
    """A ticket of the first stage is on the board when the last one begins; a requester is not told numbers."""
    assert kept
    first = in_stage(app, Stage.ENTRY, tokens["ann"])
    later = first.get("/knowledge")
    assert later.status_code == 403
    assert "Whoever reads the numbers" in later.text
    assert "/board/roadmap" not in later.text
    last = in_stage(app, Stage.BOARD, tokens["eve"])
    month = last.get("/api/v1/reuse?months=2&time_zone=UTC").json["months"]  # type: ignore[index]  # a body of JSON
    assert (sum(one["used"] for one in month), month[-1]["total"]) == (WITH_ARTICLE, WITH_ARTICLE)
    assert (sum(one["unaided"] for one in month), sum(one["opened"] for one in month)) == (TICKETS - BY_PHONE, TICKETS)
    page = last.get("/board/roadmap").text
    assert "No number yet: self-solved share; waits for sessions of reading." in page
    assert "runs of automation, minutes of manual work avoided; waits for runs of automation as events." in page
