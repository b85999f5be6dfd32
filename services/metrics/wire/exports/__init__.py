"""Files of what a reader may see: lines of cells as CSV or XLSX in parts, and a table on paper as PDF."""

from __future__ import annotations

from services.metrics.wire.exports.book import Book, Cell, Line
from services.metrics.wire.exports.columns import (
    DEFINITIONS,
    TABLE,
    TICKETS,
    definitions,
    heads,
    table_lines,
    ticket_line,
)
from services.metrics.wire.exports.paper import paper
from services.metrics.wire.exports.separated import Separated
from services.metrics.wire.exports.workbook import Workbook

__all__ = [
    "DEFINITIONS",
    "TABLE",
    "TICKETS",
    "Book",
    "Cell",
    "Line",
    "Separated",
    "Workbook",
    "definitions",
    "heads",
    "paper",
    "table_lines",
    "ticket_line",
]
