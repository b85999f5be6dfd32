"""The whole servicer, and the methods of operators and administrators."""

from __future__ import annotations

from functools import partial
from typing import Any

from throughline.tickets.v1 import ticket_pb2, tickets_service_pb2_grpc
from throughline.tickets.v1 import tickets_service_pb2 as pb

from services.runtime.door import caller
from services.tickets.rpc.files import Files
from services.tickets.rpc.reading import Reading
from services.tickets.rpc.work import Work
from services.tickets.rules import history, triage
from services.tickets.store.matrix import NAME
from services.tickets.wire.matrix import matrix_cells, matrix_message
from services.tickets.wire.requests import past
from services.tickets.wire.results import step_result


class TicketsRpc(Work, Reading, Files, tickets_service_pb2_grpc.TicketsServiceServicer):
    """throughline.tickets.v1.TicketsService."""

    async def ImportSteps(self, request: pb.ImportStepsRequest, context: Any) -> pb.ImportStepsResponse:
        call = caller()
        history.require_operator(call.actor)
        matrix = (await self.stores.matrices.current()).state
        pasts = [past(request.source, one) for one in request.histories]
        outcomes = await self.stores.histories.bring_in(pasts, call.actor, matrix, call.now)
        return pb.ImportStepsResponse(results=[step_result(one) for one in outcomes])

    async def GetPriorityMatrix(self, request: pb.GetPriorityMatrixRequest, context: Any) -> ticket_pb2.PriorityMatrix:
        record = await self.stores.matrices.newest()
        return matrix_message(record.name, record.etag, record.state)

    async def UpdatePriorityMatrix(
        self, request: pb.UpdatePriorityMatrixRequest, context: Any
    ) -> ticket_pb2.PriorityMatrix:
        call = caller()
        await self.stores.matrices.newest()
        decide = partial(triage.change_matrix, actor=call.actor, cells=matrix_cells(request.cells))
        record = await self.stores.matrices.records.change(NAME, call.cause(request), decide, etag=request.etag)
        self.stores.matrices.keep(record)
        return matrix_message(record.name, record.etag, record.state)
