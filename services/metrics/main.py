"""Puts the metrics service together and runs it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from pydantic import Field
from throughline.metrics.v1 import metrics_service_pb2_grpc

from services.metrics import events
from services.metrics.rpc import MetricsRpc
from services.metrics.rules.money import Ledger, LossSum, MoneySum
from services.metrics.rules.period import Filter, Period
from services.metrics.rules.registry import METRICS
from services.metrics.rules.values import Value, undefined
from services.metrics.store.board import Boards
from services.metrics.store.cells import Roller
from services.metrics.store.facts import FACTS
from services.runtime.run import Runtime
from services.runtime.settings import Settings


class MetricsSettings(Settings):
    """The board adds up one currency."""

    currency: str = Field(default="CNY", pattern="^[A-Z]{3}$")


class NoLedger:
    """Stands where the ledger is not joined yet: it has no line."""

    async def money_lines(self, period: Period, filter: Filter, scope: str) -> list[MoneySum]:
        return []

    async def losses_of(self, tickets: Sequence[str]) -> dict[str, LossSum]:
        return {}


async def availability(period: Period, scope: str) -> Value:
    return undefined(METRICS["availability"], "no span was received in the period")


def compose(run: Runtime, currency: str = "CNY", ledger: Ledger | None = None) -> None:
    """Declares what the service keeps, hears and answers."""
    facts = run.records(FACTS)
    ledger = ledger or NoLedger()
    boards = Boards(run.db, facts, ledger, availability, currency)
    run.serve(metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server, MetricsRpc(facts, boards))
    run.hear("tickets", events.ticket_handlers(facts))
    run.hear("sla", events.clock_handlers(facts))
    run.background("roller", Roller(run.db, facts).run)


async def main(settings: MetricsSettings) -> None:
    """Runs until SIGTERM."""
    async with Runtime("metrics", settings) as run:
        compose(run, settings.currency)
        await run.until_stopped()


if __name__ == "__main__":
    asyncio.run(main(MetricsSettings.load("metrics")))
