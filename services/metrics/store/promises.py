"""Business services as documents, and as the intake and the watch look them up without waiting."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from google.protobuf.message import Message
from pymongo import ASCENDING, IndexModel

from services.metrics.rules.business_service import (
    BusinessService,
    Component,
    Incidents,
    Maintenance,
    Objective,
    is_planned,
)
from services.metrics.wire import business_service as wire
from services.metrics.wire.request import Promise, Promises
from services.runtime.away import is_away
from services.runtime.paging import PageRequest
from services.runtime.records import Kind, Records, Stamp

EVERY_SECONDS = 15.0
_MS = timedelta(milliseconds=1)
_PLAIN = ("name", "owner", "criticality", "calendar", "cost_model", "version", "retired")


def _encode(service: BusinessService) -> dict[str, Any]:
    objective = service.objective
    document: dict[str, Any] = {name: getattr(service, name) for name in _PLAIN}
    document["display_names"] = [list(one) for one in service.display_names]
    document["components"] = [[one.service, list(one.routes), one.events] for one in service.components]
    if objective is not None:
        threshold = None if objective.threshold is None else objective.threshold // _MS
        document["objective"] = [objective.good, objective.days, threshold]
    if service.incidents is not None:
        document["incidents"] = [service.incidents.requester, service.incidents.service]
    document["maintenance"] = [[one.start, one.end, one.reason, one.announced_at] for one in service.maintenance]
    return document


def _decode(document: Mapping[str, Any]) -> BusinessService:
    objective = None
    if "objective" in document:
        good, days, threshold = document["objective"]
        objective = Objective(good, days, None if threshold is None else threshold * _MS)
    return BusinessService(
        **{name: document[name] for name in _PLAIN},
        display_names=tuple((language, text) for language, text in document["display_names"]),
        components=tuple(Component(service, tuple(routes), *rest) for service, routes, *rest in document["components"]),
        objective=objective,
        maintenance=tuple(Maintenance(*one) for one in document["maintenance"]),
        incidents=Incidents(*document["incidents"]) if "incidents" in document else None,
    )


def _message(event: Any, stamp: Stamp) -> Message:
    return wire.told(event, stamp.etag)


BUSINESS_SERVICES: Kind[BusinessService] = Kind(
    collection="business_services",
    prefix="businessServices",
    encode=_encode,
    decode=_decode,
    message=_message,
    indexes=(IndexModel([("state.retired", ASCENDING), ("_id", ASCENDING)]),),
)


class PromiseBook:
    """All business services in force, as of a few seconds ago."""

    def __init__(self, records: Records[BusinessService]) -> None:
        self._records = records
        self.services: tuple[BusinessService, ...] = ()
        self.promises: Promises = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Reads them again and again, until the service stops."""
        while not stop.is_set():
            try:
                await self.refresh()
            except Exception as error:
                if not is_away(error):
                    raise
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(EVERY_SECONDS):
                    await stop.wait()

    async def refresh(self) -> None:
        """Reads all of them.

        Raises:
            pymongo.errors.PyMongoError: the store is away; they stay as they were.
        """
        found: list[BusinessService] = []
        token = ""
        while True:
            page = await self._records.page({"state.retired": False}, [("_id", 1)], PageRequest(200, token, "book"))
            found += [one.state for one in page.items]
            if not (token := page.next_token):
                break
        promises: dict[str, tuple[Promise, ...]] = {}
        for service in found:
            if not service.is_counted_apart:
                continue
            objective = service.objective
            slow = 0
            if objective is not None and objective.threshold is not None:
                slow = objective.threshold // _MS * 1_000_000
            for part in service.components:
                promise = Promise(service.name, frozenset(part.routes), slow, part.events)
                promises[part.service] = (*promises.get(part.service, ()), promise)
        self.services, self.promises = tuple(found), promises

    def is_planned(self, service: str, start: datetime, end: datetime) -> bool:
        """Whether a stretch of a service of the spans lies inside planned maintenance of what it is part of."""
        return any(
            is_planned(one, start, end)
            for one in self.services
            if any(part.service == service and not part.events for part in one.components)
        )
