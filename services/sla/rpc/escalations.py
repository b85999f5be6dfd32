"""EscalationService: the plans, and the chain of each ticket until somebody has it in hand."""

from __future__ import annotations

from functools import partial
from typing import Any

from throughline.sla.v1 import escalation_pb2, escalation_service_pb2, escalation_service_pb2_grpc

from services.runtime.door import caller
from services.runtime.paging import PageRequest
from services.runtime.records import Record, Records
from services.sla.rpc.rotas import Rotas
from services.sla.rules import access, chain, escalation, foresight
from services.sla.rules.chain import Chain
from services.sla.rules.escalation import Plan, Wanted
from services.sla.rules.rota import Rota
from services.sla.store import PLAN_ORDER, Roster, Shelf
from services.sla.wire import chain as chain_wire
from services.sla.wire import escalation as wire
from services.sla.wire.instants import instant
from services.sla.wire.ticket import TYPE_OF


class EscalationRpc(Rotas, escalation_service_pb2_grpc.EscalationServiceServicer):
    """throughline.sla.v1.EscalationService."""

    def __init__(
        self, plans: Records[Plan], rotas: Records[Rota], chains: Records[Chain], roster: Roster, shelf: Shelf
    ) -> None:
        self.plans = plans
        self.rotas = rotas
        self.chains = chains
        self.roster = roster
        self.shelf = shelf

    async def GetEscalation(
        self, request: escalation_service_pb2.GetEscalationRequest, context: Any
    ) -> escalation_pb2.Escalation:
        record = await self.chains.get(chain_wire.chain_name(request.ticket))
        chain.may_see(record.state, record.name, caller().actor)
        return await self._shown(record)

    async def AcknowledgeEscalation(
        self, request: escalation_service_pb2.AcknowledgeEscalationRequest, context: Any
    ) -> escalation_pb2.Escalation:
        call = caller()
        name = chain_wire.chain_name(request.ticket)
        take = partial(
            chain.acknowledge,
            name=name,
            until=instant(request.until_time) if request.HasField("until_time") else None,
            note=request.note,
            by=call.actor,
            now=call.now,
        )
        return await self._shown(await self.chains.change(name, call.cause(request), take))

    async def PublishEscalationPlan(
        self, request: escalation_service_pb2.PublishEscalationPlanRequest, context: Any
    ) -> escalation_pb2.EscalationPlan:
        call = caller()
        await self.roster.refresh()
        draft = wire.draft(request.plan)
        publish = partial(escalation.publish, draft=draft, rotas=tuple(self.roster.shelved.rotas), by=call.actor)
        if request.etag:
            return _plan(await self.plans.change(draft.name, call.cause(request), publish, etag=request.etag))
        return _plan(await self.plans.upsert(draft.name, call.cause(request), publish))

    async def RetireEscalationPlan(
        self, request: escalation_service_pb2.RetireEscalationPlanRequest, context: Any
    ) -> escalation_pb2.EscalationPlan:
        call = caller()
        retire = partial(escalation.retire, by=call.actor)
        return _plan(await self.plans.change(request.name, call.cause(request), retire, etag=request.etag))

    async def GetEscalationPlan(
        self, request: escalation_service_pb2.GetEscalationPlanRequest, context: Any
    ) -> escalation_pb2.EscalationPlan:
        access.may_list(caller().actor)
        return _plan(await self.plans.get(request.name))

    async def ListEscalationPlans(
        self, request: escalation_service_pb2.ListEscalationPlansRequest, context: Any
    ) -> escalation_service_pb2.ListEscalationPlansResponse:
        access.may_list(caller().actor)
        page = await self.plans.page({}, PLAN_ORDER, PageRequest(request.page_size, request.page_token, "plans"))
        return escalation_service_pb2.ListEscalationPlansResponse(
            plans=[_plan(one) for one in page.items], next_page_token=page.next_token
        )

    async def PreviewEscalation(
        self, request: escalation_service_pb2.PreviewEscalationRequest, context: Any
    ) -> escalation_service_pb2.PreviewEscalationResponse:
        call = caller()
        access.may_list(call.actor)
        await self.roster.refresh()
        await self.shelf.refresh()
        wanted = Wanted(request.priority, TYPE_OF[request.type], request.service, request.team)
        return chain_wire.preview(
            foresight.preview(self.shelf.book, self.roster.shelved, wanted, call.now, request.plan)
        )

    async def PreviewEscalationPlan(
        self, request: escalation_service_pb2.PreviewEscalationPlanRequest, context: Any
    ) -> escalation_service_pb2.PreviewEscalationResponse:
        call = caller()
        access.may_list(call.actor)
        await self.roster.refresh()
        await self.shelf.refresh()
        wanted = Wanted(request.priority, TYPE_OF[request.type], request.service, request.team)
        draft = wire.draft(request.plan)
        return chain_wire.preview(foresight.rehearse(self.shelf.book, self.roster.shelved, wanted, call.now, draft))

    async def _shown(self, record: Record[Chain]) -> escalation_pb2.Escalation:
        """The chain now, with whom the next steps would reach."""
        await self.roster.refresh()
        coming = foresight.coming(record.state, self.roster.shelved)
        return chain_wire.escalation(record.state, record.etag, caller().now, coming)


def _plan(record: Record[Plan]) -> escalation_pb2.EscalationPlan:
    return wire.plan(record.state, record.etag)
