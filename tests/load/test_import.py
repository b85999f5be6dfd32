"""What bringing a history in costs with the whole system on, beside the bare chain of the same stores."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console
from throughline.tickets.v1 import ticket_pb2
from throughline.tickets.v1 import tickets_service_pb2 as pb

from deploy.local.servers import ROOT
from deploy.local.system import System
from tests.load import places
from tests.load.rounds import ROUNDS, Rounds
from tool import incidents
from tool.connection import Connection
from tool.log import Log
from tool.progress import Progress

TICKETS = 200
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
# What a ticket of a real log goes through: taken, triaged, handed over, waiting, resolved, closed.
_STATES = (
    ticket_pb2.TICKET_STATE_NEW,
    ticket_pb2.TICKET_STATE_IN_PROGRESS,
    ticket_pb2.TICKET_STATE_IN_PROGRESS,
    ticket_pb2.TICKET_STATE_AWAITING_REQUESTER,
    ticket_pb2.TICKET_STATE_RESOLVED,
    ticket_pb2.TICKET_STATE_CLOSED,
)
STEPS = TICKETS * len(_STATES)

pytestmark = pytest.mark.timeout(400)


@pytest.fixture
def operator(system: System) -> Iterator[Connection]:
    """Calls as an operator."""
    connection = Connection(system.addresses, system.keys)
    yield connection
    connection.close()


def _history(number: int) -> pb.TicketHistory:
    history = pb.TicketHistory(
        external_id=f"INC{number:07}",
        title=f"VPN cannot connect 无法连接 {number}",
        requester="people/caller-1",
        channel=ticket_pb2.CHANNEL_PHONE,
        type=ticket_pb2.TICKET_TYPE_INCIDENT,
        complete=True,
    )
    opened = START + timedelta(minutes=number)
    history.open_time.FromDatetime(opened)
    for index, state in enumerate(_STATES):
        team = "teams/network" if index < 2 else "teams/store-systems"
        step = history.steps.add(id=str(index), state=state, impact=2, urgency=2, team=team)
        step.assignee, step.category, step.site, step.actor = "people/zhou-yan", "network", "east-4", "people/zhou-yan"
        step.time.FromDatetime(opened + timedelta(hours=index))
    return history


def _bare_chain(system: System) -> float:
    arguments = (system.mongod.uri, system.nats.url, str(TICKETS), str(STEPS))
    command = [sys.executable, "-m", "tests.load.bare_chain", *arguments]
    paths = {"PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "proto" / "gen")))}
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **paths}, capture_output=True, text=True, check=True)
    return float(done.stdout)


async def test_an_import(system: System, operator: Connection, tmp_path: Path) -> None:
    """An import, counted until clocks and facts hold all of it, reaches half the rate of the bare chain."""
    histories = [_history(number) for number in range(TICKETS)]
    rounds = Rounds(f"import of {TICKETS} histories, {STEPS:,} steps, all services on")
    for number in range(ROUNDS):
        await places.drained(system)
        rounds.add("bare chain", await asyncio.to_thread(_bare_chain, system))
        source = f"load-{uuid.uuid4().hex[:8]}"
        began = time.perf_counter()
        with Progress(tmp_path / f"{number}.jsonl") as progress:
            log, quiet = Log(histories=histories, rows=STEPS), Console(quiet=True)
            outcome = await asyncio.to_thread(incidents.bring_in, operator, source, log, progress, quiet)
        rounds.add("answered", STEPS / (time.perf_counter() - began))
        rounds.add("import", STEPS / (await places.drained(system) - began))
        assert (outcome.rows, outcome.rejections) == (STEPS, [])
    rounds.hold("steps until the facts hold them", "import", "bare chain", least=0.5)
    rounds.hold("... until the importer has its answers", "answered", "bare chain")
    rounds.close()
