"""What a file of lines is made of, whatever its form."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

Cell = str | int | float | bool | datetime | None
"""None is an empty cell; an instant is aware and told by the clock of its own zone."""
Line = Sequence[Cell]


class Book(Protocol):
    """A file written from its beginning to its end; what is written is given away, so that none of it is kept."""

    def sheet(self, title: str, heads: Sequence[str]) -> bytes:
        """Begins a sheet with its line of heads."""

    def lines(self, lines: Iterable[Line]) -> bytes:
        """Lines of the sheet that was begun last; what is ready by then."""

    def close(self) -> bytes:
        """The rest of the file."""
