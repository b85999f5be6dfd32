"""Rotas: published whole, with stand-ins beside them, and who is on call shift by shift."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Any

from throughline.sla.v1 import escalation_pb2, escalation_service_pb2

from services.runtime.door import caller
from services.runtime.paging import PageRequest
from services.runtime.records import Record, Records
from services.sla.rules import access, rota, rota_changes
from services.sla.rules.rota import Rota
from services.sla.store import Roster
from services.sla.wire import rota as wire
from services.sla.wire.instants import instant

_SHOWN = timedelta(days=14)


class Rotas:
    """PublishRota, PreviewRota, GetRota, ListRotas, GetRotaSchedule, AddRotaOverride, RemoveRotaOverride."""

    rotas: Records[Rota]
    roster: Roster

    async def PublishRota(
        self, request: escalation_service_pb2.PublishRotaRequest, context: Any
    ) -> escalation_pb2.Rota:
        call = caller()
        await self.roster.refresh()
        draft = wire.draft(request.rota)
        publish = partial(
            rota_changes.publish, draft=draft, directory=self.roster.shelved.directory, by=call.actor, now=call.now
        )
        if request.etag:
            return _shown(await self.rotas.change(draft.name, call.cause(request), publish, etag=request.etag))
        return _shown(await self.rotas.upsert(draft.name, call.cause(request), publish))

    async def PreviewRota(
        self, request: escalation_service_pb2.PreviewRotaRequest, context: Any
    ) -> escalation_service_pb2.PreviewRotaResponse:
        call = caller()
        access.may_list(call.actor)
        await self.roster.refresh()
        draft, directory = wire.draft(request.rota), self.roster.shelved.directory
        kept = (await self.rotas.find([draft.name])).get(draft.name)
        made = rota_changes.rehearse(None if kept is None else kept.state, draft, directory)
        shifts = rota.schedule(made, *_stretch(request, call.now), directory.reaches)
        return escalation_service_pb2.PreviewRotaResponse(
            shifts=[wire.shift(one, directory) for one in shifts],
            gaps=[wire.gap(one) for one in rota.gaps(made, call.now, directory.reaches)],
        )

    async def GetRota(self, request: escalation_service_pb2.GetRotaRequest, context: Any) -> escalation_pb2.Rota:
        access.may_list(caller().actor)
        return _shown(await self.rotas.get(request.name))

    async def ListRotas(
        self, request: escalation_service_pb2.ListRotasRequest, context: Any
    ) -> escalation_service_pb2.ListRotasResponse:
        access.may_list(caller().actor)
        page = await self.rotas.page({}, [("_id", 1)], PageRequest(request.page_size, request.page_token, "rotas"))
        return escalation_service_pb2.ListRotasResponse(
            rotas=[_shown(one) for one in page.items], next_page_token=page.next_token
        )

    async def GetRotaSchedule(
        self, request: escalation_service_pb2.GetRotaScheduleRequest, context: Any
    ) -> escalation_service_pb2.GetRotaScheduleResponse:
        call = caller()
        access.may_list(call.actor)
        await self.roster.refresh()
        directory = self.roster.shelved.directory
        start, end = _stretch(request, call.now)
        found = (await self.rotas.get(request.name)).state
        following = rota.next_on_call(found, call.now, directory.reaches)
        return escalation_service_pb2.GetRotaScheduleResponse(
            shifts=[wire.shift(one, directory) for one in rota.schedule(found, start, end, directory.reaches)],
            on_call=wire.shift(rota.on_call(found, call.now, directory.reaches), directory),
            next_on_call=None if following is None else wire.shift(following, directory),
        )

    async def AddRotaOverride(
        self, request: escalation_service_pb2.AddRotaOverrideRequest, context: Any
    ) -> escalation_pb2.Rota:
        call = caller()
        await self.roster.refresh()
        put_in = partial(
            rota_changes.put_in,
            override=wire.override(request, call.actor.sub),
            directory=self.roster.shelved.directory,
            by=call.actor,
            now=call.now,
        )
        return _shown(await self.rotas.change(request.name, call.cause(request), put_in))

    async def RemoveRotaOverride(
        self, request: escalation_service_pb2.RemoveRotaOverrideRequest, context: Any
    ) -> escalation_pb2.Rota:
        call = caller()
        take_back = partial(rota_changes.take_back, override=request.override_id, by=call.actor, now=call.now)
        return _shown(await self.rotas.change(request.name, call.cause(request), take_back))


def _stretch(
    request: escalation_service_pb2.GetRotaScheduleRequest | escalation_service_pb2.PreviewRotaRequest, now: datetime
) -> tuple[datetime, datetime]:
    """From when to when somebody asks; two weeks from now unless he says so."""
    start = instant(request.start_time) if request.HasField("start_time") else now
    return start, instant(request.end_time) if request.HasField("end_time") else start + _SHOWN


def _shown(record: Record[Rota]) -> escalation_pb2.Rota:
    return wire.rota(record.state, record.etag)
