"""Faults of an invented shop through the OTLP door: what opens, when, who is to blame, and whom it hit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from services.metrics.main import MetricsSettings
from services.metrics.rules.availability import SLICE, SLICES_AN_HOUR
from services.metrics.rules.fact import EPOCH, Exclusion, Fact
from services.metrics.rules.outage_record import Attributed, Origin, Outage, State, Tier
from services.metrics.rules.span_parts import VOLUMES, place_of
from services.metrics.store.facts import FACTS
from services.runtime.actor import system
from services.runtime.door import now
from services.runtime.identity import Keys, make
from services.runtime.records import Cause
from services.runtime.run import Runtime
from tests.support.outages import Stand, stand
from tests.support.shop import KINDS, SITES, Fault, Shop, Spoken, exports, failed, fault

# A day ahead: what is long done is forgotten by the clock of the store.
START = now().replace(minute=0, second=0, microsecond=0) + timedelta(days=1)
LENGTH = timedelta(minutes=12)
# The other kinds are long; `make outages` tries two hundred faults of all.
EVERY_TIME = ("kill", "dead callee")


@pytest.fixture
async def shop_stand(mongo_uri: str, empty_nats: str, database: str, tmp_path: Path) -> AsyncIterator[Stand]:
    """The door and the watch on a database of their own; nothing else runs."""
    keys_dir = tmp_path / "keys"
    make(keys_dir, ["metrics", "portal"])
    settings = MetricsSettings.load(
        "metrics",
        mongo_uri=mongo_uri,
        nats_url=empty_nats,
        database=database,
        keys_dir=keys_dir,
        listen="127.0.0.1:0",
        bus_manage=True,
    )
    async with Runtime("metrics", settings) as run:
        found, server, channel = await stand(run, Keys(keys_dir, "metrics"), START)
        yield found
        await channel.close()
        await server.stop(None)


def _spans(shop: Shop) -> list[Spoken]:
    return [span for trace in shop.traces(START, START + LENGTH) for span in trace]


def _slice(at: datetime) -> int:
    return (at - EPOCH) // SLICE


def _hit(spans: list[Spoken], service: str, first: int, last: int) -> int:
    """Failed requests of a service that began in those slices, counted one by one."""
    return sum(name == service and first <= began // 10_000 <= last for name, began in failed(spans))


@pytest.mark.row("A093")
@pytest.mark.parametrize(
    "number",
    [
        pytest.param(number, id=kind, marks=() if kind in EVERY_TIME else pytest.mark.long)
        for number, kind in enumerate(KINDS)
    ],
)
async def test_a_fault_opens_an_outage_with_its_bounds_root_and_scope(shop_stand: Stand, number: int) -> None:
    """Within one slice, the injected service is named, and every failed request is counted."""
    injected = fault(number, START)
    spans = _spans(Shop(number, injected))
    await shop_stand.play(exports(spans), START + LENGTH + timedelta(minutes=1))
    found = [one for one in await shop_stand.outages(START, START + LENGTH) if one.root == injected.target]
    assert found, await shop_stand.outages(START, START + LENGTH)
    one = next((each for each in found if each.service == injected.target), found[0])
    assert abs(one.first - _slice(injected.start)) <= 1
    assert abs(one.last - _slice(injected.end - timedelta(milliseconds=1))) <= 1
    assert one.state is State.CLOSED
    expected = _hit(spans, one.service, one.first, one.last)
    assert (one.scope.requests, one.scope.requests_low, one.scope.requests_high) == (expected,) * 3
    assert set(one.scope.sites) == set(SITES)
    assert one.scope.users > 50
    assert one.exemplars or one.service == injected.target


@pytest.mark.long
async def test_a_quiet_day_opens_none(shop_stand: Stand) -> None:
    """One request in two thousand fails everywhere, and that is no outage."""
    shop = Shop(11, rate=20.0)
    spans = [span for trace in shop.traces(START, START + timedelta(minutes=10)) for span in trace]
    assert failed(spans)
    await shop_stand.play(exports(spans), START + timedelta(minutes=16))
    assert await shop_stand.outages(START, START + timedelta(hours=1), retracted=True) == []


async def _stock(stand: Stand) -> Outage:
    return next(one for one in await stand.outages(START, START + LENGTH) if one.service == "stock")


def _incident(number: int, exclusion: Exclusion, opened_at: datetime) -> Fact:
    """About stock."""
    return Fact(f"tickets/INC-{number:06}", True, service="services/stock", exclusion=exclusion, opened_at=opened_at)


async def _tell(stand: Stand, *incidents: Fact) -> None:
    """These stand as they are told."""
    for fact in incidents:
        cause = Cause(f"{fact.ticket}/{fact.exclusion}", system("metrics"), stand.at)
        await stand.run.records(FACTS).upsert(fact.name, cause, lambda _, fact=fact: (fact, ()))  # type: ignore[misc]  # a default in a lambda


async def _past_weeks(stand: Stand) -> None:
    """60 and 120 requests of stock within the later outage, one and two weeks ago; others beside it do not count."""
    start = _slice(START)
    for week, cells in {
        1: [("stock", 20, 60.0), ("stock", 100, 7.0), ("web", 20, 7.0)],
        2: [("stock", 25, 120.0)],
    }.items():
        begin = start - week * 7 * 24 * SLICES_AN_HOUR
        for name, later, count in cells:
            row = {"t": begin + later, "s": name, "v": count, "l": 0}
            volume = place_of(begin + later, name) * VOLUMES
            part = {"$setOnInsert": {"hour": begin // SLICES_AN_HOUR, "version": 1}, "$push": {"cells": row}}
            await stand.run.db["span_parts"].update_one({"_id": volume}, part, upsert=True)


async def test_late_spans_and_cancelled_tickets_amend_visibly(shop_stand: Stand) -> None:
    """What one process sends minutes later moves the bounds and counts up the revision; the name stays.

    Of two incidents the cancelled one is no report, nor are cancelled ones usual; nor is the other from when it is
    cancelled. What its hour had in the weeks before stands beside it.
    """
    await _past_weeks(shop_stand)
    opened = START + timedelta(seconds=250)
    await _tell(shop_stand, *(_incident(*one, opened) for one in ((1, Exclusion.NONE), (2, Exclusion.CANCELLED))))
    # So many in four weeks that more than one would be usual in the time of an outage.
    past = [_incident(number, Exclusion.CANCELLED, START - timedelta(minutes=30 * number)) for number in range(3, 1003)]
    await shop_stand.run.db["facts"].insert_many({"_id": one.name, "state": FACTS.encode(one)} for one in past)
    injected = Fault("error", "stock", START + timedelta(seconds=185), START + timedelta(seconds=425))
    spans = _spans(Shop(5, injected))
    late: list[Spoken] = []
    rest: list[Spoken] = []
    for one in spans:
        (late if one.service == "stock" and one.began < 1000 * (START.timestamp() + 240) else rest).append(one)
    await shop_stand.play(exports(rest), START + timedelta(minutes=9))
    before = await _stock(shop_stand)
    for _, request in exports(late):
        await shop_stand.export(request, timeout=30)
    shop_stand.at += timedelta(seconds=30)
    await shop_stand.watch.look(shop_stand.at)
    after = await _stock(shop_stand)
    assert after.first < before.first
    assert after.revision > before.revision
    assert after.scope.requests > before.scope.requests
    reason = "names an affected service while it failed, beyond the usual number"
    assert after.tickets == (Attributed("tickets/INC-000001", Tier.B, reason),)
    await _tell(shop_stand, _incident(1, Exclusion.CANCELLED, opened))
    shop_stand.at += timedelta(seconds=30)
    await shop_stand.watch.look(shop_stand.at)
    without = await _stock(shop_stand)
    assert (without.tickets, without.lag_seconds, without.revision) == ((), None, after.revision + 1)
    assert [one.expected for one in without.hours] == [90.0]
    assert await shop_stand.run.db["outages"].count_documents({"state.service": "stock"}) == 1


@pytest.mark.row("A093")
async def test_a_symptom_points_to_its_root(shop_stand: Stand) -> None:
    """With payments dead, orders and web fail too, and only payments is the root."""
    injected = Fault("kill", "payments", START + timedelta(seconds=190), START + timedelta(seconds=400))
    await shop_stand.play(exports(_spans(Shop(3, injected))), START + LENGTH)
    found = {one.service: one for one in await shop_stand.outages(START, START + LENGTH)}
    assert {service: one.origin for service, one in found.items()} == {
        "payments": Origin.ROOT,
        "orders": Origin.SYMPTOMATIC,
        "web": Origin.SYMPTOMATIC,
    }
    assert {one.root for one in found.values()} == {"payments"}
    assert found["payments"].affected == ("orders", "web")
