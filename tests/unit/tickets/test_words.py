"""The words that lists look for, and what a search text asks of them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tickets.store.words import MOST, conditions, words


def matches(text: str, title: str) -> bool:
    """Whether a document with that title fulfils the conditions, judged as the store does."""
    held = words(title)

    def holds(condition: dict[str, Any]) -> bool:
        wanted = condition["words"]
        if isinstance(wanted, dict):
            return any(re.match(wanted["$regex"], word) for word in held)
        return wanted in held

    return all(holds(one) for one in conditions(text, "words"))


@pytest.mark.parametrize(
    ("text", "title", "found"),
    [
        ("打印机", "三楼打印机 offline", True),
        ("印机", "三楼打印机 offline", True),
        ("机", "三楼打印机 offline", True),
        ("打机", "三楼打印机 offline", False),
        ("OFFLINE", "三楼打印机 offline", True),
        ("打印机 off", "三楼打印机 offline", True),
        ("off 打印机", "三楼打印机 offline", False),
        ("vpn", "VPN, again", True),
        ("again vpn", "VPN, again", True),
        ("ｖｐｎ", "VPN, again", True),
        (".*", "VPN, again", True),
        ("mail", "VPN, again", False),
    ],
)
def test_what_is_found(text: str, title: str, found: bool) -> None:
    """Every word must be there, the last one at least begun; Chinese by any piece of it; nothing is a pattern."""
    assert matches(text, title) is found


@pytest.mark.parametrize(
    ("text", "names"),
    [("12", ["tickets/INC-000012", "tickets/REQ-000012"]), (" 0012 ", ["tickets/INC-000012", "tickets/REQ-000012"])],
)
def test_a_bare_number_names_tickets(text: str, names: list[str]) -> None:
    """Digits alone are the number of an incident or a request, or a word."""
    (condition,) = conditions(text, "words")
    assert condition["$or"][0] == {"_id": {"$in": names}}


def test_a_number_begins_a_name() -> None:
    """ "inc-0001" finds all whose number begins so."""
    (condition,) = conditions("inc-0001", "words")
    assert condition["$or"][0] == {"_id": {"$regex": "^tickets/INC-0001"}}


@given(st.text(max_size=200))
def test_no_text_reaches_a_pattern_as_more_than_letters(text: str) -> None:
    """Whatever is asked, patterns hold letters and digits behind their anchor; a title is found by itself."""
    for condition in conditions(text, "words"):
        wanted = condition.get("words")
        if isinstance(wanted, dict):
            assert re.fullmatch(r"\^[^\W_]+", wanted["$regex"])
    assert len(words(text)) <= MOST
