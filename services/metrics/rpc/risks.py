"""The register of risks, and what all open ones may cost."""

from __future__ import annotations

from functools import partial
from typing import Any

from throughline.metrics.v1 import governance_pb2
from throughline.metrics.v1 import governance_service_pb2 as pb

from services.metrics.rules import risk as rules
from services.metrics.rules.access import require_within, scope_of
from services.metrics.rules.risk import Risk, State
from services.metrics.store.risks import every, open_now, page_of_risks
from services.metrics.wire.risk import STATE_OF, draft_of, exposure_message, risk_message
from services.runtime.door import caller
from services.runtime.paging import PageRequest
from services.runtime.records import Record, Records


class Risks:
    """The register; every method asks first what the caller may read. currency: in which losses are given."""

    risks: Records[Risk]
    currency: str

    async def CreateRisk(self, request: pb.CreateRiskRequest, context: Any) -> governance_pb2.Risk:
        call = caller()
        scope_of(call.actor)
        name = rules.risk_name(call.cause(request).id)
        draft, many = draft_of(request.risk), await open_now(self.risks)
        decide = partial(rules.register, name, draft, self.currency, many, by=call.actor, now=call.now)
        return _message(await self.risks.create(name, call.cause(request), decide))

    async def UpdateRisk(self, request: pb.UpdateRiskRequest, context: Any) -> governance_pb2.Risk:
        call = caller()
        await self._seen_risk(request.name)
        draft = draft_of(request.risk)
        decide = partial(rules.weigh, draft=draft, currency=self.currency, by=call.actor, now=call.now)
        return _message(await self.risks.change(request.name, call.cause(request), decide, etag=request.etag))

    async def AcceptRisk(self, request: pb.AcceptRiskRequest, context: Any) -> governance_pb2.Risk:
        return await self._settled(request, State.ACCEPTED)

    async def CloseRisk(self, request: pb.CloseRiskRequest, context: Any) -> governance_pb2.Risk:
        return await self._settled(request, State.CLOSED)

    async def GetRisk(self, request: pb.GetRiskRequest, context: Any) -> governance_pb2.Risk:
        return _message(await self._seen_risk(request.name))

    async def ListRisks(self, request: pb.ListRisksRequest, context: Any) -> pb.ListRisksResponse:
        scope = scope_of(caller().actor)
        page = PageRequest(request.page_size, request.page_token, repr(("risks", request.state, scope)))
        found = await page_of_risks(self.risks, STATE_OF.get(request.state), scope, page)
        return pb.ListRisksResponse(risks=[_message(one) for one in found.items], next_page_token=found.next_token)

    async def GetRiskExposure(self, request: pb.GetRiskExposureRequest, context: Any) -> governance_pb2.RiskExposure:
        scope = scope_of(caller().actor)
        kept, borne = await every(self.risks, State.OPEN, scope), await every(self.risks, State.ACCEPTED, scope)
        etags = {one.name: one.etag for one in kept}
        return exposure_message([one.state for one in kept], [one.state for one in borne], etags, self.currency)

    async def _settled(self, request: pb.AcceptRiskRequest | pb.CloseRiskRequest, state: State) -> governance_pb2.Risk:
        call = caller()
        await self._seen_risk(request.name)
        decide = partial(rules.settle, state=state, note=request.note, by=call.actor, now=call.now)
        return _message(await self.risks.change(request.name, call.cause(request), decide))

    async def _seen_risk(self, name: str) -> Record[Risk]:
        scope = scope_of(caller().actor)
        record = await self.risks.get(name)
        require_within(record.state.unit, scope, name)
        return record


def _message(record: Record[Risk]) -> governance_pb2.Risk:
    return risk_message(record.state, record.etag)
