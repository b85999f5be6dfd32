"""How far a service has come with the events of a stream: how many took effect, and how many still wait."""

from __future__ import annotations

from dataclasses import dataclass

from nats.errors import Error as NatsError

from services.runtime.bus import Bus, BusAway
from services.runtime.streams import Consumer

_ANSWER_S = 1.0


@dataclass(frozen=True, slots=True)
class Backlog:
    """Events of a stream. heard: up to the first that has not taken effect; waiting: those that have not."""

    heard: int
    waiting: int


async def backlog(bus: Bus, consumer: Consumer) -> Backlog | None:
    """How far the consumer is, whatever replica works on it; None when the broker cannot say it within a second."""
    try:
        found = await bus.jetstream.consumer_info(consumer.stream, consumer.durable, _ANSWER_S)
    except (BusAway, NatsError, OSError, TimeoutError):
        return None
    heard = found.ack_floor.stream_seq if found.ack_floor is not None else 0
    return Backlog(heard, (found.num_pending or 0) + (found.num_ack_pending or 0))
