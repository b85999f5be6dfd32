"""The priority matrix: what ships, who changes it, and from when it holds."""

from __future__ import annotations

from throughline.tickets.v1 import ticket_pb2 as t

from tests.service.tickets.counter import ANN, BEN, ROOT, Counter


async def test_a_new_matrix_holds_for_later_triages_alone(counter: Counter) -> None:
    """The administrator changes one cell; a ticket triaged before keeps its priority."""
    shipped = await counter.ask(ANN, "GetPriorityMatrix")
    assert (shipped.version, len(shipped.cells)) == (1, 9)
    before = await counter.filed(impact=1, urgency=3)
    assert before.priority == 4
    cells = [
        t.PriorityCell(
            impact=one.impact,
            urgency=one.urgency,
            priority=3 if (one.impact, one.urgency) == (1, 3) else one.priority,
        )
        for one in shipped.cells
    ]
    changed = await counter.ask(ROOT, "UpdatePriorityMatrix", etag=shipped.etag, cells=cells)
    assert (changed.version, list(changed.cells)) == (2, cells)
    assert (await counter.filed(impact=1, urgency=3)).priority == 3
    assert (await counter.ask(BEN, "GetTicket", name=before.name)).priority == 4
    stale = await counter.refused(ROOT, "UpdatePriorityMatrix", etag=shipped.etag, cells=shipped.cells)
    assert stale.reason == "ETAG_MISMATCH"


async def test_what_matters_more_never_waits_longer(counter: Counter) -> None:
    """A matrix that turns the order round is refused and says where; an agent's is refused whatever it says."""
    cells = list((await counter.ask(ANN, "GetPriorityMatrix")).cells)
    cells[0] = t.PriorityCell(impact=1, urgency=1, priority=3)
    refused = await counter.refused(ROOT, "UpdatePriorityMatrix", cells=cells)
    assert (refused.reason, refused.field) == ("MATRIX_NOT_MONOTONE", "cells")
    assert "Impact 1 x urgency 1 is P3, but the lesser 2 x 1 is P2" in refused.message
    refused = await counter.refused(BEN, "UpdatePriorityMatrix", cells=cells)
    assert refused.reason == "ROLE_REQUIRED"
    assert (await counter.ask(ANN, "GetPriorityMatrix")).version == 1
