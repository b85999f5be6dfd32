"""Which incidents people have reported about the time of an outage, and how many come in such a time anyway."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any

from services.metrics.rules.attribution import AFTER, BEFORE, Report
from services.metrics.rules.fact import Fact
from services.metrics.rules.period import Period
from services.runtime.records import Records

_WEEKS = timedelta(days=28)


async def reported(
    facts: Records[Fact], services: Sequence[str], outage: Period, traces: Collection[str], *, without: str
) -> tuple[list[Report], float]:
    """Incidents that were opened about the outage, and the usual number.

    traces: those that show it. without: the incident that the outage itself has opened, which nobody reported.
    """
    window = {"$gte": outage.start - BEFORE, "$lte": outage.end + AFTER}
    names = [name for service in services for name in (service, f"services/{service}")]
    where: dict[str, Any] = {"state.type": "INCIDENT", "state.opened_at": window}
    found = await facts.collection.find(where, {"state": 1}).sort("state.opened_at", 1).to_list(2000)
    states = [document["state"] for document in found if document["state"]["ticket"] != without]
    length = outage.end + AFTER - (outage.start - BEFORE)
    before = {"state.opened_at": {"$gte": outage.start - _WEEKS, "$lt": outage.start - BEFORE}}
    usual = await facts.collection.count_documents(
        {"state.type": "INCIDENT", "state.service": {"$in": names}, **before}
    )
    return [_report(state, traces) for state in states], usual * (length / _WEEKS)


def _report(state: Mapping[str, Any], traces: Collection[str]) -> Report:
    told = state.get("title", "")
    return Report(state["ticket"], state.get("service", ""), state["opened_at"], any(one in told for one in traces))
