"""Pieces of an article's own words around what was searched for, with the matches marked."""

from __future__ import annotations

import re
from dataclasses import dataclass

from services.knowledge.store.words import pairs, plain, words

WIDTH = 120
_LEAD = 24
_MARKUP = re.compile(r"[#*_`>|]+|\[([^\]]*)\]\([^)]*\)")
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Snippet:
    """matches: half-open character ranges of text."""

    text: str
    matches: tuple[tuple[int, int], ...]


def matched(query: str, text: str) -> list[str]:
    """The words of the query that the text holds, longest first."""
    held = plain(text)
    asked = dict.fromkeys([*words(query), *pairs(query)])
    return sorted((word for word in asked if word in held), key=lambda word: (-len(word), word))


def snippet(query: str, body: str) -> Snippet:
    """About 120 characters around the first match; the beginning of the text when nothing matches to the letter."""
    text = _SPACE.sub(" ", _MARKUP.sub(lambda found: found.group(1) or "", body)).strip()
    lowered = text.lower()
    terms = matched(query, text)
    first = min((lowered.find(term) for term in terms if term in lowered), default=0)
    start = max(0, first - _LEAD)
    piece = text[start : start + WIDTH]
    shown = f"{'…' if start else ''}{piece}{'…' if start + WIDTH < len(text) else ''}"
    return Snippet(shown, tuple(_ranges(shown.lower(), terms)))


def _ranges(text: str, terms: list[str]) -> list[tuple[int, int]]:
    taken: list[tuple[int, int]] = []
    for term in terms:
        at = text.find(term)
        while at >= 0:
            end = at + len(term)
            if all(end <= other or at >= stop for other, stop in taken):
                taken.append((at, end))
            at = text.find(term, end)
    return sorted(taken)
