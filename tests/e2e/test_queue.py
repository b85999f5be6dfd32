"""What an agent sees and does in the workspace, through real pages of the whole running system."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from playwright.sync_api import Browser, Page, expect
from throughline.sla.v1 import sla_pb2
from throughline.tickets.v1 import ticket_pb2

from deploy.local.system import System
from services.runtime.actor import Actor
from tests.support.office import ADMIN, Office, chromium, window

TEAM, OTHER, SERVICE = "teams/scan-team", "teams/scan-vendor-team", "services/scanner"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for the module."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def office(system: System) -> Office:
    """Two teams, and for one service a promise of 30 minutes to answer and 8 hours to solve, around the clock."""
    made = Office(system)
    made.team("scan-team", "Scanners", "扫码组")
    made.team("scan-vendor-team", "Scanner vendors", "扫码供应商组")
    every_day = [sla_pb2.Segment(start="00:00", end="24:00")]
    hours = [sla_pb2.WeeklyHours(weekday=day, segments=every_day) for day in range(1, 8)]
    calendar = sla_pb2.Calendar(
        name="calendars/scanner", display_names={"en": "Scanners"}, time_zone="Asia/Shanghai", weekly_hours=hours
    )
    made.ask(ADMIN, "sla", "PublishCalendar", calendar=calendar)
    pauses = [ticket_pb2.TICKET_STATE_AWAITING_REQUESTER, ticket_pb2.TICKET_STATE_ON_HOLD]
    targets = [
        sla_pb2.Target(kind=kind, duration=Duration(seconds=seconds), pause_states=pauses)
        for kind, seconds in ((sla_pb2.CLOCK_KIND_RESPONSE, 1800), (sla_pb2.CLOCK_KIND_RESOLUTION, 8 * 3600))
    ]
    policy = sla_pb2.Policy(
        name="policies/scanner",
        display_names={"en": "Scanners first"},
        order=2,
        match=sla_pb2.PolicyMatch(services=[SERVICE]),
        targets=targets,
        calendar="calendars/scanner",
    )
    made.ask(ADMIN, "sla", "PublishPolicy", policy=policy)
    return made


@pytest.fixture(scope="module")
def asker(office: Office) -> Actor:
    """The one who asks."""
    return office.person("scan-asker", "Meng Zhiqiu", "requester")


@pytest.fixture(scope="module")
def agent(office: Office) -> Actor:
    """The one who works."""
    return office.person("scan-agent", "Lin Yu'an", "agent", team="scan-team")


@pytest.fixture(scope="module")
def colleague(office: Office) -> Actor:
    """Somebody of the other team."""
    return office.person("scan-vendor", "Zhou Yan", "agent", team="scan-vendor-team")


@pytest.fixture
def ticket(office: Office, asker: Actor, agent: Actor) -> str:
    """A new ticket that the team has and nobody has taken; its number."""
    return _filed(office, asker, agent, "The scanner beeps and reads nothing")


def _filed(office: Office, asker: Actor, agent: Actor, title: str) -> str:
    made = office.ask(
        asker, "tickets", "CreateTicket", type=1, title=title, description="Since noon.", channel=1, service=SERVICE
    )
    office.ask(agent, "tickets", "AssignTicket", name=made.name, team=TEAM)
    return str(made.name).removeprefix("tickets/")


def _ticket(office: Office, actor: Actor, number: str) -> Any:
    return office.ask(actor, "tickets", "GetTicket", name=f"tickets/{number}")


def _until(holds: Callable[[], object], seconds: float = 20.0) -> None:
    """Waits for what travels between services."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come in time"
        time.sleep(0.1)


def _press(page: Page, *keys: str) -> None:
    """Presses keys once the page's script listens, which the palette's own list of findings tells."""
    page.locator("#palette-list [data-found]").wait_for(state="attached")
    for key in keys:
        page.keyboard.press(key)


def _send(page: Page, button: str) -> None:
    page.locator("#act").get_by_role("button", name=button, exact=True).click()


def test_from_the_queue_to_the_solution(
    browser: Browser, office: Office, asker: Actor, agent: Actor, ticket: str
) -> None:
    """Found by keys, taken, sorted, asked, answered, held, resumed, solved and closed, without leaving the workspace;
    each step stands in the timeline in words."""
    with window(browser, office, agent, width=1440) as own:
        page = own.open("/queue?list=unassigned")
        row = page.locator(".queue-row", has_text=ticket)
        expect(row).to_contain_text("nobody has it")
        for _ in range(page.locator(".queue-row").count()):
            _press(page, "j")
            if ticket in page.evaluate("document.activeElement.innerText"):
                break
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/queue/{ticket}?*")
        expect(page.locator(".item-stands")).to_contain_text("nobody has it yet")
        page.get_by_role("button", name="Take", exact=True).click()
        expect(page.locator(".item-stands")).to_contain_text("Next: Lin Yu'an, Scanners")
        taken = _ticket(office, agent, ticket)
        assert (taken.assignee, taken.state) == (agent.sub, ticket_pb2.TICKET_STATE_IN_PROGRESS)

        page.get_by_role("link", name="Sort", exact=True).click()
        page.get_by_label("Impact high, urgency medium: P2").check()
        _send(page, "Set the priority")
        expect(page.locator(".item-head .severity")).to_have_text("P2")
        clocks = f"tickets/{ticket}"
        _until(lambda: office.ask(agent, "sla", "BatchGetTicketClocks", tickets=[clocks]).clocks)
        page.reload()
        expect(page.locator(".clock")).to_contain_text("promise 8 h in service hours")

        _press(page, "q")
        page.wait_for_url("**act=ask")
        page.fill("#question", "Which model is it?")
        _send(page, "Send the question")
        expect(page.locator(".item-stands")).to_contain_text("Which model is it?")
        office.ask(asker, "tickets", "AnswerQuestion", name=f"tickets/{ticket}", answer="The grey one.")
        page.reload()
        expect(page.locator(".talk")).to_contain_text("The grey one.")

        page.get_by_text("More", exact=True).click()
        page.get_by_role("link", name="Put on hold").click()
        page.select_option("#reason", "1")
        page.fill("#unblocker", "Acme")
        page.fill("#note", "A spare part")
        _send(page, "Put the ticket on hold")
        expect(page.locator(".item-stands")).to_contain_text("A spare part. Acme can unblock it.")
        page.get_by_role("button", name="Resume", exact=True).click()
        page.get_by_role("link", name="Resolve", exact=True).click()
        page.fill("#note", "Swapped the cable.")
        _send(page, "Resolve the ticket")
        expect(page.locator(".item-stands")).to_contain_text("Meng Zhiqiu says whether it works")
        page.get_by_role("button", name="Close ticket").click()
        expect(page.locator(".item-stands")).to_contain_text("Closed")

        page.get_by_role("link", name="Timeline").click()
        told = page.locator(".line-title").all_inner_texts()
        assert told == [
            "Lin Yu'an closed it",
            "Lin Yu'an solved it: Fixed",
            "Lin Yu'an took up the work again",
            "Lin Yu'an put it on hold; Acme can unblock it",
            "Meng Zhiqiu answered: Which model is it?",
            "Lin Yu'an asked the requester",
            "Lin Yu'an set P2",
            "Lin Yu'an began to work on it",
            "Lin Yu'an took it",
            "Lin Yu'an gave it to Scanners",
            "Meng Zhiqiu filed it",
        ]
        assert own.complaints == []


def test_handing_over(browser: Browser, office: Office, agent: Actor, colleague: Actor, ticket: str) -> None:
    """Choosing a team offers its people alone, with and without a script, and the ticket leaves the team's list."""
    with window(browser, office, agent) as own:
        page = own.open(f"/queue/{ticket}?act=assign")
        page.select_option("#team", OTHER)
        expect(page.locator("#assignee option")).to_have_text(["The team decides", "Zhou Yan"])
        page.select_option("#team", TEAM)
        expect(page.locator("#assignee option")).to_have_text(["The team decides", "Lin Yu'an"])
        page.select_option("#team", OTHER)
        page.get_by_role("button", name="Show the people of this team").click()
        assert page.input_value("#team") == OTHER
        assert _ticket(office, agent, ticket).team == TEAM, "showing people gives the ticket to nobody"
        page.select_option("#assignee", colleague.sub)
        _send(page, "Assign the ticket")
        expect(page.locator(".item-stands")).to_contain_text("Next: Zhou Yan, Scanner vendors")
        given = _ticket(office, agent, ticket)
        assert (given.team, given.assignee, given.reassignments) == (OTHER, colleague.sub, 1)
        assert page.locator(".queue-row", has_text=ticket).count() == 0


def test_a_refusal_keeps_what_was_typed(browser: Browser, office: Office, agent: Actor, ticket: str) -> None:
    """An act on a ticket that somebody else has changed meanwhile is refused in place; sent again, it holds."""
    with window(browser, office, agent) as own:
        page = own.open(f"/queue/{ticket}?act=hold")
        page.fill("#unblocker", "Acme")
        _send(page, "Put the ticket on hold")
        expect(page.locator("[data-summary]")).to_be_visible()
        assert page.input_value("#unblocker") == "Acme"
        assert page.locator("#note[aria-invalid=true]").count() == 1
        page.fill("#note", "A spare part")
        office.ask(agent, "tickets", "AddComment", name=f"tickets/{ticket}", text="Look here", visibility=1)
        _send(page, "Put the ticket on hold")
        expect(page.locator("[data-summary]")).to_be_visible()
        assert page.input_value("#note") == "A spare part"
        expect(page.locator(".talk")).to_contain_text("Look here")
        _send(page, "Put the ticket on hold")
        expect(page.locator(".item-stands")).to_contain_text("A spare part. Acme can unblock it.")


def test_a_form_sent_twice_is_one_change(browser: Browser, office: Office, agent: Actor, ticket: str) -> None:
    """Taking is two decisions of one form; the same form again leads to the same ticket and changes nothing."""
    with window(browser, office, agent) as own:
        page = own.open(f"/queue/{ticket}")
        fields = page.evaluate("Object.fromEntries(new FormData(document.querySelector('form[action$=\"/take\"]')))")
        for _ in range(2):
            sent = own.context.request.post(f"{own.url}/queue/{ticket}/take", form=fields)
            assert sent.ok, sent.status
        entries = office.ask(agent, "tickets", "ListTimelineEntries", name=f"tickets/{ticket}").entries
        assert [entry.kind for entry in entries] == [
            "TicketOpened",
            "TicketAssigned",
            "TicketAssigned",
            "TicketStarted",
        ]


def test_what_is_said(browser: Browser, office: Office, asker: Actor, agent: Actor, ticket: str) -> None:
    """A reply is public, a note is for agents alone; a link stands beside the ticket and can be taken away."""
    other = _filed(office, asker, agent, "Another scanner")
    with window(browser, office, agent) as own:
        page = own.open(f"/queue/{ticket}")
        _press(page, "n")
        page.keyboard.type("Only for us")
        page.keyboard.press("Control+Enter")
        expect(page.locator(".talk-internal")).to_contain_text("Only for us")
        _press(page, "r")
        page.keyboard.type("We are on it")
        page.keyboard.press("Control+Enter")
        expect(page.locator(".talk")).to_contain_text("We are on it")
        seen = office.ask(asker, "tickets", "ListTimelineEntries", name=f"tickets/{ticket}").entries
        assert "We are on it" in [entry.text for entry in seen]
        assert "Only for us" not in [entry.text for entry in seen]
        page.goto(f"{own.url}/queue/{ticket}?act=link")
        page.fill("#target", other.lower())
        _send(page, "Add the link")
        expect(page.get_by_role("link", name=other, exact=True)).to_be_visible()
        page.get_by_role("button", name=f"Take away the link to {other}").click()
        expect(page.get_by_role("link", name=other, exact=True)).to_have_count(0)
        assert not _ticket(office, agent, ticket).links


def test_without_a_script(browser: Browser, office: Office, agent: Actor, ticket: str) -> None:
    """The whole workspace works in a browser that runs no script."""
    with window(browser, office, agent) as own:
        cookies: Any = own.context.cookies()
    plain = browser.new_context(java_script_enabled=False)
    plain.add_cookies(cookies)
    page = plain.new_page()
    page.goto(f"{office.url}/queue?list=unassigned")
    page.locator(".queue-row", has_text=ticket).click()
    page.get_by_role("button", name="Take", exact=True).click()
    page.fill("textarea[name=text]", "We look at it")
    page.get_by_role("button", name=re.compile("^Send")).click()
    expect(page.locator(".talk")).to_contain_text("We look at it")
    page.get_by_role("link", name="Resolve", exact=True).click()
    page.fill("#note", "Swapped the cable.")
    _send(page, "Resolve the ticket")
    expect(page.locator(".item-stands")).to_contain_text("Solved")
    plain.close()


def test_the_palette_finds_tickets(browser: Browser, office: Office, agent: Actor, ticket: str) -> None:
    """Typing a number into the palette leads to the ticket."""
    with window(browser, office, agent) as own:
        page = own.open("/queue")
        _press(page, "Control+k")
        page.keyboard.type(ticket)
        page.locator("[data-found] .command", has_text=ticket).click()
        page.wait_for_url(f"**/queue/{ticket}")


@pytest.mark.parametrize(
    ("language", "theme", "width"), [pytest.param("zh", "light", 1440, marks=pytest.mark.long), ("en", "dark", 320)]
)
def test_the_workspace_is_open_to_all(
    browser: Browser, office: Office, agent: Actor, ticket: str, language: str, theme: str, width: int
) -> None:
    """List, ticket and every form pass axe, have one h1, fit the window and speak the reader's language."""
    with window(browser, office, agent, language=language, theme=theme, width=width) as own:
        acts = ("assign", "ask", "hold", "resolve", "triage", "link", "attach") if width == 1440 else ("triage",)
        for path in ("/queue", f"/queue/{ticket}", *(f"/queue/{ticket}?act={act}" for act in acts)):
            page = own.open(path)
            assert (path, own.violations()) == (path, [])
            assert (path, own.overflow()) == (path, 0)
            assert page.locator("h1").count() == 1
            if language == "zh":
                page.locator("[lang=en]").evaluate_all("every => every.forEach(one => one.remove())")
                words = page.locator(".item-head, .item-stands, #act label, #act button, .side-title").all_inner_texts()
                assert all(re.search(r"[一-鿿]", text) for text in words if re.search(r"[A-Za-z]{4}", text)), words
        assert own.complaints == []


def test_who_may_not(browser: Browser, office: Office, asker: Actor, ticket: str) -> None:
    """A requester has no queue and no acts there."""
    with window(browser, office, asker) as own:
        assert own.context.request.get(f"{own.url}/queue").status == 403
        assert own.context.request.get(f"{own.url}/queue/{ticket}").status == 403
