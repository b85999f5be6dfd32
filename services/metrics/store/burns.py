"""Burn alerts as documents, and the look that opens and closes them, a few times a minute, in the turn of the watch."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from google.protobuf.message import Message
from pymongo import ASCENDING, IndexModel

from services.metrics.rules import burn_alert
from services.metrics.rules.availability import Sums
from services.metrics.rules.burn_alert import BurnAlert, Episode
from services.metrics.rules.business_service import BusinessService
from services.metrics.rules.period import Period
from services.metrics.store.promises import PromiseBook
from services.metrics.store.traffic import Traffic
from services.metrics.wire import burn_alert as wire
from services.runtime.actor import system
from services.runtime.paging import PageRequest
from services.runtime.records import Cause, Kind, Records, Stamp

EVERY = timedelta(seconds=20)


def _encode(alert: BurnAlert) -> dict[str, Any]:
    return {
        "service": alert.service,
        "rule": alert.rule,
        "looked_at": alert.looked_at,
        "open": alert.open,
        "episodes": [[one.opened_at, one.closed_at, one.long, one.short] for one in alert.episodes],
    }


def _decode(document: Mapping[str, Any]) -> BurnAlert:
    episodes = tuple(Episode(*one) for one in document["episodes"])
    return BurnAlert(document["service"], document["rule"], document["looked_at"], episodes)


def _message(event: Any, stamp: Stamp) -> Message:
    return wire.told(event, stamp.etag)


BURN_ALERTS: Kind[BurnAlert] = Kind(
    collection="burn_alerts",
    prefix="burnAlerts",
    encode=_encode,
    decode=_decode,
    message=_message,
    indexes=(
        IndexModel([("state.open", ASCENDING), ("_id", ASCENDING)]),
        IndexModel([("state.service", ASCENDING), ("_id", ASCENDING)]),
    ),
)


class Windows:
    """The requests of business services over many windows; what several ask for is read once."""

    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic
        self._read: dict[Period, dict[str, Sums]] = {}

    async def of(self, service: BusinessService, end: datetime) -> dict[timedelta, Sums]:
        """The windows of all rules that fit its objective, by their length."""
        if service.objective is None:
            return {}
        lengths = burn_alert.windows_of(service.objective)
        return {
            length: await self._traffic.promised(service, Period(end - length, end), known=self._read)
            for length in lengths
        }


class Burns:
    """Judges every objective by every rule that fits it."""

    def __init__(self, alerts: Records[BurnAlert], traffic: Traffic, promises: PromiseBook) -> None:
        self._alerts = alerts
        self._traffic = traffic
        self._promises = promises
        self._next: datetime | None = None

    async def look_when_due(self, at: datetime) -> None:
        """Looks, when the last look is so long ago that another may see something new."""
        if self._next is None or at >= self._next:
            await self.look(at)
            self._next = at + EVERY

    async def look(self, at: datetime) -> None:
        """Judges everything as it is known at `at`."""
        kept = await self._open()
        windows, end = Windows(self._traffic), burn_alert.end_of(at)
        for service in self._promises.services:
            if service.objective is None:
                continue
            for seen in burn_alert.seen(service.objective, await windows.of(service, end)):
                name = burn_alert.alert_name(service.name, seen.rule.id)
                if burn_alert.changes(kept.pop(name, None), seen):
                    decide = partial(burn_alert.judged, service=service.name, found=seen, at=end)
                    await self._alerts.upsert(name, _cause(name, end), decide)
        for name in kept:
            await self._alerts.change(name, _cause(name, end), partial(burn_alert.ended, at=end))

    async def _open(self) -> dict[str, BurnAlert]:
        found: dict[str, BurnAlert] = {}
        token = ""
        while True:
            page = await self._alerts.page({"state.open": True}, [("_id", 1)], PageRequest(200, token, "open alerts"))
            found |= {one.name: one.state for one in page.items}
            if not (token := page.next_token):
                return found


def _cause(name: str, end: datetime) -> Cause:
    """One look at one alert is one cause, whoever looks."""
    return Cause(f"burn/{name}/{end.isoformat()}", system("metrics"), end)
