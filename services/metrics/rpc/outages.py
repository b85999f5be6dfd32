"""AvailabilityService: outages, business services, and objectives against what happened."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from throughline.metrics.v1 import availability_service_pb2 as pb
from throughline.metrics.v1 import availability_service_pb2_grpc, business_service_pb2, outage_pb2

from services.metrics.rules import budget, burn_alert, business_service
from services.metrics.rules.access import scope_of
from services.metrics.rules.burn_alert import BurnAlert
from services.metrics.rules.business_service import BusinessService
from services.metrics.rules.known import Known
from services.metrics.rules.outage_record import Outage
from services.metrics.rules.period import Period
from services.metrics.store.burns import Windows
from services.metrics.store.outages import page_of_outages
from services.metrics.store.traffic import Traffic
from services.metrics.wire.board import period_of
from services.metrics.wire.burn_alert import alert_message
from services.metrics.wire.business_service import business_service_message, business_service_of, version_message
from services.metrics.wire.instants import set_instant
from services.metrics.wire.objective import minute_messages, report_message
from services.metrics.wire.outage import outage_message
from services.runtime.door import caller
from services.runtime.paging import PageRequest, decode, encode
from services.runtime.records import Records


class OutagesRpc(availability_service_pb2_grpc.AvailabilityServiceServicer):
    """throughline.metrics.v1.AvailabilityService; spans belong to no unit, so a reader of numbers reads them all."""

    def __init__(
        self,
        outages: Records[Outage],
        services: Records[BusinessService],
        alerts: Records[BurnAlert],
        traffic: Traffic,
        known: Callable[[], Awaitable[Known]],
    ) -> None:
        """known: what the ledger has learned by now."""
        self.outages = outages
        self.services = services
        self.alerts = alerts
        self.traffic = traffic
        self.known = known

    async def GetOutage(self, request: pb.GetOutageRequest, context: Any) -> outage_pb2.Outage:
        scope_of(caller().actor)
        record = await self.outages.get(request.name)
        return outage_message(record.state, record.name, record.etag)

    async def ListOutages(self, request: pb.ListOutagesRequest, context: Any) -> pb.ListOutagesResponse:
        scope_of(caller().actor)
        period = period_of(request.period, "period")
        bind = repr((period, request.service, request.roots, request.retracted))
        page = PageRequest(request.page_size, request.page_token, bind)
        found = await page_of_outages(
            self.outages, period, request.service, page, roots=request.roots, retracted=request.retracted
        )
        return pb.ListOutagesResponse(
            outages=[outage_message(one.state, one.name, one.etag) for one in found.items],
            next_page_token=found.next_token,
        )

    async def ListServiceMinutes(
        self, request: pb.ListServiceMinutesRequest, context: Any
    ) -> pb.ListServiceMinutesResponse:
        call = caller()
        scope_of(call.actor)
        period = business_service.within_a_day(period_of(request.period, "period"))
        cells = await self.traffic.cells(period, [request.service], call.now)
        return pb.ListServiceMinutesResponse(minutes=minute_messages(cells))

    async def PublishBusinessService(
        self, request: pb.PublishBusinessServiceRequest, context: Any
    ) -> business_service_pb2.BusinessService:
        call = caller()
        wanted = business_service_of(request.business_service)
        decide = partial(business_service.publish, wanted=wanted, by=call.actor)
        if etag := request.business_service.etag:
            record = await self.services.change(wanted.name, call.cause(request), decide, etag=etag)
        else:
            record = await self.services.upsert(wanted.name, call.cause(request), decide)
        return business_service_message(record.state, record.etag)

    async def RetireBusinessService(
        self, request: pb.RetireBusinessServiceRequest, context: Any
    ) -> business_service_pb2.BusinessService:
        call = caller()
        decide = partial(business_service.retire, by=call.actor)
        record = await self.services.change(request.name, call.cause(request), decide, etag=request.etag)
        return business_service_message(record.state, record.etag)

    async def GetBusinessService(
        self, request: pb.GetBusinessServiceRequest, context: Any
    ) -> business_service_pb2.BusinessService:
        scope_of(caller().actor)
        record = await self.services.get(request.name)
        return business_service_message(record.state, record.etag)

    async def ListBusinessServices(
        self, request: pb.ListBusinessServicesRequest, context: Any
    ) -> pb.ListBusinessServicesResponse:
        scope_of(caller().actor)
        where = {} if request.retired else {"state.retired": False}
        page = PageRequest(request.page_size, request.page_token, f"business services {request.retired}")
        found = await self.services.page(where, [("_id", 1)], page)
        return pb.ListBusinessServicesResponse(
            business_services=[business_service_message(one.state, one.etag) for one in found.items],
            next_page_token=found.next_token,
        )

    async def GetObjectiveReport(self, request: pb.GetObjectiveReportRequest, context: Any) -> pb.ObjectiveReport:
        call = caller()
        scope_of(call.actor)
        record = await self.services.get(request.name)
        service = record.state
        objective = business_service.required_objective(service)
        end = set_instant(request, "end_time") or call.now
        windows = [timedelta(days=objective.days), timedelta(hours=1), timedelta(hours=6)]
        sums = [await self.traffic.promised(service, _back(end, length)) for length in windows]
        known = list(zip(windows, sums, strict=True))
        if request.brief:
            return report_message(service, record.etag, end, known)
        rules = burn_alert.seen(objective, await Windows(self.traffic).of(service, burn_alert.end_of(end)))
        kept = await self.alerts.find([burn_alert.alert_name(service.name, one.rule.id) for one in rules])
        alerts = {one.state.rule for one in kept.values() if one.state.open}
        whole = business_service.burn(objective, sums[0], windows[0])
        worth = budget.worth(service, whole, await self.known() if service.cost_model else Known(), end)
        return report_message(service, record.etag, end, known, rules=rules, alerts=alerts, worth=worth)

    async def ListBusinessServiceVersions(
        self, request: pb.ListBusinessServiceVersionsRequest, context: Any
    ) -> pb.ListBusinessServiceVersionsResponse:
        scope_of(caller().actor)
        await self.services.get(request.name)
        page = PageRequest(request.page_size, request.page_token, f"versions of {request.name}")
        (after,) = decode(page.token, page.bind, 1) if page.token else (0,)
        entries = await self.services.journal.of(request.name, after, page.size + 1)
        shown = entries[: page.size]
        return pb.ListBusinessServiceVersionsResponse(
            versions=[version_message(one.data, one.behalf or one.actor, one.time) for one in shown],
            next_page_token=encode([shown[-1].sequence], page.bind) if len(entries) > page.size else "",
        )

    async def ListBurnAlerts(self, request: pb.ListBurnAlertsRequest, context: Any) -> pb.ListBurnAlertsResponse:
        scope_of(caller().actor)
        where: dict[str, Any] = {"state.service": request.business_service} if request.business_service else {}
        if request.open:
            where["state.open"] = True
        page = PageRequest(
            request.page_size, request.page_token, f"burn alerts {request.business_service} {request.open}"
        )
        found = await self.alerts.page(where, [("_id", 1)], page)
        return pb.ListBurnAlertsResponse(
            burn_alerts=[alert_message(one.state, one.etag) for one in found.items], next_page_token=found.next_token
        )


def _back(end: datetime, length: timedelta) -> Period:
    return Period(end - length, end)
