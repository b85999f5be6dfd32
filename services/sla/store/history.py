"""A ticket's history as a document: 21 bytes a step, and each set of facts and each way to stand once."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from services.sla.rules.history import Step
from services.sla.rules.ticket import Facts, HoldReason, TicketState, TicketType

# Milliseconds since 1970, state, number of the facts, milliseconds of the first reply.
_STEP = struct.Struct("<qBHq")
# Number of the (hold, team, word of ours, and the start of the impact where it is known); kept beside the steps, since
# histories of the first form have none.
_STANDING = struct.Struct("<H")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_NEVER = -(2**63)
# By number, for ever: a new state goes to the end.
_STATES = (
    TicketState.NEW,
    TicketState.IN_PROGRESS,
    TicketState.AWAITING_REQUESTER,
    TicketState.ON_HOLD,
    TicketState.RESOLVED,
    TicketState.CLOSED,
    TicketState.CANCELLED,
)
_NUMBERS = {state: number for number, state in enumerate(_STATES)}


def encode(history: tuple[Step, ...]) -> dict[str, Any]:
    """The steps as one run of bytes, and the sets of facts that they name by number."""
    facts: dict[Facts, int] = {}
    stood: dict[tuple[Any, ...], int] = {}
    steps, standing = bytearray(), bytearray()
    for step in history:
        hold = None if step.hold is None else step.hold.value
        way: tuple[Any, ...] = (hold, step.team, step.updated)
        if step.impact_at is not None:
            way = (*way, _millis(step.impact_at))
        standing += _STANDING.pack(stood.setdefault(way, len(stood)))
        number = facts.setdefault(step.facts, len(facts))
        replied = _NEVER if step.responded_at is None else _millis(step.responded_at)
        steps += _STEP.pack(_millis(step.at), _NUMBERS[step.state], number, replied)
    return {
        "steps": bytes(steps),
        "facts": [encode_facts(one) for one in facts],
        "standing": bytes(standing),
        "stood": [list(one) for one in stood],
    }


def decode(document: Mapping[str, Any] | None) -> tuple[Step, ...]:
    """Reads what `encode` wrote; nothing where nothing was kept."""
    if document is None:
        return ()
    facts = [decode_facts(one) for one in document["facts"]]
    ways = [
        (None if hold is None else HoldReason(hold), team, word, *(_instant(at) for at in impact))
        for hold, team, word, *impact in document.get("stood", ())
    ]
    stood = [ways[number] for (number,) in _STANDING.iter_unpack(document.get("standing", b""))]
    return tuple(
        Step(
            _instant(at),
            _STATES[state],
            facts[number],
            None if replied == _NEVER else _instant(replied),
            *(stood[place] if stood else ()),
        )
        for place, (at, state, number, replied) in enumerate(_STEP.iter_unpack(document["steps"]))
    )


def encode_facts(one: Facts) -> dict[str, Any]:
    """What a policy is chosen by, as a document."""
    return {**asdict(one), "type": one.type.value}


def decode_facts(document: Mapping[str, Any]) -> Facts:
    """Reads what `encode_facts` wrote."""
    return Facts(**{**document, "type": TicketType(document["type"])})


def _millis(at: datetime) -> int:
    return (at - _EPOCH) // _MILLISECOND


def _instant(millis: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=millis)
