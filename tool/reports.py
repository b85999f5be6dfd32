"""The commands of `tl report`: which reports there are, and one of them as a file, with an operator's rights."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import grpc
import typer
from rich.console import Console
from rich.table import Table
from throughline.metrics.v1 import report_pb2
from throughline.metrics.v1 import reports_service_pb2 as pb
from throughline.metrics.v1.reports_service_pb2_grpc import ReportsServiceStub

from services.runtime.client import refusal_of
from services.runtime.refusal import Refusal
from tool.connection import Connection, connect, fail

LONGEST_SECONDS = 1800.0

app = typer.Typer(no_args_is_help=True, help="Reports: what is kept, and each as a file.")


class Format(StrEnum):
    """What a file is written as."""

    CSV = "csv"
    XLSX = "xlsx"
    PDF = "pdf"


class Content(StrEnum):
    """What of a report: its table, or the tickets behind it."""

    TABLE = "table"
    TICKETS = "tickets"


class Language(StrEnum):
    """Of heads and names."""

    EN = "en"
    ZH = "zh"


@app.command("list")
def list_reports() -> None:
    """Prints the reports that an operator may open: those that are shared with a unit."""
    connection = connect()
    try:
        found = list(known(connection))
    except Refusal as refusal:
        raise fail(refusal) from refusal
    finally:
        connection.close()
    table = Table("report", "title", "owner", "next due")
    for one in found:
        due = one.schedule.next_time.ToJsonString() if one.schedule.HasField("next_time") else ""
        table.add_row(one.name, " / ".join(one.titles.values()), one.owner, due)
    Console().print(table)


@app.command("run")
def run(
    name: Annotated[str, typer.Argument(help='"reports/3f1c...", its last part, or a title.')],
    format: Annotated[Format, typer.Option(help="Tickets are CSV or XLSX alone.")] = Format.CSV,
    out: Annotated[Path | None, typer.Option(help="The file; without one it goes to the terminal's output.")] = None,
    content: Annotated[Content, typer.Option(help="The table, or the tickets behind it.")] = Content.TABLE,
    language: Annotated[Language, typer.Option(help="Of heads and names.")] = Language.EN,
    as_of: Annotated[str, typer.Option(help="An ISO instant from which the period is reckoned; now without.")] = "",
) -> None:
    """Runs a report as of now and writes it as a file."""
    asked = pb.ExportReportRequest(
        format=pb.ExportFormat.Value(f"EXPORT_FORMAT_{format.name}"),
        content=pb.ExportContent.Value(f"EXPORT_CONTENT_{content.name}"),
        language=language.value,
    )
    if as_of:
        try:
            at = datetime.fromisoformat(as_of)
        except ValueError as error:
            typer.echo(f"--as-of: {error}", err=True)
            raise typer.Exit(2) from error
        asked.as_of_time.FromDatetime(at if at.tzinfo else at.replace(tzinfo=UTC))
    connection = connect()
    written = 0
    # A file that is cut short must not be taken for a whole one.
    part = out.with_name(f"{out.name}.part") if out is not None else None
    try:
        asked.name = named(connection, name)
        with ExitStack() as stack:
            to = stack.enter_context(part.open("wb")) if part is not None else sys.stdout.buffer
            for data in exported(connection, asked):
                written += to.write(data)
    except Refusal as refusal:
        if part is not None:
            part.unlink(missing_ok=True)
        raise fail(refusal) from refusal
    finally:
        connection.close()
    if part is not None and out is not None:
        part.replace(out)
        typer.echo(f"{out}: {written:,} bytes", err=True)


def known(connection: Connection) -> Iterator[report_pb2.Report]:
    """Every report that the connection's actor may open.

    Raises:
        Refusal: the metrics service refused or was away.
    """
    stub, token = connection.stub("metrics", ReportsServiceStub), ""
    while True:
        page = connection.call(stub.ListReports, pb.ListReportsRequest(page_size=200, page_token=token))
        yield from page.reports
        if not (token := page.next_page_token):
            return


def named(connection: Connection, text: str) -> str:
    """The name of the report that a text means: its name, its last part or one of its titles.

    Raises:
        Refusal: NOT_FOUND.
    """
    for one in known(connection):
        if text in (one.name, one.name.removeprefix("reports/"), *one.titles.values()):
            return one.name
    raise Refusal.not_found(text)


def exported(connection: Connection, asked: pb.ExportReportRequest) -> Iterator[bytes]:
    """The file, part by part; no part is tried again, so a file is whole or none.

    Raises:
        Refusal: the metrics service refused, or broke off.
    """
    stub = connection.stub("metrics", ReportsServiceStub)
    try:
        for part in connection.parts(stub.ExportReport, asked, timeout=LONGEST_SECONDS):
            yield part.data
    except grpc.RpcError as error:
        raise refusal_of(error) from error
