"""Rotas: who is on call at an instant, by the wall clock of one zone, and where nobody is.

Exact to the second: a shift runs from the instant at which the local clock shows its hand-over to that of the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from zoneinfo import ZoneInfo

from services.runtime.refusal import Refusal
from services.runtime.worktime import Hours
from services.sla.rules.wall import first_shown, local, zone_of

SIGHT = timedelta(days=62)
"""How far anybody looks ahead."""

Reaches = Callable[[str], bool]
"""Whether a person can be told at all."""


class HandOver(StrEnum):
    """How often the next person takes over."""

    DAILY = "daily"
    WEEKLY = "weekly"


@dataclass(frozen=True, slots=True)
class Layer:
    """People who take over from each other in their order.

    first: the date of the first hand-over; last: of the one that ends the layer, None for never. time: of the
    hand-overs, in seconds since local midnight. hours: seven days, Monday first, or () for around the clock.
    """

    people: tuple[str, ...]
    hand_over: HandOver
    first: date
    time: int
    last: date | None = None
    hours: tuple[Hours, ...] = ()

    @property
    def days(self) -> int:
        """Local days from one hand-over to the next."""
        return 7 if self.hand_over is HandOver.WEEKLY else 1


@dataclass(frozen=True, slots=True)
class Override:
    """Somebody stands in during [start, end), whatever the layers say."""

    id: str
    person: str
    start: datetime
    end: datetime
    reason: str
    author: str


@dataclass(frozen=True, slots=True)
class Gap:
    """Nobody is on call in [start, end); end: None when none is in sight."""

    start: datetime
    end: datetime | None

    def holds(self, other: Gap) -> bool:
        """Whether the other lies wholly within this one."""
        return self.start <= other.start and (self.end is None or (other.end is not None and other.end <= self.end))


@dataclass(frozen=True, slots=True)
class Shift:
    """Who is on call in [start, end): "" for nobody. layer: from 1, 0 for an override or nobody."""

    start: datetime
    end: datetime
    person: str
    layer: int = 0
    override: str = ""


@dataclass(frozen=True, slots=True)
class Rota:
    """One version of a rota; a draft has the version 0.

    overrides: oldest entry first. gaps: those announced that are not over. look_at: when to look for gaps again; looks:
    how often somebody has looked.
    """

    name: str
    zone: str
    layers: tuple[Layer, ...]
    notice_days: int
    display_names: Mapping[str, str] = field(default_factory=dict)
    retired: bool = False
    version: int = 0
    overrides: tuple[Override, ...] = ()
    gaps: tuple[Gap, ...] = ()
    look_at: datetime | None = None
    looks: int = 0

    @property
    def people(self) -> frozenset[str]:
        """Everybody whom it may put on call."""
        return frozenset(
            [person for layer in self.layers for person in layer.people] + [one.person for one in self.overrides]
        )


@dataclass(frozen=True, slots=True)
class RotaPublished:
    """A version was published, an override was added or removed, or the rota was retired."""

    rota: Rota


@dataclass(frozen=True, slots=True)
class RotaGapFound:
    """Nobody will be on call in the gap; told once."""

    rota: Rota
    gap: Gap


def on_call(rota: Rota, at: datetime, reaches: Reaches) -> Shift:
    """Who is on call at an instant, as a shift of no length."""
    if rota.retired:
        return Shift(at, at, "")
    for one in reversed(rota.overrides):
        if one.start <= at < one.end and reaches(one.person):
            return Shift(at, at, one.person, 0, one.id)
    zone = zone_of(rota.zone, "rota.time_zone")
    for number, layer in enumerate(rota.layers, 1):
        person = _of_layer(layer, zone, at)
        if person and reaches(person):
            return Shift(at, at, person, number)
    return Shift(at, at, "")


def shifts(rota: Rota, start: datetime, end: datetime, reaches: Reaches) -> list[Shift]:
    """Who is on call from start to end: in order, without gap, alike neighbours joined; nobody is a shift too."""
    marks = sorted({start, end, *(at for at in _turns(rota, start, end) if start < at < end)})
    found: list[Shift] = []
    for begin, stop in pairwise(marks):
        one = replace(on_call(rota, begin, reaches), start=begin, end=stop)
        if found and replace(found[-1], start=begin, end=stop) == one:
            found[-1] = replace(found[-1], end=stop)
        else:
            found.append(one)
    return found


def schedule(rota: Rota, start: datetime, end: datetime, reaches: Reaches) -> list[Shift]:
    """The shifts from start to end, as somebody asks for them.

    Raises:
        Refusal: SCHEDULE_TIMES_INVALID.
    """
    if not start < end <= start + SIGHT:
        raise Refusal.invalid(
            "end_time", "SCHEDULE_TIMES_INVALID", f"Ask for a stretch of up to {SIGHT.days} days, end after start."
        )
    return shifts(rota, start, end, reaches)


def next_on_call(rota: Rota, at: datetime, reaches: Reaches) -> Shift | None:
    """The next shift of somebody else than who is on call at the instant; None when there is none in sight."""
    now = on_call(rota, at, reaches).person
    return next((one for one in shifts(rota, at, at + SIGHT, reaches) if one.person not in ("", now)), None)


def gaps(rota: Rota, start: datetime, reaches: Reaches) -> list[Gap]:
    """The stretches after `start` in which nobody is on call, as far as anybody looks ahead."""
    end = start + SIGHT
    return [
        Gap(one.start, None if one.end == end else one.end)
        for one in shifts(rota, start, end, reaches)
        if not one.person
    ]


def look(rota: Rota, now: datetime, reaches: Reaches) -> tuple[Rota, tuple[RotaGapFound, ...]]:
    """Announces each gap that is near enough and was not announced, and settles when to look again."""
    ahead, again = timedelta(days=rota.notice_days), now + SIGHT / 2
    kept: list[Gap] = []
    fresh: list[Gap] = []
    for gap in () if rota.retired else gaps(rota, now, reaches):
        known = next((one for one in rota.gaps if one.holds(gap)), None)
        if known is not None:
            kept.append(replace(gap, start=known.start) if gap.start == now else gap)
        elif gap.start - ahead <= now:
            fresh.append(gap)
        else:
            again = min(again, gap.start - ahead)
    found = tuple(sorted([*kept, *fresh], key=lambda one: one.start))
    after = replace(rota, gaps=found, look_at=None if rota.retired else again, looks=rota.looks + 1)
    return after, tuple(RotaGapFound(after, gap) for gap in fresh)


def _of_layer(layer: Layer, zone: ZoneInfo, at: datetime) -> str:
    """Whose turn it is in a layer at an instant; "" outside its days and hours."""
    number = _number(layer, zone, at)
    if number < 0:
        return ""
    if layer.last is not None and first_shown(zone, layer.last, layer.time) <= at:
        return ""
    if layer.hours and not any(begin <= at < end for begin, end in _spans(layer, zone, at, at)):
        return ""
    return layer.people[number % len(layer.people)]


def _number(layer: Layer, zone: ZoneInfo, at: datetime) -> int:
    """How many hand-overs after the first there were by then; below 0 before the first."""
    number = (local(zone, at).date() - layer.first).days // layer.days
    while _hand_over(layer, zone, number + 1) <= at:
        number += 1
    while _hand_over(layer, zone, number) > at:
        number -= 1
    return number


def _hand_over(layer: Layer, zone: ZoneInfo, number: int) -> datetime:
    return first_shown(zone, layer.first + timedelta(days=number * layer.days), layer.time)


def _spans(layer: Layer, zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The layer's hours, as instants, of all local days that touch [start, end]."""
    day = local(zone, start).date() - timedelta(days=1)
    until = local(zone, end).date() + timedelta(days=1)
    while day <= until:
        for one in layer.hours[day.weekday()]:
            yield first_shown(zone, day, one.opens), first_shown(zone, day, one.closes)
        day += timedelta(days=1)


def _turns(rota: Rota, start: datetime, end: datetime) -> Iterator[datetime]:
    """Every instant between at which somebody else may come on call."""
    for one in rota.overrides:
        yield one.start
        yield one.end
    zone = zone_of(rota.zone, "rota.time_zone")
    for layer in rota.layers:
        number = max(0, _number(layer, zone, start))
        while (at := _hand_over(layer, zone, number)) < end:
            yield at
            number += 1
        if layer.last is not None:
            yield first_shown(zone, layer.last, layer.time)
        if layer.hours:
            for begin, stop in _spans(layer, zone, start, end):
                yield begin
                yield stop
