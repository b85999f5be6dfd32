"""Text as search terms: both scripts, both ways of writing Chinese, words of the trade whole."""

from __future__ import annotations

import pytest

from services.knowledge.store.snippets import matched, snippet
from services.knowledge.store.words import TRADE, pairs, words


@pytest.mark.parametrize("word", TRADE)
def test_words_of_the_trade_stay_whole(word: str) -> None:
    """Each is one term also inside a sentence."""
    assert word in words(f"请问{word}怎么处理")


def test_traditional_and_simplified_meet() -> None:
    """軟體 and 软件 are one word."""
    assert set(words("軟體無法登入")) & set(words("软件无法登录"))
    assert words("軟體") == words("软件")


def test_latin_words_with_marks_are_found_whole_and_in_parts() -> None:
    """A file name is found by its name and by its pieces."""
    assert words("Error in vpn-client.exe") == ["error", "in", "vpn-client.exe", "vpn", "client", "exe"]


def test_pairs_cover_every_two_signs() -> None:
    """Any two neighbouring signs are a term; a lone sign stands for itself."""
    assert pairs("收银台 a 卡") == ["收银", "银台", "卡"]


def test_a_snippet_marks_what_was_asked_for() -> None:
    """Markup is gone, the ranges lie on the words."""
    found = snippet("vpn 登录", "## 步骤\n\n先打开 **VPN** 客户端，再[登录](https://example.org)。")
    assert [found.text[start:end] for start, end in found.matches] == ["VPN", "登录"]
    assert "*" not in found.text
    assert "https" not in found.text


def test_matched_terms_are_the_query_s_own() -> None:
    """Longest first, none that the text does not hold."""
    assert matched("VPN 打印机", "vpn 客户端") == ["vpn"]
