"""Events of changes, folded into the fact of their change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf.message import Message
from throughline.changes.v1 import events_pb2 as change_events

from services.metrics.events.facts import with_field
from services.metrics.rules.change_fact import ChangeFact, change_fact_name, fold_change
from services.metrics.wire.change_fact import seen_change
from services.runtime.binding import Heard
from services.runtime.listener import Handler
from services.runtime.records import Change, Follow, Records

CHANGE_EVENTS = with_field(change_events.DESCRIPTOR, "change")


def change_handlers(changes: Records[ChangeFact]) -> Mapping[type[Message], Handler]:
    """What metrics does about each event of a change."""

    def turn(event: Heard[Any]) -> Iterable[Change]:
        told = seen_change(event.message.change)

        def decide(before: ChangeFact | None) -> tuple[ChangeFact, tuple[()]]:
            return fold_change(before, told, event.time)

        follow = Follow(event.resource, event.sequence, fold=True)
        yield changes.entry(change_fact_name(told.change), event.cause, decide, follow=follow)

    return dict.fromkeys(CHANGE_EVENTS, turn)
