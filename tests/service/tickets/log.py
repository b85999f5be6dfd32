"""A made-up log: histories with everything that real ones have, the same for the same seed."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from throughline.tickets.v1 import ticket_pb2 as t
from throughline.tickets.v1 import tickets_service_pb2 as pb

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
_STATES = (
    t.TICKET_STATE_NEW,
    t.TICKET_STATE_IN_PROGRESS,
    t.TICKET_STATE_AWAITING_REQUESTER,
    t.TICKET_STATE_ON_HOLD,
    t.TICKET_STATE_RESOLVED,
)


def instant(at: datetime) -> Timestamp:
    """An aware instant as a protobuf timestamp."""
    stamp = Timestamp()
    stamp.FromDatetime(at)
    return stamp


def row(number: int, state: Any = t.TICKET_STATE_IN_PROGRESS, **said: Any) -> pb.Step:
    """A row an hour after the one before."""
    given = {"team": "teams/a", "impact": 2, "urgency": 2, **said}
    at = given.pop("at", START + timedelta(hours=number))
    return pb.Step(id=str(number), time=instant(at), state=state, **given)


def history(external_id: str, *rows: pb.Step, complete: bool = True, **said: Any) -> pb.TicketHistory:
    """The rows of one ticket."""
    given = {"requester": "people/caller-1", "channel": t.CHANNEL_PHONE, "title": f"No mail {external_id}", **said}
    return pb.TicketHistory(external_id=external_id, open_time=instant(START), steps=rows, complete=complete, **given)


def histories(count: int, seed: int = 7) -> list[pb.TicketHistory]:
    """So many tickets of 2 to 7 rows, nearly all closed at last."""
    chance = random.Random(seed)
    found = []
    for number in range(count):
        rows = []
        for step in range(chance.randint(1, 6)):
            said = {
                "team": chance.choice(["", "teams/a", "teams/b", "teams/c"]),
                "assignee": chance.choice(["", "people/zoe", "people/max"]),
                "impact": chance.randint(1, 3),
                "urgency": chance.randint(1, 3),
                "hold_reason": chance.choice([t.HOLD_REASON_VENDOR, t.HOLD_REASON_PROBLEM]),
                "actor": "people/zoe",
            }
            rows.append(row(step + 1, chance.choice(_STATES), **said))
        if chance.random() < 0.9:
            rows.append(row(9, t.TICKET_STATE_CLOSED, team="teams/a"))
        found.append(history(f"INC{number:04d}", *rows))
    return found
