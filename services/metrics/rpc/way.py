"""The way in four stages, judged by what is measured now."""

from __future__ import annotations

from functools import partial
from typing import Any

from throughline.metrics.v1 import governance_pb2
from throughline.metrics.v1 import governance_service_pb2 as pb

from services.metrics.rules import period as periods
from services.metrics.rules import roadmap as rules
from services.metrics.rules.access import scope_of
from services.metrics.rules.period import FIRST, Filter, Period
from services.metrics.rules.reuse import reuse
from services.metrics.rules.roadmap import Roadmap
from services.metrics.rules.stretch import months
from services.metrics.store.board import Boards
from services.metrics.store.roadmaps import Way
from services.metrics.wire.reuse import reuse_message
from services.metrics.wire.roadmap import STAGE_OF, roadmap_message
from services.runtime.door import Call, caller
from services.runtime.records import Record

_MONTHS = 12


class OnTheWay:
    """Where the installation is, and when it may go on."""

    way: Way
    boards: Boards

    async def GetRoadmap(self, request: pb.GetRoadmapRequest, context: Any) -> governance_pb2.Roadmap:
        return await self._told(await self.way.now(), caller())

    async def EnterStage(self, request: pb.EnterStageRequest, context: Any) -> governance_pb2.Roadmap:
        call = caller()
        criteria = await self.way.criteria(scope_of(call.actor), call.now)
        complete = {stage: rules.is_complete(found) for stage, found in criteria.items()}
        stage = STAGE_OF[request.stage]
        decide = partial(rules.enter, stage=stage, note=request.note, complete=complete, by=call.actor, now=call.now)
        return await self._told(await self.way.roadmaps.upsert(rules.NAME, call.cause(request), decide), call)

    async def GetReuse(self, request: pb.GetReuseRequest, context: Any) -> governance_pb2.Reuse:
        call = caller()
        scope, zone = scope_of(call.actor), periods.zone(request.time_zone)
        wanted = months(call.now, zone, request.months or _MONTHS)
        before = await self.boards.tally(Period(FIRST, wanted[0].start), Filter(), scope)
        found = [(one, await self.boards.tally(one, Filter(), scope)) for one in wanted]
        return reuse_message(reuse(found, before))

    async def _told(self, record: Record[Roadmap], call: Call) -> governance_pb2.Roadmap:
        scope = scope_of(call.actor)
        criteria = await self.way.criteria(scope, call.now)
        gains = await self.way.gains(record.state, scope, call.now)
        return roadmap_message(record.state, record.etag, rules.measured(call.now), criteria, gains)
