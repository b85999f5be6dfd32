"""JudgementService at the door: begin, watch and stop a judgement, list its flips, check the clocks."""

from __future__ import annotations

from typing import Any

from throughline.sla.v1 import judgement_pb2, judgement_service_pb2, judgement_service_pb2_grpc

from services.runtime.door import caller
from services.runtime.paging import PageRequest
from services.runtime.records import Records
from services.sla.rules import access, proof
from services.sla.rules.clocks import TicketClocks
from services.sla.store import Shelf
from services.sla.store.judgements import Judgements, shown
from services.sla.wire import judgement as wire


class JudgementRpc(judgement_service_pb2_grpc.JudgementServiceServicer):
    """throughline.sla.v1.JudgementService."""

    def __init__(self, judgements: Judgements, clocks: Records[TicketClocks], shelf: Shelf) -> None:
        self.judgements = judgements
        self.clocks = clocks
        self.shelf = shelf

    async def CreateJudgement(
        self, request: judgement_service_pb2.CreateJudgementRequest, context: Any
    ) -> judgement_pb2.Judgement:
        call = caller()
        access.may_judge(call.actor)
        await self.shelf.refresh()
        wire.period(request.judgement)
        wire.drafted(request.judgement, self.shelf.book)
        asked = wire.asked(request.judgement)
        return shown(await self.judgements.submit(asked, call.cause(request)))

    async def GetJudgement(
        self, request: judgement_service_pb2.GetJudgementRequest, context: Any
    ) -> judgement_pb2.Judgement:
        access.may_judge(caller().actor)
        return shown(await self.judgements.get(request.name))

    async def ListJudgements(
        self, request: judgement_service_pb2.ListJudgementsRequest, context: Any
    ) -> judgement_service_pb2.ListJudgementsResponse:
        access.may_judge(caller().actor)
        page = await self.judgements.page(PageRequest(request.page_size, request.page_token, "judgements"))
        return judgement_service_pb2.ListJudgementsResponse(
            judgements=[shown(one) for one in page.items], next_page_token=page.next_token
        )

    async def CancelJudgement(
        self, request: judgement_service_pb2.CancelJudgementRequest, context: Any
    ) -> judgement_pb2.Judgement:
        access.may_judge(caller().actor)
        return shown(await self.judgements.cancel(request.name))

    async def ListVerdictFlips(
        self, request: judgement_service_pb2.ListVerdictFlipsRequest, context: Any
    ) -> judgement_service_pb2.ListVerdictFlipsResponse:
        actor = caller().actor
        access.may_judge(actor)
        await self.judgements.get(request.judgement)
        bind = f"{request.judgement} {request.verdict} {actor.unit}"
        page = await self.judgements.flips(
            request.judgement,
            actor,
            wire.verdict(request.verdict),
            PageRequest(request.page_size, request.page_token, bind),
        )
        return judgement_service_pb2.ListVerdictFlipsResponse(
            flips=[wire.flip(one) for one in page.items], next_page_token=page.next_token
        )

    async def CheckClocks(
        self, request: judgement_service_pb2.CheckClocksRequest, context: Any
    ) -> judgement_service_pb2.CheckClocksResponse:
        access.may_check(caller().actor)
        page = await self.clocks.page({}, [("_id", 1)], PageRequest(request.page_size, request.page_token, "check"))
        return wire.checked(proof.check([one.state for one in page.items]), page.next_token)
