"""The commands of `tl ledger`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from throughline.metrics.v1 import ledger_service_pb2

from services.runtime.refusal import Refusal
from tool import board as boards
from tool import ledger
from tool.connection import connect, fail

app = typer.Typer(no_args_is_help=True, help="The value ledger: prove it, open it, take it along.")


@app.command("verify")
def verify() -> None:
    """Replays the recorded intake into empty books and compares; checks each input against its owner's journal."""
    connection = connect()
    try:
        with Console(stderr=True).status("replaying"):
            found = ledger.verify(connection)
    except Refusal as refusal:
        raise fail(refusal) from refusal
    finally:
        connection.close()
    typer.echo(f"inputs {found.inputs:,}; entries {found.entries:,}; digest {found.digest}")
    if found.difference:
        typer.echo(f"first difference: {found.difference}", err=True)
        raise typer.Exit(1)
    typer.echo("replay and ledger are equal, and every input is as its owner journalled it")


@app.command("explain")
def explain(row: Annotated[str, typer.Argument(help="An entry, such as INC-000123.1.")]) -> None:
    """Prints an entry's formula with its inputs, and computes it again from them alone."""
    connection = connect()
    try:
        found = ledger.explain(connection, row)
    except Refusal as refusal:
        raise fail(refusal) from refusal
    finally:
        connection.close()
    entry = found.entry
    again = ledger.recomputed(entry)
    console = Console()
    table = Table("input", "value", "unit", "source", title=f"{entry.name}: {found.formula_words} ({entry.formula})")
    for one in entry.inputs:
        table.add_row(one.name, f"{one.value:,}", one.unit, one.source)
    console.print(table)
    if entry.hours:
        console.print(_hours(found))
    typer.echo(f"{found.arithmetic} {entry.total.currency_code} minor units")
    typer.echo(
        f"range {entry.low.minor_units:,} / {entry.middle.minor_units:,} / {entry.high.minor_units:,} (P10/P50/P90)"
    )
    for left in entry.left_out:
        typer.echo(f"left out: {left.duration.ToJsonString()} for {left.resource}: {left.reason}")
    for rest in entry.evidence:
        typer.echo(f"rests on {rest.resource} {rest.version} {rest.note}".rstrip())
    for model in found.cost_models:
        typer.echo(f"agreed: {model.name} version {model.version} by {model.author}, approved by {model.approver}")
    if again != entry.total.minor_units:
        typer.echo(f"recomputed {again:,}: not the amount of the entry", err=True)
        raise typer.Exit(1)
    typer.echo(f"recomputed {again:,}: the same")


def _hours(found: ledger_service_pb2.Explanation) -> Table:
    table = Table("hour", "of it", "expected", "actual", "recovered", title="hours, counts in thousandths")
    for hour in found.entry.hours:
        counts = (hour.expected_milli, hour.actual_milli, hour.recovered_milli)
        table.add_row(hour.hour_time.ToJsonString(), f"{hour.milliseconds:,} ms", *(f"{one:,}" for one in counts))
    return table


@app.command("export")
def export(
    start: Annotated[str, typer.Option("--from", help="First day, 2026-03-01, or an ISO instant.")],
    end: Annotated[str, typer.Option("--to", help="The day after the last, or an ISO instant.")],
    zone: Annotated[str, typer.Option(help="IANA zone of the days.")] = "UTC",
    form: Annotated[str, typer.Option("--format", help="csv (a row a line of the ledger) or jsonl.")] = "csv",
    to: Annotated[Path | None, typer.Option("--file", help="A file; standard output unless given.")] = None,
) -> None:
    """Writes the entries of a period as they come, whatever their number."""
    if form not in ("csv", "jsonl"):
        typer.echo(f"--format: {form} is neither csv nor jsonl", err=True)
        raise typer.Exit(2)
    connection = connect()
    try:
        period = boards.period(boards.instant(start, zone), boards.instant(end, zone))
        found = ledger.entries(connection, period)
        if to is None:
            count = ledger.export(found, sys.stdout, lines=form == "jsonl")
        else:
            # A spreadsheet knows by the mark at the start that a CSV is UTF-8.
            encoding = "utf-8-sig" if form == "csv" else "utf-8"
            with to.open("w", encoding=encoding, newline="") as file:
                count = ledger.export(found, file, lines=form == "jsonl")
    except ValueError as error:
        typer.echo(f"--from, --to: {error}", err=True)
        raise typer.Exit(2) from error
    except Refusal as refusal:
        raise fail(refusal) from refusal
    finally:
        connection.close()
    typer.echo(f"{count:,} entries", err=True)
