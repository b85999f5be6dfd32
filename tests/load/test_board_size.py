"""What a board, and the opening of one amount, costs at a million tickets against ten thousand, in one run.

TL_BOARD_TICKETS sets the greater number. TL_BOARD_DATA names a folder that keeps what was filled, for runs that only
measure; `python -m deploy.local.seed_store FOLDER/1000000 1000000` fills it. Remove it when the seed has changed.
"""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from throughline.metrics.v1 import board_pb2, metrics_pb2
from throughline.metrics.v1 import metrics_service_pb2 as pb
from throughline.metrics.v1.ledger_service_pb2 import ExplainLedgerEntryRequest
from throughline.metrics.v1.ledger_service_pb2_grpc import LedgerServiceStub
from throughline.metrics.v1.metrics_service_pb2_grpc import MetricsServiceStub

from deploy.local import seed, seed_store
from services.runtime.actor import Actor
from services.runtime.client import acting, channel
from services.runtime.identity import Keys
from tests.load import places
from tests.load.rounds import ROUNDS, Rounds, percentile

SMALL, LARGE = 10_000, int(os.environ.get("TL_BOARD_TICKETS", "1000000"))
CALLS = 20
LIMIT_MS, GROWTH = 100.0, 1.5
OPENED_MS, DRAWER_ROWS = 1000.0, 30
READER, EAST = (
    Actor("people/reader", frozenset({"executive"})),
    Actor("people/east", frozenset({"lead"}), unit="cn/east"),
)
YEAR, QUARTER, EVER = timedelta(days=365), timedelta(days=91), timedelta(days=seed.DAYS)

# The words, the filter, how long the period is, and who asks. Each is compared with the stretch before it.
ASKED: tuple[tuple[str, dict[str, Any], timedelta, Actor], ...] = (
    ("a month", {}, timedelta(days=31), READER),
    ("a quarter", {}, QUARTER, READER),
    ("a year", {}, YEAR, READER),
    ("all of it", {}, EVER, READER),
    ("a year, own unit", {}, YEAR, EAST),
    ("a year, busiest service", {"service": "services/service-00"}, YEAR, READER),
    ("a year, a team", {"team": "teams/team-03"}, YEAR, READER),
    ("a year, a site", {"site": "sites/site-07"}, YEAR, READER),
    ("a year, a channel", {"channel": 1}, YEAR, READER),
    ("a year, incidents P1 and P2", {"type": 1, "priorities": [1, 2]}, YEAR, READER),
    ("a year, service and team", {"service": "services/service-00", "team": "teams/team-00"}, YEAR, READER),
    ("a year, service, team and channel",
     {"service": "services/service-00", "team": "teams/team-00", "channel": 1}, YEAR, READER),
    ("a quarter, service and site", {"service": "services/service-00", "site": "sites/site-07"}, QUARTER, READER),
)  # fmt: skip

# The words, the filter, how long the period is, how long before the end of the data it ends, and who asks.
OPENED: tuple[tuple[str, dict[str, Any], timedelta, timedelta, Actor], ...] = (
    ("a month", {}, timedelta(days=31), timedelta(), READER),
    ("a month, a year ago", {}, timedelta(days=31), YEAR, READER),
    ("all of it, own unit", {}, EVER, timedelta(), EAST),
    ("a month, two years ago, a service", {"service": "services/service-09"}, timedelta(days=31), 2 * YEAR - QUARTER,
     READER),
    ("a quarter, service and team", {"service": "services/service-00", "team": "teams/team-00"}, QUARTER, YEAR, READER),
    ("a year, a site and P1", {"site": "sites/site-07", "priorities": [1]}, YEAR, timedelta(), READER),
)  # fmt: skip

pytestmark = pytest.mark.timeout(5400)


def _request(filter: dict[str, Any], length: timedelta) -> board_pb2.GetBoardRequest:
    request = board_pb2.GetBoardRequest(filter=board_pb2.BoardFilter(**filter), time_zone="Asia/Shanghai")
    # The end is a midnight of the zone, and so no midnight of UTC: both edges are counted from facts.
    end = seed.END - timedelta(hours=8)
    request.period.start_time.FromDatetime(end - length)
    request.period.end_time.FromDatetime(end)
    request.baseline.start_time.FromDatetime(end - 2 * length)
    request.baseline.end_time.FromDatetime(end - length)
    return request


async def _times(
    to: grpc.aio.Channel, keys: Keys, actor: Actor, request: board_pb2.GetBoardRequest, calls: int = CALLS
) -> list[float]:
    stub = MetricsServiceStub(to)
    found = []
    for _ in range(calls):
        with acting(keys.sign_person(actor)):
            began = time.perf_counter()
            board = await stub.GetBoard(request)
        found.append((time.perf_counter() - began) * 1000)
        assert board.tickets > 0
    return found


async def _open_times(
    to: grpc.aio.Channel, keys: Keys, actor: Actor, request: pb.ListLedgerEntriesRequest
) -> list[float]:
    """The rows behind an amount, and the first of them with its history, its evidence and what was multiplied."""
    metrics, ledger = MetricsServiceStub(to), LedgerServiceStub(to)
    found = []
    for _ in range(CALLS):
        with acting(keys.sign_person(actor)):
            began = time.perf_counter()
            rows = await metrics.ListLedgerEntries(request)
            told = await ledger.ExplainLedgerEntry(ExplainLedgerEntryRequest(name=rows.entries[0].name))
        found.append((time.perf_counter() - began) * 1000)
        assert told.agrees
        assert told.history[0].cause == rows.entries[0].cause
    return found


def _opened(filter: dict[str, Any], length: timedelta, before: timedelta) -> pb.ListLedgerEntriesRequest:
    request = pb.ListLedgerEntriesRequest(
        filter=board_pb2.BoardFilter(**filter),
        category=metrics_pb2.LEDGER_CATEGORY_INCURRED_LOSS,
        page_size=DRAWER_ROWS,
    )
    end = seed.END - timedelta(hours=8) - before
    request.period.start_time.FromDatetime(end - length)
    request.period.end_time.FromDatetime(end)
    return request


def _closed(rounds: Rounds, words: str) -> list[str]:
    try:
        rounds.close()
    except AssertionError as error:
        return [f"{words}: {error}"]
    return []


async def test_a_board_costs_the_same_however_many_tickets(tmp_path: Path) -> None:
    """For every filter p95 is within 100 ms, and within 1.5 times what it is at ten thousand tickets.

    The first board of each filter, for which nothing is kept in memory yet, is printed by itself. An amount opens
    within a second.
    """
    data = Path(os.environ.get("TL_BOARD_DATA") or tmp_path)
    for count in (SMALL, LARGE):
        seconds = await seed_store.prepare(data / str(count), count)
        print(f"{count:,} facts, what they cost and their cells in {seconds:,.0f} s")
    with ExitStack() as stack:
        sizes = {
            count: stack.enter_context(places.part_of_the_system(data / str(count), "metrics"))
            for count in (SMALL, LARGE)
        }
        broken = []
        for words, filter, length, actor in ASKED:
            rounds = Rounds(f"board at {LARGE:,} tickets, {words}: p95", "ms")
            for count, system in sizes.items():
                keys = Keys(system.keys, "portal")
                async with channel(system.addresses["metrics"], "metrics", keys) as to:
                    (first,) = await _times(to, keys, actor, _request(filter, length), 1)
                print(f"asked for the first time at {count:,} tickets, {words}: {first:,.0f} ms")
            for _ in range(ROUNDS):
                rounds.add("bar", LIMIT_MS)
                for count, system in sizes.items():
                    keys = Keys(system.keys, "portal")
                    async with channel(system.addresses["metrics"], "metrics", keys) as to:
                        times = await _times(to, keys, actor, _request(filter, length))
                    rounds.add("ours" if count == LARGE else "small", percentile(times, 0.95))
            rounds.hold("within the limit", "ours", "bar", most=1.0)
            rounds.hold(f"against {SMALL:,}", "ours", "small", most=GROWTH)
            broken += _closed(rounds, words)
        for words, filter, length, before, actor in OPENED:
            rounds = Rounds(f"opening an amount at {LARGE:,} tickets, {words}: p95", "ms")
            system = sizes[LARGE]
            keys = Keys(system.keys, "portal")
            for _ in range(ROUNDS):
                rounds.add("bar", OPENED_MS)
                async with channel(system.addresses["metrics"], "metrics", keys) as to:
                    times = await _open_times(to, keys, actor, _opened(filter, length, before))
                rounds.add("ours", percentile(times, 0.95))
            rounds.hold("within the limit", "ours", "bar", most=1.0)
            broken += _closed(rounds, words)
    assert not broken, "; ".join(broken)
