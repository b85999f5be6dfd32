"""A log comes in by the front door, whatever happens on the way, and the board shows what is true of it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from rich.console import Console

from deploy.local import proof, twin
from deploy.local.servers import ROOT
from deploy.local.system import System
from tool import verify
from tool.connection import Connection
from tool.mapping import MAPPINGS

pytestmark = pytest.mark.timeout(400)
SUMMARY = re.compile(r"rows ([\d,]+) = applied ([\d,]+) \+ merged ([\d,]+) \+ rejected ([\d,]+)")
COMPARED = (
    "reassignments",
    "assignment_changes",
    "tickets_reopened",
    "time_to_resolve",
    "time_to_close",
    "no_assignment_change_no_reopen",
    "knowledge_used",
)


@dataclass(frozen=True)
class Proved:
    """The twin, imported once and compared. counts: rows, applied, merged, rejected. folder: the import's progress."""

    log: Path
    folder: Path
    checks: list[proof.Check]
    counts: tuple[int, ...]


@pytest.fixture(scope="module")
def operator(system: System) -> Iterator[Connection]:
    """Calls to the running system as the one who proves."""
    connection = Connection(system.addresses, system.keys, proof.ADMINISTRATOR)
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def proved(operator: Connection, tmp_path_factory: pytest.TempPathFactory) -> Proved:
    """The twin in the system, as `make proof` brings a real log in."""
    folder = tmp_path_factory.mktemp("imports")
    log = twin.write(folder / "log.csv.gz")
    console = Console(width=200, record=True)
    checks = proof.prove(log, operator, console, folder)
    return Proved(log, folder, checks, _counts(console.export_text()))


def test_the_board_agrees_with_what_is_true_of_the_log(proved: Proved) -> None:
    """Every line of the comparison holds: counts, medians, means, matrix and the log's own judgement."""
    assert [one for one in proved.checks if not one.holds] == []
    assert len(proved.checks) >= 14


def test_a_log_that_comes_again_changes_nothing(
    system: System, operator: Connection, proved: Proved, tmp_path: Path
) -> None:
    """All rows are sent again by somebody who kept no progress; each is answered as before, and no journal grows."""
    before = _journal(operator)

    again = _import(system, proved.log, proof.MAPPING, tmp_path / "progress.jsonl")

    assert (again.returncode, _counts(again.stdout)) == (0, proved.counts), again.stderr
    assert _journal(operator) == before


@pytest.mark.long
def test_an_import_that_was_killed_goes_on_and_takes_no_row_twice(
    system: System, operator: Connection, proved: Proved, tmp_path: Path
) -> None:
    """kill -9 in the middle, then the same command: the same counts, and the same numbers as of the log unharmed."""
    mapping = tmp_path / "killed.yaml"
    shipped = (MAPPINGS / f"{proof.MAPPING}.yaml").read_text("utf-8")
    mapping.write_text(shipped.replace("source: uci", "source: killed"), "utf-8")
    progress = tmp_path / "progress.jsonl"

    begun = subprocess.Popen(
        _command(proved.log, str(mapping), progress),
        env=system.environment("tool"),
        stdout=subprocess.DEVNULL,
        cwd=ROOT,
    )
    _await_first_answer(progress)
    begun.send_signal(signal.SIGKILL)
    killed = begun.wait(10)
    answered = len(progress.read_text("utf-8").splitlines())
    ended = _import(system, proved.log, str(mapping), progress)

    assert killed == -signal.SIGKILL
    assert 0 < answered < len(progress.read_text("utf-8").splitlines())
    assert _counts(ended.stdout) == proved.counts
    assert _numbers(system, "killed") == _numbers(system, "uci")


def test_rows_that_cannot_be_taken_are_listed_with_line_and_reason(
    system: System, proved: Proved, tmp_path: Path
) -> None:
    """The row with a state that is none lands in the reject file; all others are in."""
    rejects = tmp_path / "rejects.csv"
    _import(system, proved.log, proof.MAPPING, tmp_path / "progress.jsonl", "--rejects", str(rejects))
    listed = rejects.read_text("utf-8-sig").splitlines()

    assert len(listed) - 1 == proved.counts[3] == 1
    assert re.match(r"\d+,INC\d+,VALUE_UNKNOWN,.*'-100'", listed[1])


@pytest.mark.long
def test_a_journal_that_was_tampered_with_is_named_with_the_entry(system: System, proved: Proved) -> None:
    """One event rewritten in the database: `tl verify` fails and names it; put back, it passes."""
    assert _tl(system, "verify").returncode == 0
    with MongoClient[dict[str, Any]](system.mongod.uri, tz_aware=True) as client:
        journal = client["tickets"]["journal"]
        entry = journal.find_one({"resource": {"$regex": "^tickets/INC"}, "n": 0, "version": 2})
        assert entry is not None
        where = {"_id": entry["_id"]}
        journal.update_one(where, {"$set": {"time": entry["time"] + timedelta(days=1)}})
        found = _tl(system, "verify")
        journal.replace_one(where, entry)

    assert found.returncode == 1
    assert f"tickets: {entry['_id']}: " in found.stderr
    assert _tl(system, "verify").returncode == 0


def _command(log: Path, mapping: str, progress: Path, *more: str) -> list[str]:
    named = ("--mapping", mapping, "--progress", str(progress), *more)
    return [sys.executable, "-m", "tool", "import", "incidents", str(log), *named]


def _import(system: System, log: Path, mapping: str, progress: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """The command to its end; what it prints is wide enough to be read."""
    environment = system.environment("tool") | {"COLUMNS": "200"}
    command = _command(log, mapping, progress, *more)
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=ROOT)


def _tl(system: System, *arguments: str) -> subprocess.CompletedProcess[str]:
    """./tl as an operator calls it, told where the system is."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TL_")}
    command = [str(ROOT / "tl"), *arguments]
    return subprocess.run(
        command, env=environment | system.settings(), capture_output=True, text=True, check=False, cwd=ROOT
    )


def _await_first_answer(progress: Path) -> None:
    until = time.monotonic() + 60
    while not (progress.exists() and progress.read_text("utf-8")):
        assert time.monotonic() < until, "the import brought nothing in"
        time.sleep(0.01)


def _counts(printed: str) -> tuple[int, ...]:
    found = SUMMARY.search(printed)
    assert found, printed
    return tuple(int(one.replace(",", "")) for one in found.groups())


def _journal(operator: Connection) -> dict[str, int]:
    return {service: verify.verify(operator, service).entries for service in ("tickets", "sla")}


def _numbers(system: System, source: str) -> dict[str, Any]:
    """What `tl board --json` says of one source over the log's time, once it holds all of it; promises left out."""
    until = time.monotonic() + 120
    period = ("--from", "2016-02-01", "--to", "2017-01-01")
    known = twin.INCIDENTS
    before: dict[str, Any] = {}
    while time.monotonic() < until:
        asked = _tl(system, "board", *period, "--source", source, "--json")
        assert asked.returncode == 0, asked.stderr
        board = json.loads(asked.stdout)
        found = {"tickets": board["tickets"], **{name: board["metrics"][name] for name in COMPARED}}
        if found == before and board["tickets"] == known:
            return found
        before = found
        time.sleep(2)
    raise AssertionError(f"the board holds {before.get('tickets')} of {known} tickets and still moves")
