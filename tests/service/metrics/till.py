"""What the ledger is told besides tickets: outages and business services on metrics' own stream, calendars on sla's."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from throughline.metrics.v1 import business_service_pb2, events_pb2, metrics_pb2, outage_pb2
from throughline.sla.v1 import events_pb2 as sla_events
from throughline.sla.v1 import sla_pb2
from throughline.type.v1 import money_pb2

from services.runtime.bus import Bus
from services.runtime.journal import Entry
from tests.service.metrics.bank import APPROVED_FROM
from tests.service.sla.desk import stamp

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
_EVENTS = {
    outage_pb2.OUTAGE_STATE_OPEN: events_pb2.OutageOpened,
    outage_pb2.OUTAGE_STATE_CLOSED: events_pb2.OutageClosed,
    outage_pb2.OUTAGE_STATE_RETRACTED: events_pb2.OutageRetracted,
}


def business(
    kind: str, name: str = "costModels/checkout", value: int = 5_000, currency: str = "CNY", **fields: Any
) -> Any:
    """A model of business of that type; 50.00 CNY each unless said otherwise."""
    category = fields.pop("category", "INCURRED_LOSS")
    note = fields.pop("note", "")
    scopes, levels = fields.pop("scopes", {}), fields.pop("levels", {})
    return metrics_pb2.CostModel(
        name=name,
        type=metrics_pb2.CostModelType.Value(f"COST_MODEL_TYPE_{kind.upper()}"),
        category=metrics_pb2.LedgerCategory.Value(f"LEDGER_CATEGORY_{category or 'UNSPECIFIED'}"),
        effective_time=stamp(fields.pop("effective", APPROVED_FROM)),
        note=note,
        business=metrics_pb2.BusinessModel(
            unit_value=money_pb2.Money(currency_code=currency, minor_units=value),
            scopes=[metrics_pb2.PlaceScope(impact=one, places=places) for one, places in scopes.items()],
            levels=[metrics_pb2.PriorityEffect(priority=one, per_mille=share) for one, share in levels.items()],
            **fields,
        ),
    )


def outage(
    start: datetime,
    *hours: tuple[float, float, float],
    service: str = "checkout-api",
    state: str = "CLOSED",
    **fields: Any,
) -> outage_pb2.Outage:
    """An outage with (valid, bad, expected) requests in each hour from `start`, which begins one."""
    return outage_pb2.Outage(
        name=f"outages/{service}.{int(start.timestamp())}",
        service=service,
        state=outage_pb2.OutageState.Value(f"OUTAGE_STATE_{state}"),
        start_time=stamp(start),
        end_time=stamp(start + timedelta(hours=len(hours))) if state == "CLOSED" else None,
        origin=fields.pop("origin", outage_pb2.OUTAGE_ORIGIN_ROOT),
        root_service=fields.pop("root_service", service),
        hours=[
            outage_pb2.OutageHour(
                hour_time=stamp(start + timedelta(hours=at)),
                valid=valid,
                bad=bad,
                expected=expected,
                duration=Duration(seconds=3600),
            )
            for at, (valid, bad, expected) in enumerate(hours)
        ],
        **fields,
    )


@dataclass
class Till:
    """Publishes as metrics and sla would; each resource counts its own events."""

    metrics: Bus
    sla: Bus
    told: dict[str, list[Entry]] = field(default_factory=dict)

    async def outage(self, one: outage_pb2.Outage, at: datetime | None = None) -> None:
        """Tells what the outage is now."""
        await self._tell(self.metrics, self.word(one, at or datetime.now(UTC)))

    def word(self, one: outage_pb2.Outage, at: datetime) -> Entry:
        """The next event of the outage, not yet published."""
        known = len(self.told.get(one.name, ()))
        kind = (
            _EVENTS[one.state] if known == 0 or one.state != outage_pb2.OUTAGE_STATE_OPEN else events_pb2.OutageAmended
        )
        return self._entry(one.name, kind(outage=one), at)

    async def service(self, name: str = "checkout", *components: str, cost_model: str = "costModels/checkout") -> None:
        """Tells of a business service, made of <name>-api unless said otherwise."""
        parts = [business_service_pb2.ServiceComponent(service=one) for one in components or (f"{name}-api",)]
        one = business_service_pb2.BusinessService(
            name=f"businessServices/{name}", criticality=1, components=parts, cost_model=cost_model
        )
        changed = events_pb2.BusinessServiceChanged(business_service=one)
        await self._tell(self.metrics, self._entry(one.name, changed, APPROVED_FROM))

    async def calendar(self, name: str, *spans: tuple[str, str]) -> None:
        """Tells of a calendar with the same hours every day, in Shanghai."""
        segments = [sla_pb2.Segment(start=start, end=end) for start, end in spans]
        one = sla_pb2.Calendar(
            name=f"calendars/{name}",
            version=1,
            time_zone="Asia/Shanghai",
            weekly_hours=[sla_pb2.WeeklyHours(weekday=day, segments=segments) for day in range(1, 8)],
        )
        await self._tell(self.sla, self._entry(one.name, sla_events.CalendarPublished(calendar=one), APPROVED_FROM))

    def _entry(self, resource: str, message: Message, at: datetime) -> Entry:
        known = self.told.setdefault(resource, [])
        number = len(known) + 1
        entry = Entry(
            id=f"{resource}/{number}/0~1",
            resource=resource,
            version=number,
            n=0,
            sequence=number,
            type=message.DESCRIPTOR.full_name,
            cause=str(uuid.uuid4()),
            actor="system/metrics",
            behalf="",
            time=at,
            recorded_at=at,
            traceparent="",
            data=message.SerializeToString(deterministic=True),
            salt=b"",
            digest=b"",
            prev=b"",
            hash=b"",
        )
        known.append(entry)
        return entry

    async def _tell(self, bus: Bus, entry: Entry) -> None:
        for answer in await bus.publish([entry]):
            assert not isinstance(answer, Exception), answer


@asynccontextmanager
async def tills(nats_url: str) -> AsyncIterator[Till]:
    """A till with its two connections."""
    async with AsyncExitStack() as stack:
        buses = []
        for service in ("metrics", "sla"):
            bus = await Bus.connect(nats_url, service, manage=True)
            stack.push_async_callback(bus.close)
            assert await bus.ready(30)
            buses.append(bus)
        yield Till(buses[0], buses[1])
