"""What tickets have cost so far, and the backlog of what is to become better."""

from __future__ import annotations

from functools import partial
from typing import Any

from throughline.metrics.v1 import governance_pb2
from throughline.metrics.v1 import governance_service_pb2 as pb

from services.metrics.rules import improvement as rules
from services.metrics.rules.access import require_within, scope_of
from services.metrics.rules.improvement import Improvement
from services.metrics.rules.period import Filter
from services.metrics.store.board import Boards
from services.metrics.store.improvements import page_of_improvements
from services.metrics.store.losses import Losses
from services.metrics.wire.board import interval_message
from services.metrics.wire.comparison import comparison_message, worth_message
from services.metrics.wire.improvement import STATE_OF, draft_of, improvement_message
from services.metrics.wire.instants import set_instant
from services.metrics.wire.losses import losses_message
from services.runtime.door import caller
from services.runtime.paging import PageRequest
from services.runtime.records import Record, Records


class Improvements:
    """The backlog; every method asks first what the caller may read."""

    losses: Losses
    improvements: Records[Improvement]
    boards: Boards

    async def SumLosses(self, request: pb.SumLossesRequest, context: Any) -> governance_pb2.Losses:
        call = caller()
        parts, unknown = await self.losses.of_tickets(list(request.tickets), scope_of(call.actor), call.now)
        return losses_message(parts, unknown)

    async def CreateImprovement(self, request: pb.CreateImprovementRequest, context: Any) -> governance_pb2.Improvement:
        call, scope = caller(), scope_of(caller().actor)
        rules.require_editor(call.actor)
        draft = rules.require_sound(draft_of(request.improvement))
        loss = await self.losses.of_basis(draft.basis, scope, call.now)
        name = rules.improvement_name(call.cause(request).id)
        decide = partial(rules.propose, name, draft, loss, by=call.actor)
        return _message(await self.improvements.create(name, call.cause(request), decide))

    async def UpdateImprovement(self, request: pb.UpdateImprovementRequest, context: Any) -> governance_pb2.Improvement:
        call, scope = caller(), scope_of(caller().actor)
        rules.require_editor(call.actor)
        await self._seen(request.name)
        draft = rules.require_sound(draft_of(request.improvement))
        loss = await self.losses.of_basis(draft.basis, scope, call.now)
        decide = partial(rules.rewrite, draft=draft, loss=loss, by=call.actor)
        return _message(await self.improvements.change(request.name, call.cause(request), decide, etag=request.etag))

    async def StartImprovement(self, request: pb.StartImprovementRequest, context: Any) -> governance_pb2.Improvement:
        call = caller()
        await self._seen(request.name)
        decide = partial(rules.start, at=set_instant(request, "start_time"), by=call.actor, now=call.now)
        return _message(await self.improvements.change(request.name, call.cause(request), decide))

    async def FinishImprovement(self, request: pb.FinishImprovementRequest, context: Any) -> governance_pb2.Improvement:
        call = caller()
        await self._seen(request.name)
        decide = partial(rules.finish, at=set_instant(request, "finish_time"), by=call.actor, now=call.now)
        return _message(await self.improvements.change(request.name, call.cause(request), decide))

    async def GetImprovement(self, request: pb.GetImprovementRequest, context: Any) -> governance_pb2.Improvement:
        return _message(await self._seen(request.name))

    async def CompareImprovement(
        self, request: pb.CompareImprovementRequest, context: Any
    ) -> pb.CompareImprovementResponse:
        call, scope = caller(), scope_of(caller().actor)
        one = (await self._seen(request.name)).state
        before, after = rules.sides(one, call.now)
        filter = Filter(service=one.basis.service)
        found, worth = await self.boards.comparisons(after, before, filter, scope, call.now)
        ordered = sorted(found, key=lambda each: each.metric.id != one.metric)
        return pb.CompareImprovementResponse(
            comparisons=[comparison_message(each) for each in ordered],
            worth=worth_message(worth),
            before=interval_message(before),
            after=interval_message(after),
        )

    async def ListImprovements(self, request: pb.ListImprovementsRequest, context: Any) -> pb.ListImprovementsResponse:
        scope = scope_of(caller().actor)
        bind = repr(("improvements", request.goal, request.state, scope))
        page = PageRequest(request.page_size, request.page_token, bind)
        state = STATE_OF.get(request.state)
        found = await page_of_improvements(self.improvements, request.goal, state, scope, page)
        return pb.ListImprovementsResponse(
            improvements=[_message(one) for one in found.items], next_page_token=found.next_token
        )

    async def _seen(self, name: str) -> Record[Improvement]:
        scope = scope_of(caller().actor)
        record = await self.improvements.get(name)
        require_within(record.state.unit, scope, name)
        return record


def _message(record: Record[Improvement]) -> governance_pb2.Improvement:
    return improvement_message(record.state, record.etag)
