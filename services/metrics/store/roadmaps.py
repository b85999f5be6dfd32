"""The way of an installation as a document, and the numbers that its criteria are judged by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from google.protobuf.message import Message

from services.metrics.rules.board import MoneyLine, money
from services.metrics.rules.business_service import BusinessService
from services.metrics.rules.cost_model import CostModel
from services.metrics.rules.improvement import Improvement
from services.metrics.rules.improvement import State as ImprovementState
from services.metrics.rules.period import Filter
from services.metrics.rules.risk import Risk
from services.metrics.rules.roadmap import NAME, Entered, Judged, Roadmap, credited, judged, measured
from services.metrics.rules.stages import Stage
from services.metrics.store.board import Boards
from services.metrics.store.value_ledger import ValueLedger
from services.metrics.wire import roadmap as wire
from services.runtime.records import Kind, Record, Records, Stamp


def _encode(one: Roadmap) -> dict[str, Any]:
    return {"entered": [[each.stage.name, each.at, each.by, each.note] for each in one.entered]}


def _decode(document: Mapping[str, Any]) -> Roadmap:
    return Roadmap(tuple(Entered(Stage[name], at, by, note) for name, at, by, note in document["entered"]))


def _message(event: Any, _stamp: Stamp) -> Message:
    return wire.told(event)


ROADMAPS: Kind[Roadmap] = Kind(collection="roadmaps", encode=_encode, decode=_decode, message=_message)


class Way:
    """Reads where the installation is and what the data say of it. currency: of the gains, ISO 4217."""

    def __init__(
        self,
        roadmaps: Records[Roadmap],
        boards: Boards,
        ledger: ValueLedger,
        kept: tuple[Records[CostModel], Records[BusinessService], Records[Improvement], Records[Risk]],
        currency: str,
    ) -> None:
        self.roadmaps = roadmaps
        self._boards = boards
        self._ledger = ledger
        self._models, self._services, self._improvements, self._risks = kept
        self._currency = currency

    async def now(self) -> Record[Roadmap]:
        """Where it is; nowhere, in version 0, until somebody says it."""
        found = await self.roadmaps.find([NAME])
        return found.get(NAME) or Record(NAME, Roadmap(), 0, 0)

    async def criteria(self, scope: str, now: datetime) -> dict[Stage, list[Judged]]:
        """Every criterion, over the last weeks."""
        values = await self._boards.by_id(measured(now), Filter(), scope, now)
        return judged(values, await self._counts())

    async def gains(self, roadmap: Roadmap, scope: str, now: datetime) -> dict[Stage, Sequence[MoneyLine]]:
        """The four lines of each stage that was entered, while it lasted."""
        found: dict[Stage, Sequence[MoneyLine]] = {}
        for stage in Stage:
            lasted = roadmap.lasted(stage)
            if lasted is None:
                continue
            period = credited(lasted[0].at, lasted[1], now)
            sums = await self._ledger.money_lines(period, Filter(), scope) if period is not None else []
            found[stage] = money(sums, self._currency)[0]
        return found

    async def _counts(self) -> dict[str, int]:
        finished = {"state.standing": ImprovementState.FINISHED.value}
        promised = {"state.retired": False, "state.objective": {"$exists": True}}
        return {
            "approved_cost_models": await self._models.count({"state.versions.approved_at": {"$ne": None}}, 1000),
            "services_with_objective": await self._services.count(promised, 1000),
            "finished_improvements": await self._improvements.count(finished, 1000),
            "risks": await self._risks.count({}, 1000),
        }
