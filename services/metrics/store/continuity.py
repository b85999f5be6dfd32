"""The numbers that no ticket feeds: availability, continuity and budgets of services, and the exposure to risks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from services.metrics.rules import continuity as rules
from services.metrics.rules.availability import Sums
from services.metrics.rules.business_service import BusinessService
from services.metrics.rules.continuity import Continuity
from services.metrics.rules.known import Known
from services.metrics.rules.outage_record import Outage
from services.metrics.rules.period import Period
from services.metrics.rules.risk import Risk, State, exposure
from services.metrics.rules.sharing import millis
from services.metrics.rules.values import Value
from services.metrics.store.outages import page_of_outages
from services.metrics.store.risks import every
from services.metrics.store.traffic import Traffic
from services.runtime.paging import PageRequest
from services.runtime.records import Records


class Continuities:
    """Reads them. known: what the ledger has learned by now, calendars among it. currency: of the risks, ISO 4217."""

    def __init__(
        self,
        traffic: Traffic,
        kept: tuple[Records[Outage], Records[BusinessService], Records[Risk]],
        known: Callable[[], Awaitable[Known]],
        currency: str,
    ) -> None:
        self._traffic = traffic
        self._outages, self._services, self._risks = kept
        self._known = known
        self._currency = currency

    async def values(self, period: Period, scope: str, now: datetime) -> dict[str, Value]:
        """By metric id, over a period; spans and outages belong to no unit, risks do."""
        risks = [one.state for one in await every(self._risks, State.OPEN, scope)]
        services = await self._in_force()
        found = {
            "availability": await self._traffic.availability(period, scope),
            "risk_exposure": exposure(risks, self._currency),
        }
        first = await self._traffic.first()
        part = rules.clipped(period, first, millis(now)) if first is not None and services else None
        held = await self._held(services, part) if part is not None else None
        spent = await self._spent(services, part) if part is not None else []
        return found | rules.continuity_values(held, known=bool(services)) | rules.budget_values(spent)

    async def _held(self, services: Sequence[BusinessService], period: Period) -> Continuity:
        known = await self._known() if any(one.calendar for one in services) else Known()
        outages = await self._touching(period)
        whole = Continuity()
        for one in services:
            time = rules.committed(one, period, known.calendars.get(one.calendar, ()))
            if time is not None:
                whole = whole.plus(rules.held(one, time, outages))
        return whole

    async def _spent(self, services: Sequence[BusinessService], period: Period) -> list[tuple[BusinessService, Sums]]:
        """The requests of services with an objective."""
        known: dict[Period, dict[str, Sums]] = {}
        promised = [one for one in services if one.objective is not None]
        return [(one, await self._traffic.promised(one, period, known=known)) for one in promised]

    async def _in_force(self) -> list[BusinessService]:
        found: list[BusinessService] = []
        token = ""
        while True:
            page = await self._services.page({"state.retired": False}, [("_id", 1)], PageRequest(200, token, "held"))
            found += [one.state for one in page.items]
            if not (token := page.next_token):
                return found

    async def _touching(self, period: Period) -> list[Outage]:
        found: list[Outage] = []
        token = ""
        while True:
            page = PageRequest(200, token, "touching")
            answer = await page_of_outages(self._outages, period, "", page, roots=True, retracted=False)
            found += [one.state for one in answer.items]
            if not (token := answer.next_token):
                return found
