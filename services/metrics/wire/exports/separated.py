"""CSV as RFC 4180 has it, in UTF-8; no text in it begins as a formula does."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime

from services.metrics.wire.exports.book import Cell, Line

MARK = b"\xef\xbb\xbf"
# OWASP, CSV injection: what a spreadsheet takes for a formula, also behind white space of its own.
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")


class Separated:
    """One sheet; a second one has no place in a CSV and is left out. mark: begins with a byte order mark."""

    def __init__(self, *, mark: bool = False) -> None:
        self._begun = 0
        self._mark = mark

    def sheet(self, title: str, heads: Sequence[str]) -> bytes:
        """The line of heads. title: not told by this form."""
        del title
        self._begun += 1
        if self._begun > 1:
            return b""
        return (MARK if self._mark else b"") + _written([heads])

    def lines(self, lines: Iterable[Line]) -> bytes:
        """Lines, each ended by CR LF."""
        return _written(lines) if self._begun == 1 else b""

    def close(self) -> bytes:
        """Nothing: a CSV has no end of its own."""
        return b""


def plain(cell: Cell) -> str:
    """A cell as text. Only a text is changed: an apostrophe keeps it from being reckoned as a formula."""
    if isinstance(cell, str):
        return f"'{cell}" if cell.lstrip().startswith(_FORMULA) or cell.startswith(("\t", "\r", "\n")) else cell
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "1" if cell else "0"
    if isinstance(cell, datetime):
        return cell.isoformat(timespec="milliseconds" if cell.microsecond else "seconds")
    return number(cell)


def number(value: float) -> str:
    """A number with all of its digits, and none of its own making: 12 of 12.0."""
    return str(int(value)) if value == int(value) else repr(value)


def _written(lines: Iterable[Line]) -> bytes:
    told = io.StringIO(newline="")
    csv.writer(told, lineterminator="\r\n").writerows([plain(cell) for cell in line] for line in lines)
    return told.getvalue().encode()
