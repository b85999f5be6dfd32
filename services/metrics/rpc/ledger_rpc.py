"""LedgerService: rates, gains, examples, explanations, what-if and replay."""

from __future__ import annotations

from functools import partial
from typing import Any

from throughline.metrics.v1 import ledger_pb2, ledger_service_pb2_grpc
from throughline.metrics.v1 import ledger_service_pb2 as pb

from services.metrics.rules import intake, rates
from services.metrics.rules.access import require_within, scope_of
from services.metrics.rules.approval import require_author
from services.metrics.rules.explain import worked
from services.metrics.rules.ledger import recompute
from services.metrics.store.bookings import page_of_bookings
from services.metrics.store.ledger_jobs import LedgerJobs
from services.metrics.store.ledger_parts import LedgerParts
from services.metrics.wire import rates as rates_wire
from services.metrics.wire.board import period_of
from services.metrics.wire.cost_model import draft_of
from services.metrics.wire.explanation import explanation_message
from services.metrics.wire.gains import category_of, gain_message, gain_of
from services.metrics.wire.intake import gain_input
from services.metrics.wire.ledger import booking_message
from services.metrics.wire.ledger_jobs import example_message, fault_of, input_message, job_message
from services.metrics.wire.rates import rate_table_message
from services.runtime.door import caller
from services.runtime.paging import PageRequest, decode, encode


class LedgerRpc(ledger_service_pb2_grpc.LedgerServiceServicer):
    """throughline.metrics.v1.LedgerService."""

    def __init__(self, parts: LedgerParts, jobs: LedgerJobs) -> None:
        self._parts = parts
        self._jobs = jobs

    async def DraftRateTable(self, request: pb.DraftRateTableRequest, context: Any) -> ledger_pb2.RateTable:
        call = caller()
        draft = rates_wire.draft_of(request.rate_table)
        decide = partial(rates.draft, draft=draft, by=call.actor)
        rates.require_known(draft.name)
        record = await self._parts.rate_tables.upsert(draft.name, call.cause(request), decide)
        return rate_table_message(record.state, 0, record.etag)

    async def ApproveRateTable(self, request: pb.ApproveRateTableRequest, context: Any) -> ledger_pb2.RateTable:
        call = caller()
        decide = partial(rates.approve, number=request.version, by=call.actor, now=call.now, note=request.note)
        record = await self._parts.rate_tables.change(request.name, call.cause(request), decide)
        return rate_table_message(record.state, request.version, record.etag)

    async def GetRateTable(self, request: pb.GetRateTableRequest, context: Any) -> ledger_pb2.RateTable:
        scope_of(caller().actor)
        record = await self._parts.rate_tables.get(request.name)
        return rate_table_message(record.state, request.version, record.etag)

    async def ListRateTables(self, request: pb.ListRateTablesRequest, context: Any) -> pb.ListRateTablesResponse:
        scope_of(caller().actor)
        page = PageRequest(request.page_size, request.page_token, "rate tables")
        found = await self._parts.rate_tables.page({}, [("_id", 1)], page)
        return pb.ListRateTablesResponse(
            rate_tables=[rate_table_message(one.state, 0, one.etag) for one in found.items],
            next_page_token=found.next_token,
        )

    async def BookGain(self, request: pb.BookGainRequest, context: Any) -> ledger_pb2.Gain:
        call = caller()
        given = request.gain
        models = await self._parts.cost_models.find([given.cost_model])
        model = models[given.cost_model].state if given.cost_model in models else None
        intake.require_gain(category_of(given), model, given.cost_model, by=call.actor)
        gain = gain_of(given, intake.gain_name(call.cause(request).id), call.actor.sub)
        one = gain_input(gain, call.now)
        decide = partial(intake.booked, one, gain)
        await self._parts.inputs.create(one.name, call.cause(request), decide)
        return gain_message(gain)

    async def WorkExample(self, request: pb.WorkExampleRequest, context: Any) -> pb.WorkedExample:
        require_author(caller().actor, "a cost model")
        known = await self._jobs.known()
        return example_message(worked(draft_of(request.cost_model), fault_of(request), known))

    async def ExplainLedgerEntry(self, request: pb.ExplainLedgerEntryRequest, context: Any) -> pb.Explanation:
        scope = scope_of(caller().actor)
        entry = (await self._parts.entries.get(request.name)).state
        require_within(entry.place.unit, scope, request.name)
        history, booking, models = await self._parts.behind(entry)
        return explanation_message(entry, recompute(entry), history, booking, models)

    async def ListBookings(self, request: pb.ListBookingsRequest, context: Any) -> pb.ListBookingsResponse:
        scope_of(caller().actor, whole=True)
        period = period_of(request.period, "period")
        page = PageRequest(request.page_size, request.page_token, repr((period, request.service, request.unbooked)))
        found = await page_of_bookings(self._parts.bookings, period, request.service, page, unbooked=request.unbooked)
        return pb.ListBookingsResponse(
            bookings=[booking_message(one.state) for one in found.items], next_page_token=found.next_token
        )

    async def ListLedgerInputs(self, request: pb.ListLedgerInputsRequest, context: Any) -> pb.ListLedgerInputsResponse:
        scope_of(caller().actor, whole=True)
        size = PageRequest(request.page_size).size
        after = request.after_sequence
        if request.page_token:
            (after,) = decode(request.page_token, "ledger inputs", 1)
        lines = [line async for line in self._parts.bookkeeper.intake.lines(after, most=size + 1)]
        more = len(lines) > size
        return pb.ListLedgerInputsResponse(
            inputs=[input_message(one.input, one.seq, one.hash) for one in lines[:size]],
            next_page_token=encode([lines[size - 1].seq], "ledger inputs") if more else "",
        )

    async def StartWhatIf(self, request: pb.StartWhatIfRequest, context: Any) -> ledger_pb2.LedgerJob:
        call = caller()
        require_author(call.actor, "a cost model")
        period = period_of(request.period, "period")
        job = await self._jobs.start_what_if(request.cost_model, request.version, period, call.cause(request))
        return job_message(job)

    async def StartReplay(self, request: pb.StartReplayRequest, context: Any) -> ledger_pb2.LedgerJob:
        call = caller()
        scope_of(call.actor, whole=True)
        return job_message(await self._jobs.start_replay(call.cause(request)))

    async def GetLedgerJob(self, request: pb.GetLedgerJobRequest, context: Any) -> ledger_pb2.LedgerJob:
        scope_of(caller().actor, whole=True)
        return job_message(await self._jobs.get(request.name))

    async def CancelLedgerJob(self, request: pb.CancelLedgerJobRequest, context: Any) -> ledger_pb2.LedgerJob:
        scope_of(caller().actor, whole=True)
        return job_message(await self._jobs.cancel(request.name))
