"""A ticket's history as a document: 19 bytes a step, and each set of facts once."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from services.sla.rules.history import Step
from services.sla.rules.ticket import Facts, TicketState, TicketType

# Milliseconds since 1970, state, number of the facts, milliseconds of the first reply.
_STEP = struct.Struct("<qBHq")
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
    steps = bytearray()
    for step in history:
        number = facts.setdefault(step.facts, len(facts))
        replied = _NEVER if step.responded_at is None else _millis(step.responded_at)
        steps += _STEP.pack(_millis(step.at), _NUMBERS[step.state], number, replied)
    return {"steps": bytes(steps), "facts": [encode_facts(one) for one in facts]}


def decode(document: Mapping[str, Any] | None) -> tuple[Step, ...]:
    """Reads what `encode` wrote; nothing where nothing was kept."""
    if document is None:
        return ()
    facts = [decode_facts(one) for one in document["facts"]]
    return tuple(
        Step(_instant(at), _STATES[state], facts[number], None if replied == _NEVER else _instant(replied))
        for at, state, number, replied in _STEP.iter_unpack(document["steps"])
    )


def encode_facts(one: Facts) -> dict[str, Any]:
    """What a policy is chosen by, as a document."""
    return {"priority": one.priority, "type": one.type.value, "service": one.service, "source": one.source}


def decode_facts(document: Mapping[str, Any]) -> Facts:
    """Reads what `encode_facts` wrote."""
    return Facts(document["priority"], TicketType(document["type"]), document["service"], document["source"])


def _millis(at: datetime) -> int:
    return (at - _EPOCH) // _MILLISECOND


def _instant(millis: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=millis)
