"""What somebody who asks for something sees and does, through real pages of the whole running system."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from playwright.sync_api import Browser, Page, expect
from throughline.sla.v1 import sla_pb2
from throughline.tickets.v1 import ticket_pb2

from deploy.local.system import System
from services.runtime.actor import Actor
from tests.support.office import ADMIN, Office, chromium, window

# The first test of a process waits for the whole system to start.
pytestmark = pytest.mark.timeout(300)

NUMBER = re.compile(r"(?:INC|REQ)-\d{6,}")
SERVICE = "services/till"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for the module."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def office(system: System) -> Office:
    """A team, and a promise for one service of its own: 30 minutes to answer and 8 hours to solve, around the clock."""
    made = Office(system)
    made.team("till-team", "Till team", "收银组")
    every_day = [sla_pb2.Segment(start="00:00", end="24:00")]
    calendar = sla_pb2.Calendar(
        name="calendars/till",
        display_names={"en": "Tills"},
        time_zone="Asia/Shanghai",
        weekly_hours=[sla_pb2.WeeklyHours(weekday=day, segments=every_day) for day in range(1, 8)],
    )
    made.ask(ADMIN, "sla", "PublishCalendar", calendar=calendar)
    pauses = [ticket_pb2.TICKET_STATE_AWAITING_REQUESTER, ticket_pb2.TICKET_STATE_ON_HOLD]
    policy = sla_pb2.Policy(
        name="policies/till",
        display_names={"en": "Tills first", "zh": "收银优先"},
        order=1,
        match=sla_pb2.PolicyMatch(services=[SERVICE]),
        targets=[
            sla_pb2.Target(kind=kind, duration=Duration(seconds=seconds), pause_states=pauses)
            for kind, seconds in ((sla_pb2.CLOCK_KIND_RESPONSE, 1800), (sla_pb2.CLOCK_KIND_RESOLUTION, 8 * 3600))
        ],
        calendar="calendars/till",
    )
    made.ask(ADMIN, "sla", "PublishPolicy", policy=policy)
    return made


@pytest.fixture(scope="module")
def asker(office: Office) -> Actor:
    """The one who asks."""
    return office.person("till-asker", "Su Wanqing", "requester")


@pytest.fixture(scope="module")
def agent(office: Office) -> Actor:
    """The one who works on it."""
    return office.person("till-agent", "Zhou Yan", "agent", team="till-team")


@pytest.fixture
def ticket(office: Office, asker: Actor, agent: Actor) -> str:
    """A ticket in work, with a promise whose clock is known already; its number."""
    made = office.ask(
        asker,
        "tickets",
        "CreateTicket",
        type=1,
        title="Till 3 prints no receipt",
        channel=1,
        service=SERVICE,
        impact=2,
        urgency=2,
    )
    office.ask(agent, "tickets", "AssignTicket", name=made.name, team="teams/till-team", assignee=agent.sub)
    office.ask(agent, "tickets", "StartTicket", name=made.name)
    _until(lambda: _clocks(office, agent, made.name).clocks)
    return str(made.name).removeprefix("tickets/")


def _clocks(office: Office, actor: Actor, name: str) -> Any:
    answer = office.ask(actor, "sla", "BatchGetTicketClocks", tickets=[name])
    return answer.clocks[0] if answer.clocks else sla_pb2.TicketClocks()


def _until(holds: Callable[[], object], seconds: float = 20.0) -> None:
    """Waits for what travels between services."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come in time"
        time.sleep(0.1)


def _paused(office: Office, agent: Actor, number: str) -> bool:
    clocks = _clocks(office, agent, f"tickets/{number}").clocks
    return bool(clocks) and clocks[-1].state == sla_pb2.CLOCK_STATE_PAUSED


def _answer(page: Page, name: str) -> str:
    """The words of one of the four answers."""
    given = page.locator(".answers > div", has=page.locator("dt", has_text=name))
    return "\n".join(given.locator(".answer-value, .answer-detail").all_inner_texts())


def test_filing(browser: Browser, office: Office, asker: Actor, ticket: str, tmp_path: Path) -> None:
    """From the question box to the ticket: the promise stands there before it is sent, input survives an error, the
    file comes along, and a form that is sent again files nothing twice."""
    with window(browser, office, asker) as own:
        page = own.open("/")
        page.fill("#ask", "the till drawer is stuck")
        page.get_by_text("Something does not work").click()
        page.wait_for_url("**/submit?*")
        assert page.input_value("#title") == "the till drawer is stuck"
        page.fill("#description", "It opens halfway.")
        page.click("text=Send to the service desk")
        expect(page.locator("[data-summary]")).to_contain_text("Choose who is affected.")
        assert page.input_value("#description") == "It opens halfway."
        page.select_option("#service", SERVICE)
        page.get_by_text("Only me", exact=True).click()
        page.get_by_text("Can wait some days").click()
        expect(page.locator("#promise")).to_contain_text(
            re.compile(r"Answered by .+, done by .+Tills first", re.DOTALL)
        )
        note = tmp_path / "drawer.txt"
        note.write_text("stuck at 10 cm")
        page.set_input_files("#file", note)
        fields = page.evaluate("Object.fromEntries(new FormData(document.querySelector('main form')))")
        page.click("text=Send to the service desk")
        page.wait_for_url("**/tickets/*")
        number = NUMBER.search(page.url)
        assert number is not None
        expect(page.locator("h1")).to_have_text("the till drawer is stuck")
        expect(page.locator("#files")).to_contain_text("drawer.txt")
        again = own.context.request.post(
            f"{own.url}/submit", form={k: v for k, v in fields.items() if isinstance(v, str)}
        )
        assert number.group() in again.url, "the same form leads to the same ticket"
        assert own.complaints == []


def test_no_promise_is_said(browser: Browser, office: Office, asker: Actor) -> None:
    """Where no policy matches, the form and the ticket say so, and name who is next all the same."""
    with window(browser, office, asker) as own:
        page = own.open("/submit?q=A+poster+fell+down&impact=3&urgency=3")
        expect(page.locator("#promise")).to_contain_text("No promise is defined for this")
        page.click("text=Send to the service desk")
        page.wait_for_url("**/tickets/*")
        assert "Service desk" in _answer(page, "Who is next")
        when = _answer(page, "When")
        assert "Not known yet" in when
        assert "No promise is defined" in when


def test_four_answers_and_the_owed_one(
    browser: Browser, office: Office, asker: Actor, agent: Actor, ticket: str
) -> None:
    """The four answers follow the ticket: in work, then a question that only the requester can answer, with the clock
    paused; the answer clears what was owed and the clock runs."""
    with window(browser, office, asker) as own:
        page = own.open(f"/tickets/{ticket}")
        assert _answer(page, "Who is next") == "Zhou Yan\nTill team"
        assert re.search(r"^By .+\n.*Basis: promise of 8 h; only \d+ like it so far, 30 needed", _answer(page, "When"))
        assert _answer(page, "What blocks it").startswith("Nothing blocks it")
        assert _answer(page, "What I owe").startswith("Nothing")
        office.ask(agent, "tickets", "AskRequester", name=f"tickets/{ticket}", question="Which till is it?")
        _until(lambda: _paused(office, agent, ticket))
        page.reload()
        assert _answer(page, "Who is next").startswith("You, then Zhou Yan")
        assert re.match(r"Within (8 h|7 h 59) of your answer", _answer(page, "When"))
        assert "only you can unblock" in _answer(page, "What blocks it")
        assert _answer(page, "What I owe").startswith("1 answer")
        expect(page.locator(".line > li").first).to_contain_text("Waiting for you")
        own.open("/")
        expect(page.locator(".rows", has_text="Till 3").locator("li").first).to_contain_text("You owe an answer")
        page.click("text=Till 3 prints no receipt")
        page.fill("#answer", "The one at the door")
        page.click("text=Send answer")
        expect(page.locator(".owe")).to_have_count(0)
        assert _answer(page, "Who is next").startswith("Zhou Yan")
        expect(page.locator("#talk")).to_contain_text("The one at the door")
        _until(lambda: not _paused(office, agent, ticket))
        page.reload()
        expect(page.locator(".line > li").first).to_contain_text("Zhou Yan works on it")


def test_hold_names_who_can_unblock(browser: Browser, office: Office, asker: Actor, agent: Actor, ticket: str) -> None:
    """A ticket that waits for a supplier says what blocks it, since when, and who can unblock it."""
    office.ask(
        agent,
        "tickets",
        "HoldTicket",
        name=f"tickets/{ticket}",
        reason=1,
        note="A new printer is on its way",
        unblocker="Acme",
    )
    with window(browser, office, asker) as own:
        page = own.open(f"/tickets/{ticket}")
        blocks = _answer(page, "What blocks it")
        assert blocks.startswith("A new printer is on its way\nSince ")
        assert blocks.endswith("Acme can unblock it")
        assert _answer(page, "Who is next").startswith("Acme")


def test_page_follows_without_losing_words(
    browser: Browser, office: Office, asker: Actor, agent: Actor, ticket: str
) -> None:
    """The answers are asked for again and change in place, half-written words stay, and unchanged ones cost a 304."""
    with window(browser, office, asker) as own:
        page = own.open(f"/tickets/{ticket}")
        page.fill("#talk textarea", "half a sent")
        address = page.get_attribute("#ticket-live", "hx-get")
        first = own.context.request.get(own.url + str(address))
        same = own.context.request.get(own.url + str(address), headers={"If-None-Match": first.headers["etag"]})
        assert (first.status, same.status) == (200, 304)
        office.ask(agent, "tickets", "ResolveTicket", name=f"tickets/{ticket}", code=1, note="New paper roll")
        page.evaluate("htmx.trigger('#ticket-live', 'refresh')")
        expect(page.locator("#ticket-live")).to_contain_text("This ticket has changed")
        expect(page.locator("#live")).to_contain_text("Solved")
        expect(page.locator("#ticket-journey")).to_contain_text("Zhou Yan solved it")
        assert page.input_value("#talk textarea") == "half a sent"
        assert own.complaints == []


def test_solved_then_not_then_closed(browser: Browser, office: Office, asker: Actor, agent: Actor, ticket: str) -> None:
    """The requester says that it is not solved, with a reason, and later that it works."""
    name = f"tickets/{ticket}"
    office.ask(agent, "tickets", "ResolveTicket", name=name, code=1, note="New paper roll")
    with window(browser, office, asker) as own:
        page = own.open(f"/tickets/{ticket}")
        page.click("text=It is not solved")
        page.fill("#reopen-reason", "   ")
        page.click("text=Open it again")
        expect(page.locator("[data-summary] a")).to_have_attribute("href", "#reopen-reason")
        page.fill("#reopen-reason", "Still no receipt")
        page.click("text=Open it again")
        expect(page.locator("#ticket-journey")).to_contain_text("You said it is not solved")
        office.ask(agent, "tickets", "ResolveTicket", name=name, code=1, note="New printer")
        page.reload()
        page.click("text=It works, close it")
        expect(page.locator("main")).to_contain_text("It is closed.")
        assert _answer(page, "Who is next").startswith("Nobody")
        own.open("/tickets?show=closed")
        expect(page.locator("table")).to_contain_text(ticket)


def test_the_journey_leads_from_the_form_to_feedback_without_a_gap(
    browser: Browser, office: Office, asker: Actor, agent: Actor
) -> None:
    """Filed through the form and closed on the page: every stretch has its name, the critical ones add up to the lead
    time exactly, the same is a trace to be saved, and both sides read it on paper, on a phone and in their language."""
    with window(browser, office, asker) as own:
        page = own.open(f"/submit?q=The+drawer+is+stuck&impact=3&urgency=3&service={SERVICE}")
        page.click("text=Send to the service desk")
        page.wait_for_url("**/tickets/*")
        found = NUMBER.search(page.url)
        assert found is not None
        number = found.group()
        name = f"tickets/{number}"
        office.ask(agent, "tickets", "AssignTicket", name=name, team="teams/till-team", assignee=agent.sub)
        office.ask(agent, "tickets", "StartTicket", name=name)
        office.ask(agent, "tickets", "AskRequester", name=name, question="Which till is it?")
        page.reload()
        page.fill("#answer", "The one at the door")
        page.click("text=Send answer")
        office.ask(agent, "tickets", "HoldTicket", name=name, reason=1, note="Key ordered", unblocker="Acme")
        office.ask(agent, "tickets", "ResumeTicket", name=name)
        office.ask(agent, "tickets", "AddComment", name=name, text="internal: the zebra key", visibility=2)
        office.ask(agent, "tickets", "ResolveTicket", name=name, code=1, note="New key")
        page.reload()
        page.click("text=It works, close it")
        page.click("text=Where the time went")
        page.wait_for_url("**/journey")
        rows = page.locator("table[aria-label='The journey, stretch by stretch'] tbody tr")
        told = [text.splitlines()[0].strip() for text in rows.all_inner_texts()]
        assert [text.split("\t")[0] for text in told] == [
            "Intake: read and sorted", "Routing: finding its team", "In the team's queue", "Worked on",
            "Waiting for the requester", "Worked on", "Waiting for a supplier", "Worked on", "Delivered: does it work?",
            "Feedback",
        ]  # fmt: skip
        expect(rows.last).to_contain_text("No survey was sent")
        assert "zebra" not in page.content()
        asked = own.context.request.get(f"{own.url}/api/v1/{name}/journey").json()
        spans = asked["spans"]
        assert all(one["end_time"] == other["start_time"] for one, other in pairwise(spans))
        critical = sum(_seconds(one["duration"]) for one in spans if one["critical"])
        assert round(critical, 3) == _seconds(asked["lead_duration"])
        with page.expect_download() as saved:
            page.click("text=Save as a trace")
        assert saved.value.suggested_filename == f"{number}.otlp.json"
        trace = json.loads(Path(saved.value.path()).read_text("utf-8"))
        kept = trace["resourceSpans"][0]["scopeSpans"][0]["spans"]
        assert ({one["traceId"] for one in kept}, len(kept)) == ({asked["trace_id"]}, len(spans) + 1)
        assert own.violations() == []
    for reader, path, language, width in (
        (asker, f"/tickets/{number}/journey", "zh", 390),
        (agent, f"/queue/{number}?tab=journey", "en", 1440),
    ):
        with window(browser, office, reader, language=language, theme="dark", width=width) as other:
            opened = other.open(path)
            assert opened.locator("svg.waterfall").count() == len(spans)
            assert (other.violations(), other.overflow(), other.complaints) == ([], 0, [])


def _seconds(length: str) -> float:
    """ "5.250s" of the interface for programs."""
    return float(length.removesuffix("s"))


def test_own_tickets_alone(browser: Browser, office: Office, agent: Actor, ticket: str) -> None:
    """Somebody else's ticket does not exist, and internal notes never reach the requester's page or its files."""
    stranger = office.person("till-stranger", "Meng Zhiqiu", "requester")
    name = f"tickets/{ticket}"
    office.ask(agent, "tickets", "AddComment", name=name, text="internal: ask the zebra", visibility=2)
    office.ask(agent, "tickets", "AddAttachment", name=name, file_name="zebra.txt", content=b"stripes", visibility=2)
    with window(browser, office, stranger) as other:
        for path in ("", "/live"):
            assert other.context.request.get(f"{other.url}/tickets/{ticket}{path}").status == 404
    asker = Actor("people/till-asker")
    with window(browser, office, asker) as own:
        html = own.open(f"/tickets/{ticket}").content()
        assert "zebra" not in html


def test_file_is_only_saved(browser: Browser, office: Office, asker: Actor, ticket: str) -> None:
    """A file comes as an attachment that a browser neither shows nor guesses at, whatever its name."""
    name, page_in_file = f"tickets/{ticket}", b"<script>alert(1)</script>"
    office.ask(asker, "tickets", "AddAttachment", name=name, file_name="报告.html", content=page_in_file, visibility=1)
    with window(browser, office, asker) as own:
        page = own.open(f"/tickets/{ticket}")
        answer = own.context.request.get(own.url + str(page.get_attribute("#files a", "href")))
        assert answer.body() == page_in_file
        assert answer.headers["content-disposition"].startswith("attachment;")
        assert "filename*=UTF-8''%E6%8A%A5%E5%91%8A.html" in answer.headers["content-disposition"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
        assert "html" not in answer.headers["content-type"]


@pytest.mark.parametrize(("language", "theme", "width"), [("zh", "light", 1280), ("en", "dark", 320)])
def test_pages_are_accessible(
    browser: Browser, office: Office, asker: Actor, agent: Actor, ticket: str, language: str, theme: str, width: int
) -> None:
    """Home, form, list and an owed ticket: axe finds nothing, nothing scrolls sideways, no script fails."""
    office.ask(agent, "tickets", "AskRequester", name=f"tickets/{ticket}", question="Which till is it?")
    with window(browser, office, asker, language=language, theme=theme, width=width) as own:
        found: list[tuple[Any, ...]] = []
        for path in ("/", "/submit?impact=2&urgency=2", "/tickets", f"/tickets/{ticket}"):
            own.open(path)
            found += [(path, *each) for each in own.violations()]
            found += [(path, own.overflow())] if own.overflow() else []
        assert found == []
        assert own.complaints == []


def test_without_a_script(browser: Browser, office: Office, asker: Actor, ticket: str) -> None:
    """The pages work without a script: the promise is shown by a button, and a message is sent."""
    with window(browser, office, asker) as own:
        cookies = own.context.cookies()
    context = browser.new_context(java_script_enabled=False)
    context.add_cookies(cookies)  # type: ignore[arg-type]  # its type is narrower than what it takes
    page = context.new_page()
    page.goto(f"{office.url}/submit?q=Poster&impact=3&urgency=3&service={SERVICE}")
    page.fill("#description", "kept")
    page.click("text=Show the promise first")
    assert "done by" in page.inner_text("#promise")
    assert page.input_value("#description") == "kept"
    page.goto(f"{office.url}/tickets/{ticket}")
    page.fill("#talk textarea", "Any news?")
    page.click("#talk button[type=submit]")
    assert "Any news?" in page.inner_text("#talk")
    context.close()
