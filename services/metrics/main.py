"""Puts the metrics service together and runs it."""

from __future__ import annotations

import asyncio

from pydantic import Field
from throughline.metrics.v1 import metrics_service_pb2_grpc

from services.metrics import events, spans
from services.metrics.rpc import MetricsRpc
from services.metrics.store.board import Boards
from services.metrics.store.cells import Roller
from services.metrics.store.cost_models import COST_MODELS, Models
from services.metrics.store.facts import FACTS
from services.metrics.store.ledger import BOOKINGS, ENTRIES, ValueLedger
from services.metrics.store.spans import Spans
from services.metrics.store.traffic import Traffic
from services.runtime.run import Runtime
from services.runtime.settings import Settings


class MetricsSettings(Settings):
    """The board adds up one currency. An export of spans is longer than any command."""

    max_request_bytes: int = Field(default=8_388_608, ge=1_024)
    currency: str = Field(default="CNY", pattern="^[A-Z]{3}$")


def compose(run: Runtime, currency: str = "CNY") -> None:
    """Declares what the service keeps, hears and answers."""
    facts, cost_models = run.records(FACTS), run.records(COST_MODELS)
    bookings, entries = run.records(BOOKINGS), run.records(ENTRIES)
    models, traffic, counted = Models(cost_models), Traffic(run.db), Spans(run.db)
    boards = Boards(run.db, facts, ValueLedger(entries), traffic.availability, currency)
    rpc = MetricsRpc(facts, boards, entries, cost_models, traffic)
    run.serve(metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server, rpc)
    run.serve(spans.add_to_server, spans.TraceDoor(counted, run.keys))
    booked = events.ledger_changes(bookings, models)
    run.hear("tickets", events.ticket_handlers(facts, booked), before_batch=models.refresh)
    run.hear("sla", events.clock_handlers(facts))
    run.hear("metrics", events.entry_handlers(entries))
    run.background("roller", Roller(run.db, facts).run)
    run.background("spans", counted.run)


async def main(settings: MetricsSettings) -> None:
    """Runs until SIGTERM."""
    async with Runtime("metrics", settings) as run:
        compose(run, settings.currency)
        await run.until_stopped()


if __name__ == "__main__":
    asyncio.run(main(MetricsSettings.load("metrics")))
