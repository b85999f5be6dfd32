"""The field's words <-> the numbers of the contract; both sides name them alike, apart from the prefix."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar

from google.protobuf.timestamp_pb2 import Timestamp
from throughline.tickets.v1 import ticket_pb2, tickets_service_pb2

from services.tickets.rules.answers import NextActor
from services.tickets.rules.selection import Order
from services.tickets.rules.ticket import (
    Channel,
    HoldReason,
    LinkRelation,
    ResolutionCode,
    State,
    Type,
    Visibility,
)

E = TypeVar("E", bound=StrEnum)


class Words(Generic[E]):
    """One enum of the contract beside one of the rules."""

    def __init__(self, numbers: Any, words: type[E], prefix: str) -> None:
        self._numbers: Mapping[E, int] = {word: numbers.Value(f"{prefix}_{word.value}") for word in words}
        self._words = {number: word for word, number in self._numbers.items()}

    def number(self, word: E) -> Any:
        """The contract's number of a word."""
        return self._numbers[word]

    def word(self, number: int) -> E:
        """The word of a number.

        Raises:
            KeyError: the number is not specified, or of a later release.
        """
        return self._words[number]

    def word_or(self, number: int, default: E) -> E:
        """The word of a number, or the default when it is not specified."""
        return self._words.get(number, default)

    def words(self, numbers: Iterable[int]) -> frozenset[E]:
        """The words of those numbers that are specified."""
        return frozenset(self._words[number] for number in numbers if number in self._words)


TYPES = Words(ticket_pb2.TicketType, Type, "TICKET_TYPE")
STATES = Words(ticket_pb2.TicketState, State, "TICKET_STATE")
CHANNELS = Words(ticket_pb2.Channel, Channel, "CHANNEL")
HOLD_REASONS = Words(ticket_pb2.HoldReason, HoldReason, "HOLD_REASON")
RESOLUTION_CODES = Words(ticket_pb2.ResolutionCode, ResolutionCode, "RESOLUTION_CODE")
LINK_RELATIONS = Words(ticket_pb2.LinkRelation, LinkRelation, "LINK_RELATION")
VISIBILITIES = Words(ticket_pb2.Visibility, Visibility, "VISIBILITY")
NEXT_ACTORS = Words(ticket_pb2.NextActor, NextActor, "NEXT_ACTOR")
ORDERS = Words(tickets_service_pb2.TicketOrder, Order, "TICKET_ORDER")


def instant(at: datetime | None) -> Timestamp | None:
    """An aware instant as a protobuf timestamp; None stays unset."""
    if at is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(at)
    return stamp


def moment(stamp: Timestamp) -> datetime:
    """A protobuf timestamp as aware UTC, cut to milliseconds."""
    at = stamp.ToDatetime(UTC)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
