"""Puts the metrics service together and runs it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, SecretStr
from throughline.metrics.v1.availability_service_pb2_grpc import add_AvailabilityServiceServicer_to_server
from throughline.metrics.v1.comparisons_service_pb2_grpc import add_ComparisonsServiceServicer_to_server
from throughline.metrics.v1.governance_service_pb2_grpc import add_GovernanceServiceServicer_to_server
from throughline.metrics.v1.ledger_service_pb2_grpc import add_LedgerServiceServicer_to_server
from throughline.metrics.v1.metrics_service_pb2_grpc import add_MetricsServiceServicer_to_server
from throughline.metrics.v1.reports_service_pb2_grpc import add_ReportsServiceServicer_to_server

from services.metrics import events, spans, timer
from services.metrics.rpc import Comparisons, Governance, LedgerRpc, MetricsRpc, OutagesRpc, ReportsRpc
from services.metrics.store.board import Boards
from services.metrics.store.burns import BURN_ALERTS, Burns
from services.metrics.store.changes import CHANGE_FACTS
from services.metrics.store.channels import CHANNEL_RULES, DIVERGENCES, ByChannel, ChannelWatch
from services.metrics.store.continuity import Continuities
from services.metrics.store.facts import FACTS
from services.metrics.store.frictions import Frictions
from services.metrics.store.improvements import IMPROVEMENTS
from services.metrics.store.incidents import Incidents
from services.metrics.store.ledger_jobs import LedgerJobs
from services.metrics.store.ledger_parts import LedgerParts
from services.metrics.store.losses import Losses
from services.metrics.store.outages import OUTAGES
from services.metrics.store.problem_losses import ProblemLosses
from services.metrics.store.progress import Progress
from services.metrics.store.promises import BUSINESS_SERVICES, PromiseBook
from services.metrics.store.report_records import REPORTS
from services.metrics.store.report_tables import ReportTables
from services.metrics.store.risks import RISKS
from services.metrics.store.roadmaps import ROADMAPS, Way
from services.metrics.store.roller import Roller
from services.metrics.store.spans import Spans
from services.metrics.store.traffic import Traffic
from services.metrics.store.value_ledger import ValueLedger
from services.metrics.store.watch import Watch
from services.runtime.run import Runtime
from services.runtime.settings import Settings

COUNTED = ("tickets", "sla", "changes", "metrics")
"""Whose events numbers are made of."""


class MetricsSettings(Settings):
    """The board adds up one currency. An export of spans is longer than any command."""

    max_request_bytes: int = Field(default=8_388_608, ge=1_024)
    currency: str = Field(default="CNY", pattern="^[A-Z]{3}$")
    # "host:port" for OTLP over HTTP, "" for none; over gRPC it comes in where calls do.
    otlp_http_listen: str = ""
    # Who else than our own processes may send spans, each by a secret of its own; with none named anybody may.
    otlp_senders: dict[str, Annotated[SecretStr, Field(min_length=32)]] = Field(default_factory=dict)


def compose(
    run: Runtime, currency: str = "CNY", http_listen: str = "", senders: Mapping[str, str] | None = None
) -> None:
    """Declares what the service keeps, hears and answers."""
    facts, parts = run.records(FACTS), LedgerParts.of(run)
    traffic, counted, jobs = Traffic(run.db), Spans(run.db), LedgerJobs(run, parts)
    ledger, backlog, risks = ValueLedger(parts.entries), run.records(IMPROVEMENTS), run.records(RISKS)
    outages, services, alerts = run.records(OUTAGES), run.records(BUSINESS_SERVICES), run.records(BURN_ALERTS)
    apart = Continuities(traffic, (outages, services, risks), jobs.known, currency)
    boards = Boards(run.db, facts, ledger, apart.values, currency)
    losses = Losses(facts, parts.bookings, ledger, jobs.known, currency)
    problems = ProblemLosses(facts, losses, currency)
    way = Way(run.records(ROADMAPS), boards, ledger, (parts.cost_models, services, backlog, risks), currency)
    progress = Progress(run.backlog, COUNTED)
    rpc = MetricsRpc(facts, boards, parts.entries, parts.cost_models, traffic, progress)
    run.serve(add_MetricsServiceServicer_to_server, rpc)
    run.serve(add_LedgerServiceServicer_to_server, LedgerRpc(parts, jobs))
    run.serve(
        add_GovernanceServiceServicer_to_server, Governance(losses, problems, backlog, risks, way, boards, currency)
    )
    judged = (ByChannel(run.db, facts), run.records(CHANNEL_RULES), run.records(DIVERGENCES))
    run.serve(add_ComparisonsServiceServicer_to_server, Comparisons(boards, Frictions(run.db, facts), *judged))
    reports = run.records(REPORTS)
    run.serve(add_ReportsServiceServicer_to_server, ReportsRpc(reports, ReportTables(facts, boards)))
    run.on_due(reports, timer.fall_due)
    book = PromiseBook(services)
    run.serve(add_AvailabilityServiceServicer_to_server, OutagesRpc(outages, services, alerts, traffic, jobs.known))
    door = spans.TraceDoor(counted, run.keys, senders=senders, promises=lambda: book.promises)
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
    also = Burns(alerts, traffic, book).look_when_due
    run.background("outages", Watch(run.db, outages, facts, book, also=also).run)
    if "tickets" in run.settings.addresses:
        run.background("incidents", Incidents(outages, run.channel("tickets")).run)
    run.background("channels", ChannelWatch(run.db, *judged).run)


async def main(settings: MetricsSettings) -> None:
    """Runs until SIGTERM."""
    async with Runtime("metrics", settings) as run:
        senders = {name: secret.get_secret_value() for name, secret in settings.otlp_senders.items()}
        compose(run, settings.currency, settings.otlp_http_listen, senders)
        await run.until_stopped()


if __name__ == "__main__":
    asyncio.run(main(MetricsSettings.load("metrics")))
