"""kill -9 in the middle of an import: of the importer, of a replica of tickets and of nats-server; nothing is lost or
doubled, and the tickets are those of an undisturbed import.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from deploy.local import twin
from deploy.local.process import Child
from deploy.local.servers import ROOT
from services.tickets.store.tickets import decode
from tests.faults.evidence import AWARE
from tests.faults.invariants import shown
from tests.faults.rig import Rig
from tool.mapping import MAPPINGS

INCIDENTS = 1500
CALM, STORM = "calm", "storm"
_IMPORT_S = 300.0

Ticket = tuple[Any, int, list[tuple[Any, ...]]]


class Importer:
    """`tl import incidents` of one file under a source of its own, with its progress kept."""

    def __init__(self, rig: Rig, folder: Path, log: Path, source: str) -> None:
        text = (MAPPINGS / "servicenow-event-log.yaml").read_text("utf-8")
        mapping = folder / f"{source}.yaml"
        mapping.write_text(text.replace("source: uci", f"source: {source}"), "utf-8")
        self._progress = folder / f"{source}.jsonl"
        self._command = [sys.executable, "-m", "tool", "import", "incidents", str(log), "--mapping", str(mapping),
                         "--progress", str(self._progress)]  # fmt: skip
        self.child = Child(source, self._command, folder / f"{source}.log", rig.system.environment("tool"), folder=ROOT)

    @property
    def calls(self) -> int:
        """How many calls were answered."""
        return len(self._progress.read_text("utf-8").splitlines()) if self._progress.exists() else 0

    async def past(self, calls: int) -> None:
        """Waits until so many calls were answered; the import must still run."""
        await _until(lambda: self.calls >= calls)
        assert self.child.alive, f"the import ended before it could be disturbed:\n{self.child.tail()}"

    async def ended(self) -> None:
        """Waits for the end, which must be a good one: every row accounted for."""
        await _until(lambda: not self.child.alive)
        assert self.child.exit_code == 0, self.child.tail()


@pytest.mark.timeout(900)
async def test_a_disturbed_import_is_the_import(rig: Rig, tmp_path: Path) -> None:
    """The log comes in twice under two names, once undisturbed, once while importer, tickets and nats-server die: both
    leave the same tickets with the same journals, every fold is complete, and a third run changes nothing.
    """
    log = twin.write(tmp_path / "log.csv", INCIDENTS)
    calm, storm = Importer(rig, tmp_path, log, CALM), Importer(rig, tmp_path, log, STORM)
    await rig.beside(calm.child.start)
    await calm.ended()
    whole = calm.calls
    assert whole >= 12, "too few calls to disturb"

    await rig.beside(storm.child.start)
    await storm.past(whole // 6)
    storm.child.kill()
    await rig.beside(storm.child.start)
    await storm.past(2 * whole // 6)
    await rig.kill("tickets")
    await rig.start_process("tickets")
    await storm.past(3 * whole // 6)
    await rig.beside(rig.system.nats.kill)
    await storm.past(4 * whole // 6)
    await rig.beside(rig.system.nats.start)
    storm.child.kill()
    await rig.kill("tickets-2")
    await rig.beside(storm.child.start)
    await rig.start_process("tickets-2")
    await storm.ended()

    async with rig.callers() as callers:
        found = await rig.judge(callers)
        assert not found, shown(found)
        kept = {source: _tickets(rig, source) for source in (CALM, STORM)}
        assert len(kept[STORM]) == len(kept[CALM]) == INCIDENTS
        differing = [number for number, one in kept[CALM].items() if kept[STORM][number] != one]
        assert not differing, [(kept[CALM][one], kept[STORM][one]) for one in differing[:1]]

        storm.child.log.unlink()
        (tmp_path / f"{STORM}.jsonl").unlink()
        await rig.beside(storm.child.start)
        await storm.ended()
        await rig.quiet()
        assert _tickets(rig, STORM) == kept[STORM], "a third run changed something"
    print(f"\nimport: {INCIDENTS} incidents in {whole} calls, importer killed twice, tickets twice, nats-server once")


def _tickets(rig: Rig, source: str) -> dict[str, Ticket]:
    """By outside number: the ticket, its version and its journal, all without the name of the source."""
    with MongoClient[dict[str, Any]](rig.system.mongod.uri) as client:
        database = client.get_database("tickets", AWARE)
        found = {row["_id"]: row for row in database["tickets"].find({"state.source": source})}
        journals: dict[str, list[tuple[Any, ...]]] = {name: [] for name in found}
        for entry in (
            database["journal"]
            .find({"cause": {"$regex": f"^import/{source}/"}})
            .sort([("resource", 1), ("version", 1), ("n", 1)])
        ):
            journals[entry["resource"]].append(
                (entry["version"], entry["n"], entry["sequence"], entry.get("type", ""), entry["time"],
                 entry["cause"].removeprefix(f"import/{source}/"))
            )  # fmt: skip
    return {
        row["state"]["external_id"]: (replace(decode(row["state"]), source=""), row["version"], journals[name])
        for name, row in found.items()
    }


async def _until(true: Callable[[], bool]) -> None:
    until = time.monotonic() + _IMPORT_S
    while not true():
        assert time.monotonic() < until, f"not in {_IMPORT_S:.0f} s"
        await asyncio.sleep(0.02)
