"""Folding of spans into parts of hours: nothing is lost or counted twice, whoever folds, dies, or was there before."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from datetime import datetime, timedelta
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from services.metrics.rules.availability import Export
from services.metrics.rules.period import Period
from services.metrics.rules.span_parts import PARTS, VOLUMES, place_of
from services.metrics.store.span_rows import encoded
from services.metrics.store.spans import SETTLE, Spans
from services.metrics.store.traffic import Traffic
from services.metrics.store.whole_hours import take_over
from services.metrics.wire.spans import measured
from services.runtime.door import now
from tests.service.metrics.bank import BOSS, Bank, batch, interval


def _period() -> Any:
    at = now()
    return interval(at - timedelta(hours=3), at + timedelta(minutes=1))


def _whole(at: datetime) -> Any:
    """Whole hours, of which only the sums are read."""
    start = at.replace(minute=0, second=0, microsecond=0)
    return interval(start - timedelta(hours=1), start + timedelta(hours=1))


async def _services(bank: Bank, period: Any = None) -> dict[str, Any]:
    found = await bank.ask(BOSS, "ListServiceAvailability", period=period or _period())
    return {one.service: one for one in found.services}


async def test_folding_neither_loses_nor_doubles(bank: Bank) -> None:
    """Over two hours, two folders at once, and one cut off after its write: every read between gives the same sums."""
    at = now()
    first = at.replace(minute=0, second=0, microsecond=0) - timedelta(seconds=1)
    settled = at + SETTLE + timedelta(seconds=1)
    spans = Spans(bank.run.db)
    for number in range(60):
        export = measured(batch("shop", [first, first + timedelta(seconds=1 + number)], 13 * (number % 2)), first)
        for one in (export, _called(export, number)):
            # The service's own folder leaves alone what came just now.
            one.received_at = at
            await spans.keep(one)

    async def seen() -> tuple[float, float, int]:
        shop = (await _services(bank, period=interval(first - timedelta(hours=1), at + timedelta(hours=1))))["shop"]
        edges = await bank.ask(BOSS, "ListServiceEdges", period=_period())
        return shop.valid, shop.good, sum(one.calls for one in edges.edges)

    expected = await seen()
    assert expected == (120.0, 60.0, 60)
    cut = Spans(bank.run.db)
    let_go = cut._let_go

    async def dies(digests: Any, places: Any, at: datetime) -> None:
        if digests:
            raise ConnectionError("killed between two writes")
        await let_go(digests, places, at)

    cut._let_go = dies  # type: ignore[method-assign]  # the crash itself
    with pytest.raises(ConnectionError):
        await cut.fold(settled)
    assert await seen() == expected

    async def folds() -> None:
        while await Spans(bank.run.db).fold(settled):
            assert await seen() == expected

    await asyncio.gather(folds(), folds(), folds())
    assert await seen() == expected
    assert await bank.run.db["span_exports"].count_documents({"done_at": {"$exists": False}}) == 0
    last = int(first.timestamp()) // 10
    parts = [place_of(slice, one) for slice, one in ((last, "shop"), (last + 1, "shop"), (last, "web"))]
    assert [one["_id"] async for one in bank.run.db["span_parts"].find()] == sorted(one * VOLUMES for one in parts)
    half = interval(first + timedelta(seconds=1), first + timedelta(seconds=21))
    assert (await _services(bank, period=half))["shop"].valid == 20.0


async def test_a_folder_that_was_overtaken_takes_nothing_back(bank: Bank) -> None:
    """It has read the hour, then another folds the same exports and later ones: what it would write is of the past."""
    at = now()
    settled = at + SETTLE + timedelta(seconds=1)
    read, release = asyncio.Event(), asyncio.Event()

    class Overtaken(Spans):
        async def _taken(self, waiting: Any, places: range) -> Any:
            found = await super()._taken(waiting, places)
            read.set()
            await release.wait()
            return found

    async def kept(count: int) -> None:
        export = measured(batch("shop", [at] * count), at)
        assert await spans.keep(export)

    spans, slow = Spans(bank.run.db), Overtaken(bank.run.db)
    await kept(1)
    await spans.fold(settled)
    await kept(2)
    overtaken = asyncio.ensure_future(slow.fold(settled))
    await read.wait()
    await spans.fold(settled)
    await kept(4)
    await spans.fold(settled)
    release.set()
    await overtaken
    while await spans.fold(settled):
        pass
    assert (await _services(bank))["shop"].valid == 7.0
    assert (await _services(bank, _whole(at)))["shop"].valid == 7.0


async def test_a_part_that_is_full_goes_on_in_another_volume(bank: Bank) -> None:
    """Six folds into volumes that one fold fills, two of them cut off: what is read is what was sent, by slice too."""
    at = now().replace(microsecond=0)
    settled = at + SETTLE + timedelta(seconds=1)
    spans, expected = Spans(bank.run.db, full_bytes=1), 0
    let_go = spans._let_go

    async def dies(digests: Any, places: Any, at: datetime) -> None:
        if digests:
            raise ConnectionError("killed between two writes")

    for number in range(6):
        assert await spans.keep(measured(batch("shop", [at - timedelta(seconds=10 * number)] * (1 << number)), at))
        spans._let_go = dies if number in (2, 5) else let_go  # type: ignore[method-assign]  # the crash itself
        with pytest.raises(ConnectionError) if number in (2, 5) else nullcontext():
            while await spans.fold(settled):
                pass
        expected += 1 << number
        spans._let_go = let_go  # type: ignore[method-assign]  # as above
        assert (await _services(bank))["shop"].valid == expected
    lately = Period(at - timedelta(minutes=2), at + timedelta(minutes=1))
    cells = await Traffic(bank.run.db).cells(lately, ["shop"], settled)
    assert sorted(sums.n for sums in cells.values()) == [1 << number for number in range(6)]
    assert await bank.run.db["span_parts"].count_documents({}) == 6
    while await Spans(bank.run.db).fold(settled):
        pass
    assert (await _services(bank))["shop"].valid == expected
    assert (await _services(bank, _whole(at)))["shop"].valid == expected


async def test_hours_of_one_document_each_are_taken_over(bank: Bank) -> None:
    """A data folder of before: an hour, one export in it that still stands for it, and one that waits count as ever."""
    at = now()
    db = bank.run.db
    hours, exports, parts = db["span_hours"], db["span_exports"], db["span_parts"]
    held, waits = (measured(batch(one, [at] * 40), at) for one in ("shop", "pay"))
    for export in (held, waits, _called(held, 1)):
        document = encoded(export)
        number = document.pop("places")[0] // PARTS
        rows = {name: [{**row} for row in document[name]] for name in ("cells", "ways")}
        for row in (*rows["cells"], *rows["ways"]):
            del row["p"]
        if export is not waits:
            pushed = {name: {"$each": of_name} for name, of_name in rows.items()}
            await hours.update_one({"_id": number}, {"$push": pushed, "$set": {"folded": [held.digest]}}, upsert=True)
        if export in (held, waits):
            await exports.insert_one(document | rows | {"hours": [number]})
    for _ in range(2):
        await take_over(hours, exports, parts)
        assert {name: one.valid for name, one in (await _services(bank)).items()} == {"shop": 40.0, "pay": 40.0}
        edges = (await bank.ask(BOSS, "ListServiceEdges", period=_period())).edges
        assert [(one.caller, one.callee, one.calls) for one in edges] == [("web", "shop", 1)]
    while await Spans(bank.run.db).fold(now() + SETTLE + timedelta(seconds=1)):
        pass
    assert {name: one.valid for name, one in (await _services(bank)).items()} == {"shop": 40.0, "pay": 40.0}
    assert await hours.count_documents({}) == 0


def _called(export: Export, number: int) -> Export:
    """Another export, of one call only."""
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    resource.resource.attributes.add(key="service.name").value.string_value = "web"
    span = resource.scope_spans.add().spans.add(kind=Span.SPAN_KIND_CLIENT, name="pkg.Shop/Buy", span_id=b"c" * 8)
    span.end_time_unix_nano = int(export.received_at.timestamp()) * 1_000_000_000 + number
    span.attributes.add(key="peer.service").value.string_value = "shop"
    return measured(request.SerializeToString(), export.received_at)
