"""People, calls in their name and signed-in browser windows, for tests that go through the pages of a whole system."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright
from throughline.knowledge.v1 import knowledge_service_pb2, knowledge_service_pb2_grpc
from throughline.portal.v1 import people_service_pb2, people_service_pb2_grpc
from throughline.sla.v1 import (
    escalation_service_pb2,
    escalation_service_pb2_grpc,
    sla_service_pb2,
    sla_service_pb2_grpc,
)
from throughline.tickets.v1 import tickets_service_pb2, tickets_service_pb2_grpc

from deploy.local.system import System
from services.runtime.actor import Actor
from services.runtime.client import acting, sync_channel
from services.runtime.identity import Keys

PASSWORD = "correct horse battery 9"
ADMIN = Actor("people/admin", frozenset({"administrator"}))
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
# axe would judge the half-faded colours of a part that is still sliding in; what turns for ever is not waited for.
SETTLED = """() => Promise.all(document.getAnimations()
    .filter(each => each.effect?.getComputedTiming().endTime !== Infinity)
    .map(each => each.finished.catch(() => undefined)))"""

_SERVICES: dict[str, tuple[Any, Any]] = {
    "people": (people_service_pb2, people_service_pb2_grpc.PeopleServiceStub),
    "tickets": (tickets_service_pb2, tickets_service_pb2_grpc.TicketsServiceStub),
    "sla": (sla_service_pb2, sla_service_pb2_grpc.SlaServiceStub),
    "escalations": (escalation_service_pb2, escalation_service_pb2_grpc.EscalationServiceStub),
    "knowledge": (knowledge_service_pb2, knowledge_service_pb2_grpc.KnowledgeServiceStub),
}


class Office:
    """The people of one test module: each has a name of their own, so that modules do not meet."""

    def __init__(self, system: System) -> None:
        self.url = system.web_url
        self._keys = Keys(system.keys, "portal")
        self.sessions: dict[str, list[Any]] = {}
        self._stubs = {}
        for service, (_, stub) in _SERVICES.items():
            owner = {"people": "portal", "escalations": "sla"}.get(service, service)
            self._stubs[service] = stub(sync_channel(system.addresses[owner], owner, self._keys))

    def ask(self, actor: Actor, service: str, method: str, /, **fields: Any) -> Any:
        """One call in somebody's name; a change gets a request id."""
        request = getattr(_SERVICES[service][0], f"{method}Request")(**fields)
        if "request_id" in request.DESCRIPTOR.fields_by_name:
            request.request_id = str(uuid.uuid4())
        with acting(self._keys.sign_person(actor)):
            return getattr(self._stubs[service], method)(request)

    def person(self, account: str, display_name: str, *roles: str, team: str = "") -> Actor:
        """Somebody with a password, who can sign in at once."""
        name, teams = f"people/{account}", [f"teams/{team}"] if team else []
        self.ask(ADMIN, "people", "PutPerson", name=name, display_name=display_name, roles=roles, teams=teams)
        self.ask(ADMIN, "people", "SetPassword", name=name, new_password=PASSWORD)
        return Actor(name, frozenset(roles), frozenset(teams))

    def team(self, team: str, en: str, zh: str) -> str:
        """A team with its two names; answers "teams/..."."""
        name = f"teams/{team}"
        self.ask(ADMIN, "people", "PutTeam", name=name, display_names={"en": en, "zh": zh})
        return name


def wired(page: Page) -> None:
    """Waits until the page's own scripts listen; they are fetched in parts, for which no event of the browser waits."""
    page.wait_for_selector("html[data-wired]", state="attached")


class Window:
    """A browser window in which somebody is signed in; it keeps what the pages complained about."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.context, self.url = context, url
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _heard(self, said: ConsoleMessage) -> None:
        # A form that is refused answers 400, which the console tells too; that is the page's business.
        if said.type == "error" and "Failed to load resource" not in said.text:
            self.complaints.append(said.text)

    def open(self, path: str) -> Page:
        """Goes to a page and waits until it is loaded and its scripts are in place."""
        self.page.goto(self.url + path)
        wired(self.page)
        return self.page

    def sign_in(self, actor: Actor) -> None:
        """Signs in through the form."""
        self.open("/sign-in")
        self.page.fill("#account", actor.sub.removeprefix("people/"))
        self.page.fill("#password", PASSWORD)
        self.page.click("main form button[type=submit]")
        self.page.wait_for_url(lambda url: "/sign-in" not in url)

    def violations(self) -> list[tuple[str, list[Any]]]:
        """What axe finds against WCAG 2.1 A and AA on the page as it stands."""
        self.page.evaluate(AXE.read_text())
        self.page.evaluate(SETTLED)
        found = self.page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)
        return [(each["id"], [node["target"] for node in each["nodes"]]) for each in found["violations"]]

    def overflow(self) -> int:
        """By how many pixels the page is wider than the window."""
        width = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        return max(0, int(self.page.evaluate(width)))


@contextmanager
def chromium() -> Iterator[Browser]:
    """One real browser."""
    expect.set_options(timeout=15_000)  # Two whole systems may be at work beside one another on two cores.
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        yield started
        started.close()


@contextmanager
def window(
    browser: Browser, office: Office, actor: Actor, *, language: str = "en", theme: str = "light", width: int = 1280
) -> Iterator[Window]:
    """A window of somebody who is signed in, in a language, a theme and a width in pixels."""
    context = browser.new_context(viewport={"width": width, "height": 900})
    context.add_cookies(
        [
            {"name": name, "value": value, "url": office.url}
            for name, value in (("tl_lang", language), ("tl_theme", theme))
        ]
    )
    context.set_default_timeout(15_000)
    opened = Window(context, office.url)
    # Proving a password is slow on purpose; who has signed in once stays so for the module.
    if actor.sub in office.sessions:
        context.add_cookies(office.sessions[actor.sub])
    else:
        opened.sign_in(actor)
        office.sessions[actor.sub] = [
            cookie for cookie in context.cookies() if cookie["name"] not in ("tl_lang", "tl_theme")
        ]
    yield opened
    context.close()
