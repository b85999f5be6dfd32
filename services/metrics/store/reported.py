"""Which incidents people have reported about an outage, beside how many come in such a time anyway."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any

from services.metrics.rules.attribution import AFTER, BEFORE, Report, attributed, first_lag
from services.metrics.rules.fact import OUT_OF_ALL, Fact
from services.metrics.rules.outage_record import Attributed
from services.metrics.rules.period import Period
from services.runtime.records import Records

_WEEKS = timedelta(days=28)
# Whoever cancels a ticket takes its report back, and a test reports nothing.
_REPORTS: Mapping[str, Any] = {"state.type": "INCIDENT", "state.exclusion": {"$nin": sorted(OUT_OF_ALL)}}

Reported = tuple[tuple[Attributed, ...], int | None]
NOBODY: Reported = ((), None)
"""A symptom has no tickets of its own: they belong to its root."""


async def reported(
    facts: Records[Fact], services: Sequence[str], outage: Period, traces: Collection[str], *, without: str
) -> Reported:
    """The tickets of a root outage, and the seconds until its first one.

    services: those that fail. traces: those that show it. without: the incident that the outage itself has opened,
    which nobody reported.
    """
    window = {"$gte": outage.start - BEFORE, "$lte": outage.end + AFTER}
    names = [name for service in services for name in (service, f"services/{service}")]
    where = {**_REPORTS, "state.opened_at": window}
    found = await facts.collection.find(where, {"state": 1}).sort("state.opened_at", 1).to_list(2000)
    states = [document["state"] for document in found if document["state"]["ticket"] != without]
    length = outage.end + AFTER - (outage.start - BEFORE)
    before = {"state.opened_at": {"$gte": outage.start - _WEEKS, "$lt": outage.start - BEFORE}}
    usual = await facts.collection.count_documents({**_REPORTS, "state.service": {"$in": names}, **before})
    reports = [_report(state, traces) for state in states]
    tickets = attributed(reports, services, outage.start, outage.end, usual * (length / _WEEKS))
    return tickets, first_lag(reports, tickets, outage.start)


def _report(state: Mapping[str, Any], traces: Collection[str]) -> Report:
    told = state.get("title", "")
    return Report(state["ticket"], state.get("service", ""), state["opened_at"], any(one in told for one in traces))
