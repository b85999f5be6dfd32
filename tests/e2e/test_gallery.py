"""The gallery in a real browser: access, the content policy, narrow screens, keys, and the reader's two choices."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from werkzeug.serving import make_server

from services.portal.web.gallery import PAGES, create_gallery_app
from tests.support.office import AXE, RULES, SETTLED, chromium, wired


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The gallery, served on a free port."""
    server = make_server("127.0.0.1", 0, create_gallery_app(), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One real Chromium for the module."""
    with chromium() as started:
        yield started


class Reader:
    """A browser window of one reader, which also keeps what the page complained about."""

    def __init__(self, browser: Browser, address: str, language: str, theme: str, width: int) -> None:
        self.address = address
        self.context = browser.new_context(viewport={"width": width, "height": 900})
        for name, value in (("tl_lang", language), ("tl_theme", theme)):
            self.context.add_cookies([{"name": name, "value": value, "url": address}])
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def open(self, page: str) -> Page:
        """Goes to a page of the gallery and waits until its script works."""
        path = "/gallery" if page == "components" else f"/gallery/{page}"
        self.page.goto(self.address + path)
        wired(self.page)
        return self.page

    def refused(self) -> list[str]:
        """What the content policy refused, and every script error."""
        return [text for text in self.complaints if "Content Security Policy" in text or "Error" in text]


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(
    ("theme", "language", "width"), [("light", "zh", 1440), pytest.param("dark", "en", 390, marks=pytest.mark.long)]
)
def test_page_is_accessible(browser: Browser, address: str, page: str, theme: str, language: str, width: int) -> None:
    """axe finds no violation of WCAG 2.1 A and AA, and the strict content policy refuses nothing."""
    reader = Reader(browser, address, language, theme, width)
    shown = reader.open(page)
    shown.evaluate(AXE.read_text())
    shown.evaluate(SETTLED)
    result = shown.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)
    found = [(each["id"], [node["target"] for node in each["nodes"]]) for each in result["violations"]]
    reader.context.close()
    assert found == []
    assert reader.refused() == []


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_page_fits_320(browser: Browser, address: str, page: str, language: str) -> None:
    """At 320 px nothing makes the page scroll sideways, and targets of the bottom bar are at least 44 px high."""
    reader = Reader(browser, address, language, "light", 320)
    shown = reader.open(page)
    over = shown.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    heights = shown.evaluate("[...document.querySelectorAll('.tab-link')].map(tab => tab.offsetHeight)")
    reader.context.close()
    assert over <= 0
    assert heights
    assert min(heights) >= 44


def test_keys(browser: Browser, address: str) -> None:
    """J and K move over the queue, N starts an internal note, typing is never taken as a command, Ctrl K finds."""
    reader = Reader(browser, address, "en", "light", 1440)
    shown = reader.open("workspace")
    shown.keyboard.press("j")
    expect(shown.locator("[data-row]:focus")).to_contain_text("INC-4490")
    shown.keyboard.press("k")
    expect(shown.locator("[data-row]:focus")).to_contain_text("INC-4488")
    shown.keyboard.press("n")
    assert shown.is_checked("[data-composer] [value=internal]")
    shown.keyboard.type("jk?")
    assert shown.input_value("[data-composer] textarea") == "jk?"
    shown.keyboard.press("Control+k")
    shown.wait_for_selector("#palette[open]")
    shown.keyboard.type("escal")
    assert shown.locator(".command:visible").all_inner_texts()[0].startswith("Escalate")
    shown.keyboard.press("Escape")
    assert shown.evaluate("document.activeElement.tagName") == "TEXTAREA", "focus returns"
    reader.context.close()


def test_drawer_closes_by_address(browser: Browser, address: str) -> None:
    """Escape leaves the evidence drawer for the page without it, and Back opens it again."""
    reader = Reader(browser, address, "en", "dark", 1440)
    shown = reader.open("board")
    assert shown.is_visible("#drawer-title")
    shown.keyboard.press("Escape")
    shown.wait_for_url("**/gallery/home")
    shown.go_back()
    shown.wait_for_selector("#drawer-title")
    reader.context.close()


def test_reader_chooses_language_and_theme(browser: Browser, address: str) -> None:
    """The theme changes in place and stays; the language changes the page's `lang` and its words."""
    reader = Reader(browser, address, "en", "light", 1440)
    shown = reader.open("ticket")
    shown.click(".top .me summary")
    with shown.expect_response("**/appearance"):
        shown.click(".top .me button[name=tl_theme][value=dark]")
    assert shown.get_attribute("html", "data-theme") == "dark"
    shown.click(".top .me button[name=tl_lang][value=zh]")
    shown.wait_for_selector("html[lang=zh-CN]")
    assert shown.get_attribute("html", "data-theme") == "dark"
    assert shown.inner_text(".answer-name >> nth=0") == "下一步由谁处理"
    reader.context.close()


def test_form_is_sent_once(browser: Browser, address: str) -> None:
    """A second press while the first send is under way does nothing."""
    reader = Reader(browser, address, "en", "light", 1440)
    shown = reader.open("forms")
    sent = shown.evaluate(
        """() => {
          const form = document.querySelector("form.form");
          let sent = 0;
          form.addEventListener("submit", (event) => { event.preventDefault(); sent += 1; });
          const button = form.querySelector("button.button-primary");
          button.click(); button.click(); button.click();
          return sent;
        }"""
    )
    reader.context.close()
    assert sent == 1


def test_errors_are_tied_to_fields(browser: Browser, address: str) -> None:
    """The summary of errors has focus, links to each field, and each field names its error."""
    reader = Reader(browser, address, "en", "light", 1440)
    shown = reader.open("forms")
    assert shown.evaluate("document.activeElement.hasAttribute('data-summary')")
    for link in shown.locator("[data-summary] a").all():
        field = shown.locator(link.get_attribute("href") or "")
        told = [shown.inner_text(f"#{one}") for one in (field.get_attribute("aria-describedby") or "").split()]
        assert field.get_attribute("aria-invalid") == "true"
        assert link.inner_text() in told
    reader.context.close()
