"""The incident that an outage opens: decided together with the outage, so that it is opened once, whoever dies when.

The outage keeps what is to be said, and how much of it has been said.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.metrics.rules.business_service import BusinessService

LOWEST = 3
MOST_NOTES = 50
_DATED = timedelta(days=365)
"""An outage that goes on for longer does not date its incident: the ticket service takes no older start."""


@dataclass(frozen=True, slots=True)
class Filing:
    """What is filed and noted. ticket: "tickets/INC-000123", "" until it is filed. notes: in their order; noted: how
    many of them the ticket has. impact_started_at: when the requests began to fail; None when that is too long ago.
    """

    business_service: str
    title: str
    description: str
    requester: str
    service: str
    impact: int
    urgency: int
    ticket: str = ""
    notes: tuple[str, ...] = ()
    noted: int = 0
    impact_started_at: datetime | None = None

    @property
    def waits(self) -> bool:
        """Whether something is still to be said."""
        return not self.ticket or self.noted < len(self.notes)


@dataclass(frozen=True, slots=True)
class Voice:
    """An outage that was found. root: "" when nobody can tell; filed: its incident is decided already."""

    service: str
    first: int
    root: str
    symptomatic: bool
    filed: bool


def speakers(found: Sequence[Voice]) -> set[int]:
    """The places of those that may file an incident: one for each root.

    A symptom leaves it to the outage of its root. A root that has none, because it answers too slowly or not at all and
    sends no spans, is spoken for by the symptom that has filed already, else by the one that began first.
    """
    own = {one.service for one in found if not one.symptomatic}
    places = {place for place, one in enumerate(found) if not one.symptomatic}
    heads: dict[str, int] = {}
    for place, one in enumerate(found):
        if one.symptomatic and one.root not in own:
            head = heads.get(one.root)
            heads[one.root] = place if head is None else min(head, place, key=lambda at: _precedence(found[at]))
    return places | set(heads.values())


def _precedence(one: Voice) -> tuple[bool, int, str]:
    return not one.filed, one.first, one.service


def wanted(
    services: Iterable[BusinessService],
    outage: str,
    failing: Iterable[str],
    started_at: datetime,
    at: datetime,
    trace: str = "",
) -> Filing | None:
    """The incident of an outage, by the most critical business service that it hits and that wants one; else None.

    failing: the service of the outage, those that fail because of it, and its root. at: when this is decided.
    """
    parts = set(failing)
    asking = [
        one
        for one in services
        if one.incidents is not None
        and not one.retired
        and any(part.service in parts and not part.events for part in one.components)
    ]
    chosen = min(asking, key=lambda one: (one.criticality, one.name), default=None)
    if chosen is None or chosen.incidents is None:
        return None
    names = dict(chosen.display_names)
    english = names.get("en", chosen.name)
    title = f"Outage: {english}" + (f" · {names['zh']}服务中断" if "zh" in names else "")
    lines = [
        f"{', '.join(sorted(parts))}: requests fail since {_told(started_at)}, as spans tell.",
        f"Priority: from the criticality of {english}, {chosen.criticality} of 4.",
        f"/board/outages/{outage.partition('/')[2]}",
        *([f"Trace: {trace}"] if trace else []),
    ]
    return Filing(
        business_service=chosen.name,
        title=title[:200],
        description="\n".join(lines),
        requester=chosen.incidents.requester,
        service=chosen.incidents.service or f"services/{chosen.name.partition('/')[2]}",
        impact=min(chosen.criticality, LOWEST),
        urgency=min(chosen.criticality, LOWEST),
        impact_started_at=started_at if at - started_at <= _DATED else None,
    )


def noting(filing: Filing, note: str) -> Filing:
    """The same with one more thing to say."""
    return filing if len(filing.notes) >= MOST_NOTES else replace(filing, notes=(*filing.notes, note))


def over(started_at: datetime, ended_at: datetime, requests: float) -> str:
    """What is said when an outage is over; the incident stays open, because a person says that it is solved."""
    minutes = max(1, round((ended_at - started_at) / timedelta(minutes=1)))
    return (
        f"The outage is over: from {_told(started_at)} to {_told(ended_at)}, {minutes} min, "
        f"{round(requests)} failed requests. Resolve this incident when the cause is known."
    )


AGAIN = "The requests fail again; the outage goes on."
NONE_AFTER_ALL = "Late spans showed that this was no outage; it has been taken back."


def _told(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
