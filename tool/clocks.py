"""Checks every stored clock: that its segments add up to wall time exactly."""

from __future__ import annotations

from dataclasses import dataclass

import typer
from rich.console import Console
from throughline.sla.v1 import judgement_service_pb2
from throughline.sla.v1.judgement_service_pb2_grpc import JudgementServiceStub

from services.runtime.refusal import Refusal
from tool.connection import Connection, connect, fail

_PAGE = 200


@dataclass(frozen=True, slots=True)
class Found:
    """How much was looked at, and (ticket, what does not add up) of each clock at fault."""

    tickets: int
    clocks: int
    segments: int
    faults: tuple[tuple[str, str], ...]


def check(connection: Connection) -> Found:
    """Reads all clocks, page by page.

    Raises:
        Refusal: the service refused or was away.
    """
    stub = connection.stub("sla", JudgementServiceStub)
    tickets = clocks = segments = 0
    faults: list[tuple[str, str]] = []
    token = ""
    while True:
        request = judgement_service_pb2.CheckClocksRequest(page_size=_PAGE, page_token=token)
        page = connection.call(stub.CheckClocks, request)
        tickets += page.ticket_count
        clocks += page.clock_count
        segments += page.segment_count
        faults += [(one.ticket, one.finding) for one in page.faults]
        token = page.next_page_token
        if not token:
            return Found(tickets, clocks, segments, tuple(faults))


def check_clocks() -> None:
    """Checks that the segments of every stored clock add up to wall time exactly; names each that does not."""
    connection = connect()
    try:
        with Console().status("checking"):
            found = check(connection)
    except Refusal as refusal:
        raise fail(refusal) from refusal
    finally:
        connection.close()
    wrong = len({ticket for ticket, _ in found.faults})
    typer.echo(
        f"tickets {found.tickets:,}, clocks {found.clocks:,}, segments {found.segments:,}; "
        f"add up {found.tickets - wrong:,}, do not {wrong:,}"
    )
    for ticket, finding in found.faults:
        typer.echo(f"{ticket}: {finding}", err=True)
    if found.faults:
        raise typer.Exit(1)
