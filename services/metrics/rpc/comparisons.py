"""ComparisonsService: two periods side by side, what goes together, and channels with the alerts of them."""

from __future__ import annotations

from functools import partial
from typing import Any

from throughline.metrics.v1 import channels_pb2, comparisons_service_pb2_grpc
from throughline.metrics.v1 import comparisons_service_pb2 as pb

from services.metrics.rpc.bottlenecks import Bottlenecks
from services.metrics.rpc.frictions import Touchpoints
from services.metrics.rules import channels
from services.metrics.rules.access import scope_of
from services.metrics.rules.channels import ChannelRule, Divergence
from services.metrics.store.board import Boards
from services.metrics.store.channels import ByChannel, page_of_divergences, rule_in_force
from services.metrics.store.frictions import Frictions
from services.metrics.wire.board import filter_of, period_of
from services.metrics.wire.channels import divergence_message, report_message, rule_message, rule_of
from services.metrics.wire.comparison import comparison_message, correlation_message, worth_message
from services.runtime.door import caller
from services.runtime.paging import PageRequest
from services.runtime.records import Records


class Comparisons(Bottlenecks, Touchpoints, comparisons_service_pb2_grpc.ComparisonsServiceServicer):
    """throughline.metrics.v1.ComparisonsService; every method asks first what the caller may read."""

    def __init__(
        self,
        boards: Boards,
        frictions: Frictions,
        by_channel: ByChannel,
        rules: Records[ChannelRule],
        divergences: Records[Divergence],
    ) -> None:
        self.boards = boards
        self.frictions = frictions
        self.by_channel = by_channel
        self.rules = rules
        self.divergences = divergences

    async def ComparePeriods(self, request: pb.ComparePeriodsRequest, context: Any) -> pb.ComparePeriodsResponse:
        call = caller()
        scope = scope_of(call.actor)
        period, baseline = period_of(request.period, "period"), period_of(request.baseline, "baseline")
        found, worth = await self.boards.comparisons(period, baseline, filter_of(request.filter), scope, call.now)
        return pb.ComparePeriodsResponse(
            comparisons=[comparison_message(one) for one in found], worth=worth_message(worth)
        )

    async def ListCorrelations(self, request: pb.ListCorrelationsRequest, context: Any) -> pb.ListCorrelationsResponse:
        scope = scope_of(caller().actor)
        period = period_of(request.period, "period")
        found, tickets = await self.boards.correlations(period, filter_of(request.filter), scope)
        return pb.ListCorrelationsResponse(correlations=[correlation_message(one) for one in found], tickets=tickets)

    async def CompareChannels(self, request: pb.CompareChannelsRequest, context: Any) -> pb.CompareChannelsResponse:
        call = caller()
        scope = scope_of(call.actor)
        period = period_of(request.period, "period")
        found = await self.by_channel.tallies(period, filter_of(request.filter), scope)
        rule, etag = await rule_in_force(self.rules)
        rows = {
            one: (tally.count("tickets_opened"), channels.values(one, tally, period, call.now))
            for one, tally in found.items()
        }
        return report_message(rows, channels.gaps(found, rule), rule_message(rule, etag))

    async def GetChannelRule(self, request: pb.GetChannelRuleRequest, context: Any) -> channels_pb2.ChannelRule:
        scope_of(caller().actor)
        return rule_message(*await rule_in_force(self.rules))

    async def SetChannelRule(self, request: pb.SetChannelRuleRequest, context: Any) -> channels_pb2.ChannelRule:
        call = caller()
        decide = partial(channels.set_rule, wanted=rule_of(request.channel_rule), by=call.actor, at=call.now)
        cause = call.cause(request)
        if request.etag:
            record = await self.rules.change(channels.NAME, cause, decide, etag=request.etag)
        else:
            record = await self.rules.upsert(channels.NAME, cause, decide)
        return rule_message(record.state, record.etag)

    async def ListChannelDivergences(
        self, request: pb.ListChannelDivergencesRequest, context: Any
    ) -> pb.ListChannelDivergencesResponse:
        scope_of(caller().actor, whole=True)
        period = period_of(request.period, "period")
        page = PageRequest(request.page_size, request.page_token, f"divergences {period}")
        found = await page_of_divergences(self.divergences, period, page)
        return pb.ListChannelDivergencesResponse(
            divergences=[divergence_message(one.state, one.name) for one in found.items],
            next_page_token=found.next_token,
        )
