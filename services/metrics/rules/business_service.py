"""What the business knows as one service: its parts, its owner, its objective, its hours, its maintenance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.metrics.rules.availability import Sums
from services.metrics.rules.period import Period
from services.runtime.actor import Actor
from services.runtime.refusal import Refusal

PREFIX = "businessServices/"
EDITORS = ("executive", "lead", "operator", "administrator")
_MILLION = 1_000_000
_LONGEST = timedelta(minutes=10)
_OWNERS = ("people/", "teams/")


@dataclass(frozen=True, slots=True)
class Component:
    """A service of the spans. routes: span names or http.route values; none means all of its requests.

    events: the events that it processes count, and not the requests that it answers.
    """

    service: str
    routes: tuple[str, ...] = ()
    events: bool = False


@dataclass(frozen=True, slots=True)
class Objective:
    """good: parts per million of valid requests. threshold: a request that takes longer is bad; None when only errors
    are. days: the rolling window.
    """

    good: int
    days: int
    threshold: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Maintenance:
    """A planned stretch."""

    start: datetime
    end: datetime
    reason: str = ""
    announced_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Incidents:
    """How its outages open incidents. requester: for whom. service: which they name; "" is the one of the same id."""

    requester: str
    service: str = ""


@dataclass(frozen=True, slots=True)
class BusinessService:
    """One business service as it holds now."""

    name: str
    display_names: tuple[tuple[str, str], ...]
    owner: str
    criticality: int
    components: tuple[Component, ...]
    objective: Objective | None = None
    calendar: str = ""
    maintenance: tuple[Maintenance, ...] = ()
    cost_model: str = ""
    version: int = 1
    retired: bool = False
    incidents: Incidents | None = None

    @property
    def is_counted_apart(self) -> bool:
        """Whether its requests differ from those of its components, so that they are counted under its own name."""
        slow = self.objective is not None and self.objective.threshold is not None
        return slow or any(one.routes or one.events for one in self.components)


@dataclass(frozen=True, slots=True)
class BusinessServiceChanged:
    """It was published, changed or retired."""

    service: BusinessService


@dataclass(frozen=True, slots=True)
class Burn:
    """An objective against what happened. allowed, spent: bad requests. rate: how fast the budget burns, 1 is even.

    minutes, minutes_left: the budget as full downtime of the window; left is below zero when it is overspent.
    """

    valid: float
    good: float
    allowed: float
    spent: float
    rate: float
    minutes: float
    minutes_left: float


Decision = tuple[BusinessService, tuple[BusinessServiceChanged, ...]]


def publish(before: BusinessService | None, wanted: BusinessService, *, by: Actor) -> Decision:
    """The service as wanted, as its next version; the same again changes nothing.

    Raises:
        Refusal: PERSON_REQUIRED, ROLE_REQUIRED, BUSINESS_SERVICE_INVALID.
    """
    _require(by, "publish a business service")
    for field, holds, message in _claims(wanted):
        if not holds:
            raise Refusal.invalid(f"business_service.{field}", "BUSINESS_SERVICE_INVALID", message)
    if before is None:
        after = replace(wanted, version=1, retired=False)
    else:
        after = replace(wanted, version=before.version, retired=False)
        if after == before:
            return before, ()
        after = replace(after, version=before.version + 1)
    return after, (BusinessServiceChanged(after),)


def retire(before: BusinessService, *, by: Actor) -> Decision:
    """The service no longer counts; what was counted stays.

    Raises:
        Refusal: PERSON_REQUIRED, ROLE_REQUIRED, BUSINESS_SERVICE_RETIRED.
    """
    _require(by, "retire a business service")
    if before.retired:
        raise Refusal.precondition(
            "BUSINESS_SERVICE_RETIRED", f"{before.name} is retired already; publish it to use it again."
        )
    after = replace(before, version=before.version + 1, retired=True)
    return after, (BusinessServiceChanged(after),)


def burn(objective: Objective, sums: Sums, window: timedelta) -> Burn:
    """What is left of the budget. window: the time that was looked at; the rate compares with spending evenly in it."""
    share = (_MILLION - objective.good) / _MILLION
    allowed, spent = sums.valid * share, sums.valid - sums.good
    minutes = window / timedelta(minutes=1) * share
    rate = spent / allowed if allowed else 0.0
    return Burn(sums.valid, sums.good, allowed, spent, rate, minutes, minutes * (1.0 - rate))


def is_planned(service: BusinessService, start: datetime, end: datetime) -> bool:
    """Whether a stretch lies wholly inside planned maintenance."""
    return any(one.start <= start and end <= one.end for one in service.maintenance)


def required_objective(service: BusinessService) -> Objective:
    """What is promised of a service.

    Raises:
        Refusal: OBJECTIVE_MISSING.
    """
    if service.objective is None:
        missing = f"Nothing is promised of {service.name}; publish it with an objective."
        raise Refusal.precondition("OBJECTIVE_MISSING", missing)
    return service.objective


def within_a_day(period: Period) -> Period:
    """The period, when it is short enough to be shown by the minute.

    Raises:
        Refusal: PERIOD_TOO_LONG.
    """
    if period.end - period.start > timedelta(days=1):
        raise Refusal.invalid("period", "PERIOD_TOO_LONG", "Minutes are shown for one day at most; ask for less.")
    return period


def without(period: Period, service: BusinessService) -> list[Period]:
    """The parts of a period that lie outside planned maintenance."""
    parts = [period]
    for one in service.maintenance:
        cut = []
        for part in parts:
            before = Period(part.start, min(part.end, one.start))
            after = Period(max(part.start, one.end), part.end)
            cut += (
                [left for left in (before, after) if left.start < left.end]
                if one.start < part.end and part.start < one.end
                else [part]
            )
        parts = cut
    return parts


def _require(by: Actor, to: str) -> None:
    if by.is_system:
        raise Refusal.forbidden("PERSON_REQUIRED", f"Only a person may {to}.")
    by.require(*EDITORS, to=to)


def _claims(wanted: BusinessService) -> Iterator[tuple[str, bool, str]]:
    """What must hold: the field, whether it does, and what to do when it does not."""
    yield "display_names", bool(dict(wanted.display_names).get("en")), 'Give a name in English, under "en".'
    yield "owner", wanted.owner.startswith(_OWNERS), 'Name its owner, "people/..." or "teams/...".'
    yield "components", bool(wanted.components), "Name at least one service of the spans that it is made of."
    services = [one.service for one in wanted.components]
    yield "components", len(set(services)) == len(services), "Name each service once, with all its routes."
    mixed = len({one.events for one in wanted.components}) > 1
    yield "components", not mixed, "Requests and events are two objectives; make two business services of them."
    objective = wanted.objective
    if objective is not None and objective.threshold is not None:
        fits = timedelta() < objective.threshold <= _LONGEST
        yield "objective.latency_threshold", fits, "A threshold is longer than nothing and ten minutes at most."
    yield "maintenance", all(one.start < one.end for one in wanted.maintenance), "Maintenance ends after it starts."
    named = wanted.incidents is None or wanted.incidents.requester.startswith("people/")
    yield "incidents.requester", named, 'Name a person for whom incidents are filed, "people/...".'
