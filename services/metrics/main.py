"""Puts the metrics service together and runs it."""

from __future__ import annotations

import asyncio

from pydantic import Field
from throughline.metrics.v1.availability_service_pb2_grpc import add_AvailabilityServiceServicer_to_server
from throughline.metrics.v1.comparisons_service_pb2_grpc import add_ComparisonsServiceServicer_to_server
from throughline.metrics.v1.ledger_service_pb2_grpc import add_LedgerServiceServicer_to_server
from throughline.metrics.v1.metrics_service_pb2_grpc import add_MetricsServiceServicer_to_server

from services.metrics import events, spans
from services.metrics.rpc import Comparisons, LedgerRpc, MetricsRpc, OutagesRpc
from services.metrics.store.board import Boards
from services.metrics.store.changes import CHANGE_FACTS
from services.metrics.store.facts import FACTS
from services.metrics.store.ledger import ValueLedger
from services.metrics.store.ledger_jobs import LedgerJobs
from services.metrics.store.ledger_parts import LedgerParts
from services.metrics.store.outages import OUTAGES
from services.metrics.store.promises import BUSINESS_SERVICES, PromiseBook
from services.metrics.store.roller import Roller
from services.metrics.store.spans import Spans
from services.metrics.store.traffic import Traffic
from services.metrics.store.watch import Watch
from services.runtime.run import Runtime
from services.runtime.settings import Settings


class MetricsSettings(Settings):
    """The board adds up one currency. An export of spans is longer than any command."""

    max_request_bytes: int = Field(default=8_388_608, ge=1_024)
    currency: str = Field(default="CNY", pattern="^[A-Z]{3}$")
    # "host:port" for OTLP over HTTP, "" for none; over gRPC it comes in where calls do.
    otlp_http_listen: str = ""


def compose(run: Runtime, currency: str = "CNY", http_listen: str = "") -> None:
    """Declares what the service keeps, hears and answers."""
    facts, parts = run.records(FACTS), LedgerParts.of(run)
    traffic, counted, jobs = Traffic(run.db), Spans(run.db), LedgerJobs(run, parts)
    boards = Boards(run.db, facts, ValueLedger(parts.entries), traffic.availability, currency)
    rpc = MetricsRpc(facts, boards, parts.entries, parts.cost_models, traffic)
    run.serve(add_MetricsServiceServicer_to_server, rpc)
    run.serve(add_LedgerServiceServicer_to_server, LedgerRpc(parts, jobs))
    run.serve(add_ComparisonsServiceServicer_to_server, Comparisons(boards))
    outages, services = run.records(OUTAGES), run.records(BUSINESS_SERVICES)
    book = PromiseBook(services)
    run.serve(add_AvailabilityServiceServicer_to_server, OutagesRpc(outages, services, traffic))
    door = spans.TraceDoor(counted, run.keys, promises=lambda: book.promises)
    run.serve(spans.add_to_server, door)
    run.background("spans http", spans.HttpDoor(door, http_listen, run.settings.max_request_bytes).run)
    run.hear("tickets", events.ticket_handlers(facts, events.ledger_changes(parts.inputs)))
    run.hear("sla", {**events.clock_handlers(facts), **events.calendar_handlers(parts.inputs)})
    run.hear("metrics", events.entry_handlers(parts.entries, parts.inputs))
    run.hear("changes", events.change_handlers(run.records(CHANGE_FACTS)))
    run.background("roller", Roller(run.db, facts).run)
    run.background("bookkeeper", parts.bookkeeper.run)
    run.background("spans", counted.run)
    run.background("promises", book.run)
    run.background("outages", Watch(run.db, outages, facts, book).run)


async def main(settings: MetricsSettings) -> None:
    """Runs until SIGTERM."""
    async with Runtime("metrics", settings) as run:
        compose(run, settings.currency, settings.otlp_http_listen)
        await run.until_stopped()


if __name__ == "__main__":
    asyncio.run(main(MetricsSettings.load("metrics")))
