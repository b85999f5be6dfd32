"""ChangesService: each method reads its request, takes one decision and replies."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from typing import Any

from throughline.changes.v1 import change_pb2, changes_service_pb2, changes_service_pb2_grpc

from services.changes import store, wire
from services.changes.rules import access, work
from services.changes.rules.change import Change
from services.runtime.door import caller
from services.runtime.numbers import Numbers
from services.runtime.paging import PageRequest
from services.runtime.records import Records


class ChangesRpc(changes_service_pb2_grpc.ChangesServiceServicer):
    """changes: the service's records. numbers: CHG-000001 and up."""

    def __init__(self, changes: Records[Change], numbers: Numbers) -> None:
        self.changes = changes
        self.numbers = numbers

    async def CreateChange(self, request: changes_service_pb2.CreateChangeRequest, _context: Any) -> change_pb2.Change:
        call = caller()
        plan = wire.plan_from_proto(request.plan)
        made = partial(work.draft, plan, by=call.actor, now=call.now)
        name = f"changes/{await self.numbers.next()}"
        return wire.record_to_proto(await self.changes.create(name, call.cause(request), made))

    async def UpdateChange(self, request: changes_service_pb2.UpdateChangeRequest, _context: Any) -> change_pb2.Change:
        return await self._decide(request, work.edit, plan=wire.plan_from_proto(request.plan))

    async def SubmitChange(self, request: changes_service_pb2.SubmitChangeRequest, _context: Any) -> change_pb2.Change:
        return await self._decide(request, work.submit)

    async def ApproveChange(
        self, request: changes_service_pb2.ApproveChangeRequest, _context: Any
    ) -> change_pb2.Change:
        return await self._decide(request, work.approve, note=request.note)

    async def RejectChange(self, request: changes_service_pb2.RejectChangeRequest, _context: Any) -> change_pb2.Change:
        return await self._decide(request, work.reject, note=request.note)

    async def StartChange(self, request: changes_service_pb2.StartChangeRequest, _context: Any) -> change_pb2.Change:
        return await self._decide(request, work.start)

    async def VerifyChange(self, request: changes_service_pb2.VerifyChangeRequest, _context: Any) -> change_pb2.Change:
        result = wire.result_from_proto(request.result)
        return await self._decide(request, work.verify, step=request.step_id, result=result, note=request.note)

    async def FinishChange(self, request: changes_service_pb2.FinishChangeRequest, _context: Any) -> change_pb2.Change:
        return await self._decide(request, work.finish, note=request.outcome_note)

    async def RollBackChange(
        self, request: changes_service_pb2.RollBackChangeRequest, _context: Any
    ) -> change_pb2.Change:
        return await self._decide(request, work.roll_back, note=request.outcome_note)

    async def CancelChange(self, request: changes_service_pb2.CancelChangeRequest, _context: Any) -> change_pb2.Change:
        return await self._decide(request, work.cancel, reason=request.reason)

    async def GetChange(self, request: changes_service_pb2.GetChangeRequest, _context: Any) -> change_pb2.Change:
        record = await self.changes.get(request.name)
        access.require_sight(caller().actor, record.state, request.name)
        return wire.record_to_proto(record)

    async def ListChanges(
        self, request: changes_service_pb2.ListChangesRequest, _context: Any
    ) -> changes_service_pb2.ListChangesResponse:
        actor = caller().actor
        access.require_reader(actor)
        query = changes_service_pb2.ListChangesRequest()
        query.CopyFrom(request)
        query.ClearField("page_size")
        query.ClearField("page_token")
        bind = f"{actor.unit}/{hashlib.sha256(query.SerializeToString(deterministic=True)).hexdigest()}"
        window = None
        if request.HasField("window"):
            window = (wire.instant(request.window.start_time), wire.instant(request.window.end_time))
        page = await store.page_of_changes(
            self.changes,
            actor,
            PageRequest(request.page_size, request.page_token, bind),
            states=[wire.state_from_proto(number) for number in request.states if number],
            service=request.service,
            author=request.author,
            ticket=request.ticket,
            window=window,
        )
        return changes_service_pb2.ListChangesResponse(
            changes=[wire.record_to_proto(record) for record in page.items], next_page_token=page.next_token
        )

    async def _decide(self, request: Any, verb: Callable[..., work.Decision], **given: Any) -> change_pb2.Change:
        call = caller()
        decide = partial(verb, **given, name=request.name, by=call.actor, now=call.now)
        record = await self.changes.change(request.name, call.cause(request), decide, etag=request.etag)
        return wire.record_to_proto(record)
