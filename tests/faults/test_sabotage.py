"""Negative controls with running services: what breaks a promise of the runtime turns the rig red."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.system import SERVICES
from tests.faults.invariants import shown, violations
from tests.faults.kills import EXIT
from tests.faults.load import configure, load
from tests.faults.rig import Rig

SEED = 55
_DIES_S = 60.0


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Rig]:
    """One replica of tickets and one of sla, who hears it."""
    rig = Rig(tmp_path, replicas={**dict.fromkeys(SERVICES, 0), "tickets": 1, "sla": 1})
    rig.start()
    yield rig
    rig.stop()


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("how", "process", "crash_at", "words"),
    [
        ("reuse-message-ids", "tickets", "", ("I3 tickets ", "in the journal and not on the stream")),
        ("mark-before-publishing", "tickets", "after-publish-before-mark:1", ("I3 tickets ", "not on the stream")),
        ("acknowledge-before-writing", "sla", "after-write-before-ack:1", ("I4 sla clocks/",)),
    ],
)
async def test_a_broken_promise_is_named(
    small: Rig, how: str, process: str, crash_at: str, words: tuple[str, ...]
) -> None:
    """The same system is clean before, and names what is missing after the service ran, or died, in its broken way."""
    async with small.callers() as callers:
        await configure(callers)
        async with load(callers, SEED, {"tickets": 4}):
            await asyncio.sleep(4)
        found = await small.judge(callers)
        assert not found, shown(found)
        await small.kill(process)
        small.break_promise(process, how)
        if process == "tickets":
            await small.start_process(process, crash_at=crash_at, ready=not crash_at)
        async with load(callers, SEED + 1, {"tickets": 4}):
            await asyncio.sleep(6)
        if process != "tickets":
            await small.start_process(process, crash_at=crash_at, ready=False)
        if crash_at:
            assert await small.died(process, _DIES_S), f"{process} never comes to {crash_at}"
            assert small.system.children[process].exit_code == EXIT, small.system.children[process].tail()
            small.break_promise(process, "")
            await small.heal()
        await small.quiet()
        found = violations(await small.evidence(), small.operations)
    named = [one for one in found if all(word in one for word in words)]
    print(f"\n{how}: seed {SEED}, {len(found)} violations, {len(named)} of them such as: {named[:1]}")
    assert named, shown(found)
