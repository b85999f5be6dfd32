"""Rotas against a wall clock that is watched minute by minute, across every change of the clocks; gaps told once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.runtime.actor import Actor
from services.runtime.refusal import Refusal
from services.runtime.worktime import Hours, Opening
from services.sla.rules import rota as rules
from services.sla.rules import rota_changes as changes
from services.sla.rules.directory import Colleague, Directory
from services.sla.rules.rota import Gap, HandOver, Layer, Override, Rota
from services.sla.rules.wall import first_shown

ROOT = Actor("people/root", frozenset({"administrator"}))
NAMES = ("people/a", "people/b", "people/c")
DIRECTORY = Directory({name: Colleague(name, staff=True) for name in NAMES})
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
# Clocks that skip and repeat hours, half an hour, two hours at once, a date, midnight, and none.
ZONES = (
    "America/New_York",
    "Australia/Lord_Howe",
    "Antarctica/Troll",
    "America/Havana",
    "Africa/Cairo",
    "Asia/Shanghai",
)
# A few days around a change of each of these clocks.
AROUND = (date(2026, 3, 7), date(2026, 10, 3), date(2026, 10, 24), date(2026, 10, 31), date(2026, 3, 28))


@dataclass(slots=True)
class Watcher:
    """Somebody who looks at the wall clock each minute and heeds only the latest time that it has shown.

    A hand-over at 02:30 that the clock skips is seen at 03:00, since "02:30 or later" is what it shows then.
    """

    zone: ZoneInfo
    latest: datetime = datetime(1, 1, 1)  # noqa: DTZ001 - by the wall

    def look(self, at: datetime) -> datetime:
        self.latest = max(self.latest, at.astimezone(self.zone).replace(tzinfo=None))
        return self.latest


def by_watching(rota: Rota, start: datetime, minutes: int) -> list[str]:
    """Who is on call at each minute, by watching the clock from two weeks before."""
    watcher, found = Watcher(ZoneInfo(rota.zone)), []
    at = start - timedelta(days=2)
    for _ in range(minutes + 2 * 24 * 60):
        shown = watcher.look(at)
        if at >= start:
            found.append(_at(rota, at, shown))
        at += MINUTE
    return found


def _at(rota: Rota, at: datetime, shown: datetime) -> str:
    for one in reversed(rota.overrides):
        if one.start <= at < one.end:
            return one.person
    for layer in rota.layers:
        since = shown - datetime(layer.first.year, layer.first.month, layer.first.day) - timedelta(seconds=layer.time)  # noqa: DTZ001 - by the wall
        ended = layer.last is not None and shown >= datetime.combine(layer.last, datetime.min.time()) + timedelta(
            seconds=layer.time
        )
        second = shown.hour * 3600 + shown.minute * 60
        within = not layer.hours or any(one.opens <= second < one.closes for one in layer.hours[shown.weekday()])
        if since >= timedelta() and not ended and within:
            return layer.people[since // timedelta(days=layer.days) % len(layer.people)]
    return ""


def minutes_of_day() -> st.SearchStrategy[int]:
    return st.integers(0, 24 * 60 - 1).map(lambda minute: minute * 60)


def openings() -> st.SearchStrategy[Hours]:
    pairs = st.tuples(st.integers(0, 23), st.integers(1, 24)).filter(lambda one: one[0] < one[1])
    return st.lists(pairs, max_size=1).map(lambda spans: tuple(Opening(a * 3600, b * 3600) for a, b in spans))


def layers() -> st.SearchStrategy[Layer]:
    hours = st.one_of(st.just(()), st.tuples(*[openings()] * 7).filter(any))
    return st.builds(
        Layer,
        people=st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map(tuple),
        hand_over=st.sampled_from(HandOver),
        first=st.sampled_from([date(2026, 2, 2), date(2026, 9, 28), date(2026, 10, 24), date(2026, 3, 8)]),
        time=minutes_of_day(),
        last=st.sampled_from([None, None, date(2026, 10, 25), date(2026, 11, 1)]),
        hours=hours,
    ).filter(lambda one: one.last is None or one.last > one.first)


def rota_of(*layers: Layer, zone: str = "Asia/Shanghai", notice: int = 7) -> Rota:
    """A rota of these layers."""
    return Rota("rotas/x", zone, layers, notice)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    made=st.lists(layers(), min_size=1, max_size=2),
    zone=st.sampled_from(ZONES),
    day=st.sampled_from(AROUND),
    put_in=st.one_of(st.none(), st.tuples(st.integers(0, 3000), st.integers(1, 900), st.sampled_from(NAMES))),
)
@example(
    made=[Layer(NAMES[:2], HandOver.DAILY, date(2026, 3, 1), 2 * 3600 + 1800)],
    zone="America/New_York",
    day=date(2026, 3, 7),
    put_in=None,
)
@example(
    made=[Layer(NAMES[:2], HandOver.DAILY, date(2026, 10, 1), 3600 + 1800)],
    zone="America/New_York",
    day=date(2026, 10, 31),
    put_in=None,
)
def test_shifts_are_those_of_somebody_who_watches_the_clock(
    made: list[Layer], zone: str, day: date, put_in: tuple[int, int, str] | None
) -> None:
    """Three days around a change of the clocks, minute by minute: the same person, and no minute without an answer."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    minutes = 3 * 24 * 60
    rota = rota_of(*made, zone=zone)
    if put_in is not None:
        begin = start + put_in[0] * MINUTE
        rota = replace(rota, overrides=(Override("o", put_in[2], begin, begin + put_in[1] * MINUTE, "", ""),))

    told = rules.shifts(rota, start, start + minutes * MINUTE, DIRECTORY.reaches)

    assert (told[0].start, told[-1].end) == (start, start + minutes * MINUTE)
    assert all(one.end == after.start for one, after in pairwise(told))
    expected = by_watching(rota, start, minutes)
    by_minute = [one.person for one in told for _ in range((one.end - one.start) // MINUTE)]
    assert by_minute == expected
    for number in range(0, minutes, 97):
        at = start + number * MINUTE
        assert rules.on_call(rota, at, DIRECTORY.reaches).person == expected[number]


def test_a_hand_over_keeps_its_local_time_over_the_year() -> None:
    """09:00 in New York is 14:00 UTC in winter and 13:00 in summer, to the second."""
    zone = ZoneInfo("America/New_York")
    assert first_shown(zone, date(2026, 1, 5), 9 * 3600) == datetime(2026, 1, 5, 14, tzinfo=UTC)
    assert first_shown(zone, date(2026, 7, 6), 9 * 3600) == datetime(2026, 7, 6, 13, tzinfo=UTC)
    assert first_shown(zone, date(2026, 3, 8), 2 * 3600 + 1800) == datetime(2026, 3, 8, 7, tzinfo=UTC)
    assert first_shown(zone, date(2026, 11, 1), 3600 + 1800) == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
    samoa = ZoneInfo("Pacific/Apia")
    assert first_shown(samoa, date(2011, 12, 30), 9 * 3600) == datetime(2011, 12, 30, 10, tzinfo=UTC)
    layer = Layer(NAMES[:2], HandOver.WEEKLY, date(2026, 1, 5), 9 * 3600)
    at = datetime(2026, 7, 6, 13, tzinfo=UTC)
    rota = rota_of(layer, zone="America/New_York")
    before, after = (rules.on_call(rota, one, DIRECTORY.reaches).person for one in (at - timedelta(seconds=1), at))
    assert {before, after} == set(NAMES[:2])


def test_a_gap_is_told_once_as_many_days_ahead_as_the_rota_says() -> None:
    """Nobody at night: the first night is told seven days before it, the one after it a day later, none twice."""
    shops = (Opening(8 * 3600, 24 * 3600),)
    layer = Layer(NAMES[:1], HandOver.DAILY, date(2026, 1, 1), 0, hours=((Opening(0, 86_400),),) * 5 + (shops,) * 2)
    rota = rota_of(layer, zone="UTC")
    now = datetime(2026, 6, 1, 12, tzinfo=UTC)  # a Monday
    saturday = datetime(2026, 6, 6, tzinfo=UTC)

    rota, told = rules.look(rota, now, DIRECTORY.reaches)
    assert [one.gap for one in told] == [Gap(saturday + n * DAY, saturday + n * DAY + 8 * HOUR) for n in (0, 1)]
    assert rota.look_at == saturday + 7 * DAY - 7 * DAY
    again, none = rules.look(rota, now + MINUTE, DIRECTORY.reaches)
    assert none == ()
    at = again.look_at
    assert at is not None
    _, following = rules.look(again, at, DIRECTORY.reaches)
    assert [one.gap.start for one in following] == [saturday + 7 * DAY]


def test_a_gap_that_somebody_fills_is_none_and_comes_back_when_he_does_not() -> None:
    """An override over the gap takes it off the list; taken back, the gap is told anew."""
    layer = Layer(NAMES[:1], HandOver.DAILY, date(2026, 1, 1), 0, last=date(2026, 6, 3))
    now = datetime(2026, 6, 1, 12, tzinfo=UTC)
    rota, told = rules.look(rota_of(layer, zone="UTC"), now, DIRECTORY.reaches)
    assert [one.gap for one in told] == [Gap(datetime(2026, 6, 3, tzinfo=UTC), None)]
    filled = Override("o", NAMES[1], now, now + 62 * DAY, "holiday", "people/root")
    rota, _ = changes.put_in(rota, filled, DIRECTORY, by=ROOT, now=now)
    rota, told = rules.look(rota, now, DIRECTORY.reaches)
    assert (rota.gaps, told) == ((), ())
    rota, _ = changes.take_back(rota, "o", by=ROOT, now=now + HOUR)
    rota, told = rules.look(rota, now + HOUR, DIRECTORY.reaches)
    assert len(told) == 1


def test_whoever_has_left_is_on_call_for_nobody() -> None:
    """The next layer takes over; without one there is a gap from now on."""
    one, other = (Layer((name,), HandOver.DAILY, date(2026, 1, 1), 0) for name in NAMES[:2])
    gone = Directory({**DIRECTORY.people, NAMES[0]: Colleague("A", staff=True, gone=True)})
    at = datetime(2026, 6, 1, tzinfo=UTC)
    assert rules.on_call(rota_of(one, other), at, gone.reaches).person == NAMES[1]
    assert rules.gaps(rota_of(one), at, gone.reaches) == [Gap(at, None)]


def test_who_is_next_is_somebody_else() -> None:
    """The next shift of the same person is not "next"; a rota of one person has nobody next."""
    layer = Layer((NAMES[0], NAMES[0], NAMES[1]), HandOver.DAILY, date(2026, 6, 1), 0)
    at = datetime(2026, 6, 1, 12, tzinfo=UTC)
    following = rules.next_on_call(rota_of(layer, zone="UTC"), at, DIRECTORY.reaches)
    assert following is not None
    assert (following.person, following.start) == (NAMES[1], datetime(2026, 6, 3, tzinfo=UTC))
    assert rules.next_on_call(rota_of(replace(layer, people=NAMES[:1])), at, DIRECTORY.reaches) is None


@pytest.mark.parametrize(
    ("change", "reason", "field"),
    [
        ({"zone": "Asia/Atlantis"}, "CALENDAR_ZONE_UNKNOWN", "rota.time_zone"),
        ({"notice_days": 31}, "ROTA_NOTICE_INVALID", "rota.notice_days"),
        ({"layers": ()}, "ROTA_LAYERS_INVALID", "rota.layers"),
        ({"name": "rotas/Ä"}, "NAME_INVALID", "rota.name"),
    ],
)
def test_a_rota_that_cannot_be_is_refused(change: dict[str, Any], reason: str, field: str) -> None:
    """The reason and the field that is at fault."""
    layer = Layer(NAMES[:1], HandOver.DAILY, date(2026, 1, 1), 0)
    with pytest.raises(Refusal) as caught:
        changes.publish(
            None, replace(rota_of(layer), **change), DIRECTORY, by=ROOT, now=datetime(2026, 1, 1, tzinfo=UTC)
        )
    assert (caught.value.reason, caught.value.field) == (reason, field)


def test_a_layer_that_cannot_be_is_refused() -> None:
    """Nobody in it, somebody unknown, an end before its start."""
    good = Layer(NAMES[:1], HandOver.DAILY, date(2026, 1, 1), 0)
    wrong = {
        "ROTA_PEOPLE_INVALID": replace(good, people=()),
        "PERSON_UNKNOWN": replace(good, people=("people/nobody",)),
        "ROTA_DATES_INVALID": replace(good, last=good.first),
        "ROTA_HOURS_INVALID": replace(good, hours=((),) * 7),
    }
    for reason, layer in wrong.items():
        with pytest.raises(Refusal) as caught:
            changes.publish(None, rota_of(layer), DIRECTORY, by=ROOT, now=datetime(2026, 1, 1, tzinfo=UTC))
        assert caught.value.reason == reason


def test_an_override_needs_a_reason_a_future_and_a_known_person() -> None:
    """Each refusal names its field; one under way that is taken back ends now."""
    now = datetime(2026, 6, 1, tzinfo=UTC)
    rota, _ = changes.publish(
        None, rota_of(Layer(NAMES[:1], HandOver.DAILY, date(2026, 1, 1), 0)), DIRECTORY, by=ROOT, now=now
    )
    good = Override("o", NAMES[1], now, now + DAY, "dentist", "people/root")
    wrong = {
        ("OVERRIDE_REASON_MISSING", "reason"): replace(good, reason=" "),
        ("OVERRIDE_TIMES_INVALID", "end_time"): replace(good, end=now),
        ("PERSON_UNKNOWN", "person"): replace(good, person="people/nobody"),
    }
    for (reason, field), override in wrong.items():
        with pytest.raises(Refusal) as caught:
            changes.put_in(rota, override, DIRECTORY, by=ROOT, now=now)
        assert (caught.value.reason, caught.value.field) == (reason, field)
    agent = Actor("people/a", frozenset({"agent"}))
    with pytest.raises(Refusal, match="ROLE_REQUIRED"):
        changes.put_in(rota, good, DIRECTORY, by=agent, now=now)
    rota, _ = changes.put_in(rota, good, DIRECTORY, by=ROOT, now=now)
    rota, told = changes.take_back(rota, "o", by=ROOT, now=now + HOUR)
    assert rota.overrides[0].end == now + HOUR
    assert len(told) == 1
    with pytest.raises(Refusal, match="OVERRIDE_OVER"):
        changes.take_back(rota, "o", by=ROOT, now=now + 2 * HOUR)
