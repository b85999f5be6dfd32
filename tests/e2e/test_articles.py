"""Articles through real pages: written by one, reviewed by another, found and judged by a reader, then retired."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from deploy.local.system import System
from services.runtime.actor import Actor
from tests.support.office import Office, chromium, window

# The first test of a process waits for the whole system to start.
pytestmark = pytest.mark.timeout(300)

BODY = """# Before you start

1. Sign out of the **zephyrine** client.
2. Sign in with your badge.

<script>document.title = "acted"</script>

| Says | Means |
|---|---|
| 619 | Wrong PIN |
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for the module."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def office(system: System) -> Office:
    """With the team that keeps the articles."""
    made = Office(system)
    made.team("library", "Library", "资料组")
    return made


@pytest.fixture(scope="module")
def author(office: Office) -> Actor:
    """Who writes."""
    return office.person("kb-author", "Lin Yu", "knowledge_author")


@pytest.fixture(scope="module")
def reviewer(office: Office) -> Actor:
    """Who reviews."""
    return office.person("kb-reviewer", "Chen Yu", "knowledge_author")


@pytest.fixture(scope="module")
def asker(office: Office) -> Actor:
    """Who only reads."""
    return office.person("kb-reader", "Su Wanqing", "requester")


@pytest.fixture(scope="module")
def published(office: Office, author: Actor, reviewer: Actor) -> str:
    """A published article in Chinese; its number."""
    made = office.ask(
        author, "knowledge", "CreateArticle", title="打印机卡纸怎么取出", body="先关机，再打开后盖。", language="zh"
    )
    office.ask(author, "knowledge", "SubmitArticle", name=made.name)
    office.ask(reviewer, "knowledge", "PublishArticle", name=made.name)
    return str(made.name).removeprefix("articles/")


def test_writing_and_review(browser: Browser, office: Office, author: Actor, reviewer: Actor) -> None:
    """Draft, review, sent back with a note, mended, and published by another person than its author."""
    with window(browser, office, author) as own:
        page = own.open("/knowledge/new")
        page.fill("#title", "Sign in to the zephyrine client")
        page.locator("#main").get_by_text("English", exact=True).click()
        page.select_option("#owner_team", "teams/library")
        page.fill("#tags", "badge，client")
        page.click("text=Save the draft")
        number = page.url.rpartition("/")[2]
        page.click("text=Ask for review")
        expect(page.locator("[data-summary]")).to_contain_text("That was not done")
        page.click("text=Edit")
        page.fill("#body", BODY)
        page.click("text=Save the draft")
        assert page.title().startswith("Sign in to the zephyrine client"), "a script in an article never runs"
        expect(page.locator("article")).to_contain_text("<script>")
        page.click("text=Ask for review")
        expect(page.locator("main")).to_contain_text("Somebody else reviews it")
        assert page.get_by_role("button", name="Publish", exact=True).count() == 0, "nobody publishes their own"
    with window(browser, office, reviewer) as other:
        page = other.open("/knowledge?show=review")
        page.click("text=Sign in to the zephyrine client")
        page.fill("#note", "Say which badge")
        page.click("text=Send it back to the author")
        expect(page.locator("main")).to_contain_text("Say which badge")
    with window(browser, office, author) as own:
        page = own.open(f"/knowledge/{number}")
        expect(page.locator("main")).to_contain_text("Say which badge")
        page.click("text=Ask for review")
    with window(browser, office, reviewer) as other:
        page = other.open(f"/knowledge/{number}")
        page.get_by_role("button", name="Publish", exact=True).click()
        expect(page.locator("main")).to_contain_text("It is published.")


def test_found_judged_retired(browser: Browser, office: Office, author: Actor, reviewer: Actor, asker: Actor) -> None:
    """A reader finds an article by its word, which is marked, and says that it helped; once retired, it is gone."""
    made = office.ask(
        author,
        "knowledge",
        "CreateArticle",
        title="Sign in to the quokka client",
        body=BODY.replace("zephyrine", "quokka"),
        language="en",
    )
    office.ask(author, "knowledge", "SubmitArticle", name=made.name)
    office.ask(reviewer, "knowledge", "PublishArticle", name=made.name)
    number = str(made.name).removeprefix("articles/")
    with window(browser, office, asker) as reader:
        page = reader.open("/knowledge")
        for _ in range(40):
            page.fill("#ask", "quokka")
            page.keyboard.press("Enter")
            page.wait_for_load_state("networkidle")
            if page.locator("mark").count():
                break
            page.wait_for_timeout(250)
        assert page.locator("mark").first.inner_text() == "quokka"
        page.click("text=Sign in to the quokka client")
        assert page.locator("h1").count() == 1
        expect(page.locator("article h2")).to_have_text("Before you start")
        assert page.get_by_role("link", name="Edit", exact=True).count() == 0
        page.click("text=This solved it")
        expect(page.locator("#helped")).to_contain_text("Thank you")
        assert reader.complaints == []
    assert office.ask(reviewer, "knowledge", "GetArticle", name=f"articles/{number}").solved == 1
    with window(browser, office, author) as own:
        page = own.open(f"/knowledge/{number}")
        page.click("text=Retire this article")
        page.fill("#reason", "The client is gone")
        page.click("main button.button-danger")
        expect(page.locator("main")).to_contain_text("It is retired")
    with window(browser, office, asker) as reader:
        assert reader.context.request.get(f"{office.url}/knowledge/{number}").status == 404


def test_typing_finds_articles(browser: Browser, office: Office, asker: Actor, published: str) -> None:
    """While a sentence is typed on the first page, articles come up, and the service desk is there beside them."""
    with window(browser, office, asker, language="zh") as reader:
        page = reader.open("/")
        hit = page.locator(f"#ask-found a[href='/knowledge/{published}']")
        for _ in range(40):
            page.fill("#ask", "")
            page.locator("#ask").press_sequentially("打印机卡纸")
            page.wait_for_timeout(500)
            if hit.count():
                break
        hit.click()
        assert page.url.endswith(published)
        assert page.locator("article").get_attribute("lang") == "zh-CN"
        page.click("text=还没有")
        page.locator("#helped a").click()
        assert page.input_value("#title") == "打印机卡纸怎么取出"


def test_a_reading_is_counted_once_it_is_one(
    browser: Browser, office: Office, asker: Actor, reviewer: Actor, published: str
) -> None:
    """Opening an article changes nothing by itself; staying with it counts one reading."""
    name = f"articles/{published}"
    before = office.ask(reviewer, "knowledge", "GetArticle", name=name).views
    with window(browser, office, asker) as reader:
        assert reader.context.request.get(f"{office.url}/knowledge/{published}").status == 200
        assert office.ask(reviewer, "knowledge", "GetArticle", name=name).views == before
        page = reader.open(f"/knowledge/{published}")
        with page.expect_response(re.compile(r"/use$"), timeout=15_000) as answer:
            pass
        assert answer.value.status == 204
    assert office.ask(reviewer, "knowledge", "GetArticle", name=name).views == before + 1


def test_writers_alone_write(browser: Browser, office: Office, asker: Actor, author: Actor, published: str) -> None:
    """A reader gets neither the form nor other people's drafts; a draft does not exist for them."""
    draft = office.ask(author, "knowledge", "CreateArticle", title="Half a thought", language="en")
    with window(browser, office, asker) as reader:
        ask = reader.context.request
        assert ask.get(f"{office.url}/knowledge/new").status == 403
        assert ask.get(f"{office.url}/knowledge/{str(draft.name).removeprefix('articles/')}").status == 404
        page = reader.open("/knowledge?show=drafts")
        assert "Half a thought" not in page.content()
        assert page.query_selector("text=Write an article") is None


@pytest.mark.parametrize(("language", "theme", "width"), [("zh", "light", 1280), ("en", "dark", 320)])
def test_pages_are_accessible(
    browser: Browser, office: Office, author: Actor, published: str, language: str, theme: str, width: int
) -> None:
    """List, search, an article and the form: axe finds nothing, nothing scrolls sideways, no script fails."""
    with window(browser, office, author, language=language, theme=theme, width=width) as own:
        found: list[object] = []
        for path in ("", "?q=卡纸", f"/{published}", f"/{published}/edit"):
            own.open(f"/knowledge{path}")
            found += [(path, *each) for each in own.violations()]
            found += [(path, own.overflow())] if own.overflow() else []
        assert found == []
        assert own.complaints == []
