"""Deadlines under faults: killed, frozen past a lease, no primary, clocks an hour off: once each, and none early.

The database's own log says when each effect was written, so no clock of a replica is believed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import AutoReconnect

from deploy.local.process import Child
from deploy.local.servers import ROOT, Mongod
from services.runtime.actor import system
from services.runtime.hints import LEASE
from services.runtime.records import Cause, Deadline, Records, change_many
from services.runtime.timers import Timers
from tests.service.runtime.probe import TALLIES, Store, Tally, Told

DATABASE = "desk"
COUNT = 300
OVER = timedelta(seconds=6)
# A claim of a dead replica comes back with its lease, and is found by a sweep from the bottom.
HEALED_S = LEASE.total_seconds() + 40

# Moves the wall clock of a process by the seconds that a file says; the monotonic clock runs on untouched.
SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
static long offset(void) {
  long seconds = 0;
  FILE *file = fopen(getenv("CLOCK_OFFSET_FILE"), "r");
  if (file) { if (fscanf(file, "%ld", &seconds) != 1) seconds = 0; fclose(file); }
  return seconds;
}
int clock_gettime(clockid_t id, struct timespec *now) {
  static int (*real)(clockid_t, struct timespec *);
  if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
  int failed = real(id, now);
  if (!failed && id == CLOCK_REALTIME) now->tv_sec += offset();
  return failed;
}
int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  struct timespec exact;
  (void)zone;
  if (clock_gettime(CLOCK_REALTIME, &exact)) return -1;
  now->tv_sec = exact.tv_sec; now->tv_usec = exact.tv_nsec / 1000;
  return 0;
}
time_t time(time_t *where) {
  struct timespec exact;
  if (clock_gettime(CLOCK_REALTIME, &exact)) return -1;
  if (where) *where = exact.tv_sec;
  return exact.tv_sec;
}
"""

pytestmark = pytest.mark.timeout(240)


class Replicas:
    """Two replicas that fire deadlines, on a mongod of their own."""

    def __init__(self, folder: Path, mongod: Mongod) -> None:
        self.mongod = mongod
        self.offsets = [folder / f"offset-{number}" for number in range(2)]
        library = _shim(folder)
        self.children = []
        for number, offset in enumerate(self.offsets):
            offset.write_text("0")
            environment = {
                **os.environ,
                "PYTHONPATH": f"{ROOT}:{ROOT / 'proto' / 'gen'}",
                "LD_PRELOAD": str(library),
                "CLOCK_OFFSET_FILE": str(offset),
            }
            command = [sys.executable, "-m", "tests.service.runtime.timer_worker", mongod.uri, DATABASE]
            self.children.append(Child(f"timers-{number}", command, folder / f"timers-{number}.log", environment, ROOT))

    def start(self) -> None:
        """Starts both, and waits until they have met."""
        for child in self.children:
            child.start()
        with MongoClient[dict[str, Any]](self.mongod.uri) as client:
            met = client[DATABASE]["timer_replicas"]
            self.children[0].await_ready(lambda: met.count_documents({}) >= len(self.children), 60)

    def send(self, number: int, what: signal.Signals) -> None:
        """Sends a signal to one of them."""
        process = self.children[number].process
        assert process is not None
        process.send_signal(what)

    def jump(self, number: int, seconds: int) -> None:
        """Moves the wall clock of one of them."""
        fresh = self.offsets[number].with_suffix(".new")
        fresh.write_text(str(seconds))
        fresh.replace(self.offsets[number])

    def stop(self) -> None:
        """Ends both at once."""
        for number, child in enumerate(self.children):
            if child.alive:
                self.send(number, signal.SIGCONT)
                child.kill()


@pytest.fixture
def replicas(tmp_path: Path, own_mongod: Mongod) -> Iterator[Replicas]:
    """Both replicas, running."""
    found = Replicas(tmp_path, own_mongod)
    try:
        found.start()
        yield found
    finally:
        found.stop()


async def test_a_replica_is_killed(replicas: Replicas) -> None:
    """kill -9 in the middle of the burst, and another start: the other carries on, and takes over what was claimed."""
    due = await _asked_for(replicas)
    await _until(due[COUNT // 3])
    replicas.children[0].kill()
    await _until(due[2 * COUNT // 3])
    replicas.children[0].start()
    await _all_fired(replicas)
    _judge(replicas, due)


async def test_a_replica_stands_still_past_its_lease(replicas: Replicas) -> None:
    """Frozen for longer than its lease and then awake: what it still holds has been fired by the other."""
    due = await _asked_for(replicas)
    await _until(due[COUNT // 3])
    replicas.send(0, signal.SIGSTOP)
    await asyncio.sleep(LEASE.total_seconds() + 8)
    replicas.send(0, signal.SIGCONT)
    await _all_fired(replicas)
    await asyncio.sleep(2)
    _judge(replicas, due)


async def test_the_primary_steps_down(replicas: Replicas) -> None:
    """For some seconds nobody takes writes: deadlines wait, and none is lost or doubled by a retry."""
    due = await _asked_for(replicas)
    await _until(due[COUNT // 3])
    with MongoClient[dict[str, Any]](replicas.mongod.uri) as client, contextlib.suppress(AutoReconnect):
        client.admin.command("replSetStepDown", 3, force=True, secondaryCatchUpPeriodSecs=0)
    await _all_fired(replicas)
    _judge(replicas, due)


async def test_the_clocks_jump(replicas: Replicas) -> None:
    """One replica's wall clock jumps an hour ahead, the other's an hour back, then the other way: nothing notices."""
    due = await _asked_for(replicas)
    for share, (one, other) in ((4, (3600, -3600)), (2, (-3600, 3600))):
        await _until(due[COUNT // share])
        replicas.jump(0, one)
        replicas.jump(1, other)
    await _all_fired(replicas)
    shown = _judge(replicas, due)
    recorded = {abs(at - datetime.now(UTC)) > timedelta(minutes=50) for at in shown}
    assert True in recorded, "no clock was moved: the shim does nothing"


async def _asked_for(replicas: Replicas) -> Sequence[datetime]:
    """Makes tallies whose deadlines come one after the other, from three seconds on."""
    first = datetime.now(UTC) + timedelta(seconds=3)
    due = [first + number * OVER / COUNT for number in range(COUNT)]
    due = [at.replace(microsecond=at.microsecond // 1000 * 1000) for at in due]
    async with Store(replicas.mongod.uri, DATABASE) as store:
        tallies = Records(store.db, TALLIES, store.journal, arm=Timers(store.db, "probe").arm)

        def made(at: datetime) -> Any:
            return lambda _none: (Tally(deadlines=(Deadline("breach", at),)), (Told(0),))

        cause = Cause("ask", system("probe"), datetime.now(UTC))
        changes = [tallies.entry(_name(number), cause, made(at)) for number, at in enumerate(due)]
        for result in await change_many(changes):
            assert not isinstance(result, Exception), result
    return due


async def _all_fired(replicas: Replicas) -> None:
    end = time.monotonic() + HEALED_S
    with MongoClient[dict[str, Any]](replicas.mongod.uri) as client:
        while True:
            try:
                left = client[DATABASE]["tallies"].count_documents({"state.fired": []})
                left += client[DATABASE]["timers"].count_documents({})
            except AutoReconnect:
                left = COUNT
            if not left:
                return
            assert time.monotonic() < end, f"{left} are left after {HEALED_S:.0f} s"
            await asyncio.sleep(0.2)


def _judge(replicas: Replicas, due: Sequence[datetime]) -> list[datetime]:
    """Once each, none before its moment by the database's clock; when each replica thought that it was."""
    shown = []
    with MongoClient[dict[str, Any]](replicas.mongod.uri, tz_aware=True) as client:
        kept = {one["_id"]: one for one in client[DATABASE]["tallies"].find()}
        log = client["local"]["oplog.rs"].find({"ns": f"{DATABASE}.tallies", "op": "u"})
        wrote: dict[str, list[datetime]] = {}
        for one in log:
            wrote.setdefault(one["o2"]["_id"], []).append(one["wall"])
    for number, at in enumerate(due):
        name = _name(number)
        assert kept[name]["state"]["fired"] == ["breach"], name
        fired = [entry for entry in kept[name]["outbox"] if entry["cause"].startswith("due/")]
        assert len(fired) == 1, name
        assert len(wrote[name]) == 1, name
        assert wrote[name][0] >= at, f"{name} was due at {at} and fired at {wrote[name][0]}"
        assert fired[0]["time"] >= at, name
        shown.append(fired[0]["recorded_at"])
    lags = sorted(wrote[_name(number)][0] - at for number, at in enumerate(due))
    print(f"\n{len(due)} deadlines once each, none early; lag p50 {lags[len(lags) // 2]}, longest {lags[-1]}")
    assert Counter(len(one["state"]["fired"]) for one in kept.values()) == {1: len(due)}
    return shown


def _name(number: int) -> str:
    return f"tallies/T-{number:04}"


async def _until(at: datetime) -> None:
    await asyncio.sleep(max(0.0, (at - datetime.now(UTC)).total_seconds()))


def _shim(folder: Path) -> Path:
    compiler = shutil.which("gcc") or shutil.which("cc")
    assert compiler, "a C compiler is missing; this installs it: apt-get install gcc libc6-dev"
    source, library = folder / "clock.c", folder / "clock.so"
    source.write_text(SHIM)
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"], check=True)
    return library
