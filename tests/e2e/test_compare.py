"""Two periods side by side and what goes together, as somebody reads them in a browser."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from pymongo import AsyncMongoClient

from deploy.local import seed
from deploy.local.system import System
from services.runtime.actor import Actor
from tests.support.office import Office, chromium, window

pytestmark = [pytest.mark.timeout(400), pytest.mark.long]
# Of three thousand in two years those of May to July 2026.
FACTS, SHOWN = 3_000, range(2_360, 2_760)
PERIOD = "month=2026-06"
PAGES = tuple(f"/board/{one}" for one in ("compare", "together", "channels", "bottlenecks", "friction", "roadmap"))


@pytest.fixture(scope="module")
def reader(system: System) -> tuple[Office, Actor]:
    """Somebody who reads the board, above some hundred made-up tickets."""

    async def fill() -> None:
        async with AsyncMongoClient[dict[str, Any]](system.mongod.uri, tz_aware=True) as client:
            await seed.fill(client["metrics"], seed.Facts(client["metrics"]), FACTS, only=SHOWN)

    asyncio.run(fill())
    office = Office(system)
    return office, office.person("compare-eve", "Eve", "executive")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for the module."""
    with chromium() as started:
        yield started


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(("language", "theme", "width"), [("en", "light", 1440), ("zh", "dark", 390)])
def test_the_pages_can_be_read_by_everybody(
    reader: tuple[Office, Actor], browser: Browser, path: str, language: str, theme: str, width: int
) -> None:
    """No fault of WCAG 2.1 AA, nothing wider than the window, nothing that the browser complains about."""
    with window(browser, *reader, language=language, theme=theme, width=width) as opened:
        opened.open(f"{path}?{PERIOD}")
        assert opened.violations() == []
        assert opened.overflow() == 0
        assert opened.complaints == []


def test_before_and_after_lead_from_the_board_and_back(reader: tuple[Office, Actor], browser: Browser) -> None:
    """One click from the board, with the same period; every row has both values and its difference or why not."""
    with window(browser, *reader, width=1440) as opened:
        page = opened.open(f"/board?{PERIOD}")
        page.get_by_role("link", name="Before and after").first.click()
        page.wait_for_url(lambda url: "/board/compare" in url and PERIOD in url)
        assert "Jun 2026 against May 2026" in page.inner_text("main")
        row = page.locator("tr", has_text="Resolved at first contact").first.inner_text()
        assert "Not shown" in row or "%" in row or "points" in row
        assert "nothing is said of money" in page.inner_text("main")


def test_what_goes_together_says_how_many_and_refuses_a_handful(reader: tuple[Office, Actor], browser: Browser) -> None:
    """A month of tickets has pairs with n and interval; a day of them has too few."""
    with window(browser, *reader, width=1440) as opened:
        page = opened.open(f"/board/together?{PERIOD}")
        assert "tickets looked at" in page.inner_text("main")
        assert page.locator("svg.interval").count() > 0
        page = opened.open("/board/together?from=2026-06-01&to=2026-06-02")
        assert "Too few tickets" in page.inner_text("main")


def test_what_is_used_again_is_drawn_and_told(reader: tuple[Office, Actor], browser: Browser) -> None:
    """Two charts over the last twelve months, the same as a table; what nothing feeds has a sentence and no number."""
    with window(browser, *reader, width=1440) as opened:
        page = opened.open("/board/roadmap")
        expect(page.locator("#reuse .chart svg")).to_have_count(2)
        page.locator("#reuse summary").click()
        rows = page.locator("#reuse tbody tr")
        assert rows.count() == 12
        columns = (page.locator(f"#reuse tbody td:nth-child({at})").all_inner_texts() for at in (2, 3))
        used, total = ([int(text.replace(",", "")) for text in texts] for texts in columns)
        assert sum(used) == total[-1] > 0
        assert total == sorted(total)
        expect(page.locator("#reuse")).to_contain_text("No number yet: share of automation, runs of automation")
        assert opened.complaints == []


def test_late_tickets_lead_from_the_board_to_the_ticket(reader: tuple[Office, Actor], browser: Browser) -> None:
    """One click from the board: causes add up to the late tickets, a cause opens its tickets, a page has its next."""
    with window(browser, *reader, width=1440) as opened:
        page = opened.open(f"/board?{PERIOD}")
        page.get_by_role("link", name="Where late tickets waited").first.click()
        page.wait_for_url(lambda url: "/board/bottlenecks" in url and PERIOD in url)
        causes = page.locator("table[aria-label='By cause'] tbody tr")
        counts = [int(one.locator("td").nth(1).inner_text()) for one in causes.all()]
        expect(page.locator("main")).to_contain_text(f"{sum(counts)} late of ")
        causes.first.get_by_role("link").click()
        page.wait_for_url(lambda url: "cause=" in url and PERIOD in url)
        examples = page.locator("table[aria-label='Late tickets'] tbody tr")
        assert examples.count() == min(25, counts[0])


def test_a_cell_of_the_heat_map_opens_the_tickets_behind_it(reader: tuple[Office, Actor], browser: Browser) -> None:
    """One click from the board, one to the teams of a service, one to the tickets: as many as the cell counts."""
    with window(browser, *reader, width=1440) as opened:
        page = opened.open(f"/board?{PERIOD}")
        page.get_by_role("link", name="Where it cracks").first.click()
        page.wait_for_url(lambda url: "/board/friction" in url and PERIOD in url)
        page.locator("table[aria-label='Touchpoints by place'] tbody tr").first.get_by_role("link").first.click()
        page.wait_for_url(lambda url: "/board/friction/teams" in url and "service=" in url and PERIOD in url)
        cell = page.locator("table[aria-label='Touchpoints by place'] tbody tr").last.locator("a.heat").first
        times = int(cell.locator(".meta").inner_text().split()[0])
        cell.click()
        page.wait_for_url(lambda url: "touchpoint=" in url)
        listed = page.locator("table[aria-label='Tickets behind the number'] tbody tr td.number")
        assert sum(int(one) for one in listed.all_inner_texts()) == times
        assert (opened.violations(), opened.overflow()) == ([], 0)


def test_channels_are_compared_by_a_rule_that_a_reader_sets(reader: tuple[Office, Actor], browser: Browser) -> None:
    """From the board in one click: every metric by channel, satisfaction as what it waits for; the rule is set here."""
    with window(browser, *reader, width=1440) as opened:
        page = opened.open(f"/board?{PERIOD}")
        expect(page.locator("main")).to_contain_text("No alert in the months of this period")
        page.get_by_role("link", name="By channel").first.click()
        page.wait_for_url(lambda url: "/board/channels" in url and PERIOD in url)
        response = page.locator("section.card", has_text="First response").locator("table")
        assert response.locator("tbody tr").count() == 5
        assert response.locator("svg.interval").count() == 4
        expect(response.locator("tr", has_text="Phone")).to_contain_text("answered in person")
        expect(page.locator("section.card", has_text="Satisfaction").first).to_contain_text("Waits for survey answers")
        page.fill("#least", "29")
        page.click("button:has-text('Set rule')")
        expect(page.locator("#least-error")).to_be_visible()
        page.fill("#least", "40")
        page.fill("#response_percent", "35")
        page.click("button:has-text('Set rule')")
        expect(page.locator("main")).to_contain_text("Set by")
        assert (page.input_value("#least"), page.input_value("#response_percent")) == ("40", "35")
        assert PERIOD in page.url
        page.goto(f"{reader[0].url}/board?{PERIOD}&item=items/item-03")
        expect(page.locator(".filters")).to_contain_text("item-03")
        assert page.locator("h1").inner_text() != "In June, no ticket came in"
        page.locator(".tile [data-definition]").first.click()
        page.locator(".popover:popover-open dl a").click()
        page.wait_for_url("**/board/definitions#time-to-resolve")
        expect(page.locator("#time-to-resolve")).to_contain_text("a length of time")
        assert (opened.violations(), opened.overflow()) == ([], 0)
