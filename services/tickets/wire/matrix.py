"""The priority matrix <-> its message."""

from __future__ import annotations

from collections.abc import Iterable

from throughline.tickets.v1 import ticket_pb2 as pb

from services.tickets.rules.triage import PriorityMatrix


def matrix_message(name: str, etag: str, matrix: PriorityMatrix) -> pb.PriorityMatrix:
    """All nine cells, by impact, then urgency."""
    cells = [
        pb.PriorityCell(impact=impact, urgency=urgency, priority=priority)
        for (impact, urgency), priority in sorted(matrix.cells.items())
    ]
    return pb.PriorityMatrix(name=name, etag=etag, version=matrix.version, cells=cells)


def matrix_cells(cells: Iterable[pb.PriorityCell]) -> list[tuple[int, int, int]]:
    """(impact, urgency, priority) of each cell given, in order; nothing is checked."""
    return [(cell.impact, cell.urgency, cell.priority) for cell in cells]
