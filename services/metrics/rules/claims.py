"""What the ledger is told: the ends of incidents, outages, gains, and the business services that they are about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from services.metrics.rules.fact import Channel, Exclusion, State, Type
from services.metrics.rules.money import Category


@dataclass(frozen=True, slots=True)
class Place:
    """What lists and boards filter by: the ticket as it was when the entry was booked."""

    service: str = ""
    team: str = ""
    site: str = ""
    unit: str = ""
    channel: Channel = Channel.UNSPECIFIED
    type: Type = Type.INCIDENT
    priority: int = 0
    source: str = ""
    item: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an entry rests on. version: the resource's etag or version at the time."""

    resource: str
    version: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class End:
    """What an event says that ended an incident. etag: of the ticket by that event. importing: a past comes in."""

    ticket: str
    etag: str
    state: State
    impact: int
    place: Place
    exclusion: Exclusion
    opened_at: datetime
    ended_at: datetime
    importing: bool = False


class Standing(Enum):
    """Where an outage is."""

    PROVISIONAL = "PROVISIONAL"
    OPEN = "OPEN"
    CLOSED = "CLOSED"
    RETRACTED = "RETRACTED"


class Origin(Enum):
    """Whether an outage began where it was seen."""

    UNDETERMINED = "UNDETERMINED"
    ROOT = "ROOT"
    SYMPTOMATIC = "SYMPTOMATIC"


@dataclass(frozen=True, slots=True)
class OutageHour:
    """Requests of one UTC hour within the outage, in thousandths. expected: 0 when nobody knows; recovered: None."""

    start_ms: int
    ms: int
    valid: int
    bad: int
    expected: int
    recovered: int | None = None


@dataclass(frozen=True, slots=True)
class Outage:
    """An outage as an event tells it. until: its end, or how far it has been counted.

    low_per_mille, high_per_mille: the 95 % interval of its requests, as a share of them. sites: those it hit, when they
    were seen. users: counted, 0 when unknown. traces: exemplars that show it.
    """

    name: str
    etag: str
    service: str
    standing: Standing
    origin: Origin
    root: str
    started_at: datetime
    until: datetime
    hours: tuple[OutageHour, ...]
    low_per_mille: int = 1000
    high_per_mille: int = 1000
    users: int = 0
    sites: tuple[str, ...] = ()
    tickets: tuple[str, ...] = ()
    affected: tuple[str, ...] = ()
    traces: tuple[str, ...] = ()
    planned: bool = False


@dataclass(frozen=True, slots=True)
class Gain:
    """A benefit that somebody answers for: so many of something, against a named baseline. quantity: thousandths."""

    name: str
    category: Category
    model: str
    quantity: int
    baseline: str
    by: str
    place: Place
    evidence: tuple[Evidence, ...]
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class BusinessService:
    """What the business knows as one service. components: names of services in spans. version: of its description."""

    name: str
    criticality: int = 1
    components: frozenset[str] = frozenset()
    calendar: str = ""
    cost_model: str = ""
    retired: bool = False
    version: int = 0
