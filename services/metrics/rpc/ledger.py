"""Cost models, and the entries of the value ledger."""

from __future__ import annotations

from functools import partial
from typing import Any

from throughline.metrics.v1 import metrics_pb2
from throughline.metrics.v1 import metrics_service_pb2 as pb

from services.metrics.rules import cost_model
from services.metrics.rules.access import require_within, scope_of
from services.metrics.rules.cost_model import CostModel
from services.metrics.rules.ledger import Entry
from services.metrics.store.ledger_pages import page_of_entries
from services.metrics.wire.board import filter_of, period_of
from services.metrics.wire.cost_model import cost_model_message, draft_of
from services.metrics.wire.ledger import CATEGORY_OF, entry_message
from services.runtime.door import caller
from services.runtime.paging import PageRequest
from services.runtime.records import Records


class Ledger:
    """What the ledger answers, and who decides what an hour costs."""

    entries: Records[Entry]
    cost_models: Records[CostModel]

    async def DraftCostModel(self, request: pb.DraftCostModelRequest, context: Any) -> metrics_pb2.CostModel:
        call = caller()
        draft = draft_of(request.cost_model)
        cost_model.require_known(draft.name)
        decide = partial(cost_model.draft, draft=draft, by=call.actor)
        if request.cost_model.etag:
            etag = request.cost_model.etag
            record = await self.cost_models.change(draft.name, call.cause(request), decide, etag=etag)
        else:
            record = await self.cost_models.upsert(draft.name, call.cause(request), decide)
        return cost_model_message(record.state, 0, record.etag)

    async def ApproveCostModel(self, request: pb.ApproveCostModelRequest, context: Any) -> metrics_pb2.CostModel:
        call = caller()
        decide = partial(cost_model.approve, number=request.version, by=call.actor, now=call.now, note=request.note)
        record = await self.cost_models.change(request.name, call.cause(request), decide)
        return cost_model_message(record.state, request.version, record.etag)

    async def GetCostModel(self, request: pb.GetCostModelRequest, context: Any) -> metrics_pb2.CostModel:
        scope_of(caller().actor)
        record = await self.cost_models.get(request.name)
        return cost_model_message(record.state, request.version, record.etag)

    async def ListCostModels(self, request: pb.ListCostModelsRequest, context: Any) -> pb.ListCostModelsResponse:
        scope_of(caller().actor)
        page = PageRequest(request.page_size, request.page_token, "cost models")
        found = await self.cost_models.page({}, [("_id", 1)], page)
        return pb.ListCostModelsResponse(
            cost_models=[cost_model_message(one.state, 0, one.etag) for one in found.items],
            next_page_token=found.next_token,
        )

    async def GetLedgerEntry(self, request: pb.GetLedgerEntryRequest, context: Any) -> metrics_pb2.LedgerEntry:
        scope = scope_of(caller().actor)
        entry = (await self.entries.get(request.name)).state
        require_within(entry.place.unit, scope, request.name)
        return entry_message(entry)

    async def ListLedgerEntries(
        self, request: pb.ListLedgerEntriesRequest, context: Any
    ) -> pb.ListLedgerEntriesResponse:
        scope = scope_of(caller().actor)
        period, filter = period_of(request.period, "period"), filter_of(request.filter)
        category = CATEGORY_OF.get(request.category)
        cause = request.cause or request.ticket
        bind = repr((period, filter, category, cause, scope))
        page = PageRequest(request.page_size, request.page_token, bind)
        found = await page_of_entries(self.entries, period, filter, scope, page, category=category, cause=cause)
        return pb.ListLedgerEntriesResponse(
            entries=[entry_message(one.state) for one in found.items], next_page_token=found.next_token
        )
