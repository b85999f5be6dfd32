"""What every call of the tickets service keeps: once per request_id, nothing over a stale etag."""

from __future__ import annotations

from tests.service.tickets.counter import ANN, Counter


async def test_a_ticket_is_filed_and_read(counter: Counter) -> None:
    """A requester files for herself and reads it back."""
    filed = await counter.filed()
    assert filed.name == "tickets/INC-000001"
    assert await counter.ask(ANN, "GetTicket", name=filed.name) == filed
