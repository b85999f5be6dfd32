"""The portal's people and teams as it told them last; a rota looks for gaps again when one of its people changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from google.protobuf.message import Message
from throughline.portal.v1 import events_pb2

from services.runtime.binding import Heard
from services.runtime.listener import Handler
from services.runtime.records import Change, Follow, Records
from services.sla.rules.directory import Colleague, Group
from services.sla.rules.rota import Rota
from services.sla.rules.rota_changes import look_again
from services.sla.store.roster import Roster
from services.sla.wire import directory as wire


def portal_handlers(
    people: Records[Colleague], teams: Records[Group], rotas: Records[Rota], roster: Roster
) -> Mapping[type[Message], Handler]:
    """What sla keeps of the portal's events."""

    def person(event: Heard[events_pb2.PersonChanged]) -> Iterable[Change]:
        told = event.message.person

        def decide(before: Colleague | None) -> tuple[Colleague, tuple[Any, ...]]:
            return wire.colleague(told, before), ()

        yield people.entry(told.name, event.cause, decide, follow=_newest(event))
        for name, rota in roster.shelved.rotas.items():
            if told.name in rota.people:
                yield rotas.entry(name, event.cause, partial(look_again, at=event.time))

    def team(event: Heard[events_pb2.TeamChanged]) -> Iterable[Change]:
        group = wire.group(event.message.team)
        yield teams.entry(event.message.team.name, event.cause, lambda _: (group, ()), follow=_newest(event))

    return {events_pb2.PersonChanged: person, events_pb2.TeamChanged: team}


def _newest(event: Heard[Any]) -> Follow:
    return Follow(event.resource, event.sequence, fold=False)
