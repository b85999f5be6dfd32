"""An article's text cannot act, its headings fit under the page's, and marks show exactly what was found."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from throughline.knowledge.v1 import article_pb2

from services.portal.web.gallery import create_gallery_app
from services.portal.web.shown import article as shown


@pytest.fixture(autouse=True)
def request_context() -> Iterator[None]:
    """Words need a language."""
    with create_gallery_app().test_request_context("/", headers={"Accept-Language": "en"}):
        yield


class _Elements(HTMLParser):
    """Which elements and attributes a browser would see, and where its links lead."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes one element."""
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.addresses += [value or "" for name, value in attrs if name == "href"]


@pytest.mark.parametrize(
    "body",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[press](javascript:alert(1))",
        "[press](data:text/html;base64,AAAA)",
        "![picture](https://elsewhere.example/pixel.png)",
        "<a href='/x' onclick='alert(1)'>x</a>",
        '[x](https://a.example "onmouseover=alert(1)")',
        "```\n<iframe src=x></iframe>\n```",
        "a\n\n<style>body{display:none}</style>",
    ],
)
def test_nothing_acts(body: str) -> None:
    """No element or attribute of an article runs, loads or hides anything."""
    found = _Elements()
    found.feed(str(shown.html(body)))
    assert found.names <= {"p", "a", "pre", "code"}
    assert found.attributes <= {"href", "rel", "title"}
    assert all(address.startswith("https://") for address in found.addresses)


def test_headings_sink() -> None:
    """The page's title is the one h1: an article's headings come below it, and the deepest stay headings."""
    made = str(shown.html("# One\n\n## Two\n\n###### Six"))
    assert made.count("<h2>One</h2>") == made.count("<h3>Two</h3>") == made.count("<h6>Six</h6>") == 1


def test_links_and_tables() -> None:
    """Bare addresses become links that tell nobody where they were followed from; tables stay tables."""
    made = str(shown.html("See https://example.org/vpn\n\n| a | b |\n|---|---|\n| 1 | 2 |"))
    assert '<a href="https://example.org/vpn" rel="noopener noreferrer">' in made
    assert "<td>1</td>" in made


def test_marks() -> None:
    """Matches are marked, the rest is escaped; ranges that overlap or lie outside are left alone."""
    ranges = [(0, 2), (1, 3), (5, 8), (7, 99), (4, 4)]
    piece = article_pb2.Snippet(
        text="库存 <b> 系统", matches=[article_pb2.Range(start=start, end=end) for start, end in ranges]
    )
    assert str(shown.marked(piece)) == "<mark>库存</mark> &lt;b<mark>&gt; 系</mark>统"


def test_use_needs_enough_answers() -> None:
    """A share is told from five answers on, never from one."""
    few = article_pb2.Article(name="articles/KB-000001", solved=4)
    many = article_pb2.Article(name="articles/KB-000001", solved=10, not_solved=1)
    assert shown.use_words(few) == ""
    assert shown.line(few)["use"] == "KB-000001"
    assert shown.use_words(many) == "91% needed nothing more, 11 answers"
