"""The words of a title as a list looks for them: Latin words whole, Chinese by pairs of characters.

A small index for lists alone; ranking, synonyms and typing errors are the search's business.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Any

MOST = 64
_SHORTEST_PREFIX = 2
_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_RUNS = re.compile(rf"[{_HAN}]+|[^\W_{_HAN}]+")
_NUMBER = re.compile(r"(?i)\s*(?:(INC|REQ)-?)?([0-9]{1,12})\s*")


def words(*texts: str) -> list[str]:
    """The words of the texts, each once and at most 64: "打印机 offline" gives 打印, 印机, 机, offline."""
    found = (word for text in texts for run in _runs(text) for word in _pairs(run))
    return list(dict.fromkeys(found))[:MOST]


def conditions(text: str, path: str) -> list[dict[str, Any]]:
    """What a document must fulfil to hold the text: a number of a ticket, or every word, the last one begun.

    path: the field that holds `words`. The text reaches no pattern except as letters and digits.
    """
    number = _NUMBER.fullmatch(text)
    if number is not None:
        return [_numbered(number[1], number[2], path)]
    asked = list(_runs(text))[:MOST]
    found: list[dict[str, Any]] = []
    for index, run in enumerate(asked):
        if _is_han(run):
            # The last character of a run stands alone too, so that a single one is found wherever it is.
            wanted = [run[at : at + 2] for at in range(len(run) - 1)]
            found += [{path: pair} for pair in wanted] or [{path: {"$regex": f"^{run}"}}]
        elif index == len(asked) - 1 and len(run) >= _SHORTEST_PREFIX:
            found.append({path: {"$regex": f"^{run}"}})
        else:
            found.append({path: run})
    return found


def _numbered(prefix: str | None, digits: str, path: str) -> dict[str, Any]:
    padded = f"{int(digits):06d}"
    if prefix is not None:
        begun = {"_id": {"$regex": f"^tickets/{prefix.upper()}-{digits}"}}
        return {"$or": [begun, {"_id": f"tickets/{prefix.upper()}-{padded}"}, {path: f"{prefix.lower()}{digits}"}]}
    named = [f"tickets/{kind}-{padded}" for kind in ("INC", "REQ")]
    return {"$or": [{"_id": {"$in": named}}, {path: digits}]}


def _runs(text: str) -> Iterator[str]:
    for run in _RUNS.finditer(unicodedata.normalize("NFKC", text).casefold()):
        yield run[0]


def _pairs(run: str) -> list[str]:
    return [run[at : at + 2] for at in range(len(run))] if _is_han(run) else [run]


def _is_han(run: str) -> bool:
    return re.match(f"[{_HAN}]", run) is not None
