"""The commands of `tl`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from throughline.metrics.v1 import board_pb2

from deploy.local.servers import LOCAL
from services.runtime.refusal import Refusal
from tool import board as boards
from tool import incidents, ledger_commands, log, mapping, reports, sla, verify
from tool import journey as journeys
from tool.connection import connect, fail
from tool.demo import commands as demo
from tool.progress import Progress

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__, pretty_exceptions_enable=False)
imports = typer.Typer(no_args_is_help=True, help="Bring the past in.")
app.add_typer(imports, name="import")
app.add_typer(sla.app, name="sla")
app.add_typer(ledger_commands.app, name="ledger")
app.add_typer(demo.app, name="demo")
app.add_typer(reports.app, name="report")

_NOT_SHOWN = {"VALUE_STATE_TOO_FEW": "too few", "VALUE_STATE_NOT_DEFINED": "not defined"}


@imports.command("incidents")
def import_incidents(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A CSV file, gzipped or not.")],
    named: Annotated[str, typer.Option("--mapping", help="A shipped mapping's name, or the path of your own.")],
    rejects: Annotated[Path | None, typer.Option(help="Where rejected rows go; default: beside the progress.")] = None,
    progress: Annotated[Path | None, typer.Option(help="Where progress is kept; default: .local/imports/.")] = None,
) -> None:
    """Brings a log of incidents in. At most once: stop it and start it again as often as you like."""
    console = Console()
    try:
        rules = mapping.load(named)
        with console.status(f"reading {file.name}"):
            found = log.read(file, rules)
    except (ValueError, OSError, UnicodeDecodeError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    kept = progress or LOCAL / "imports" / f"{rules.source}-{log.digest(file, rules)}.jsonl"
    connection = connect()
    try:
        with Progress(kept) as so_far:
            outcome = incidents.bring_in(connection, rules.source, found, so_far, console)
    except Refusal as refusal:
        raise fail(refusal) from refusal
    finally:
        connection.close()
    rejected = rejects or kept.with_suffix(".rejects.csv")
    if outcome.rejections:
        incidents.write_rejections(rejected, outcome.rejections)
    console.print(
        f"rows {outcome.rows:,} = applied {outcome.applied:,} + merged {outcome.merged:,} "
        f"+ rejected {len(outcome.rejections):,}; tickets {outcome.tickets:,}"
        + (f"; rejected rows in {rejected}" if outcome.rejections else "")
    )
    if not outcome.balanced:
        typer.echo("The rows do not add up: something was lost or counted twice.", err=True)
        raise typer.Exit(1)


@app.command("board")
def board(
    start: Annotated[str, typer.Option("--from", help="First day, 2016-03-01, or an ISO instant.")],
    end: Annotated[str, typer.Option("--to", help="The day after the last, or an ISO instant.")],
    source: Annotated[str, typer.Option(help="Only tickets of this imported log.")] = "",
    zone: Annotated[str, typer.Option(help="IANA zone of the days.")] = "UTC",
    as_json: Annotated[bool, typer.Option("--json", help="Everything, for programs.")] = False,
) -> None:
    """Prints the board's numbers over a period."""
    connection = connect()
    try:
        interval = boards.period(boards.instant(start, zone), boards.instant(end, zone))
        found = boards.read(connection, interval, board_pb2.BoardFilter(source=source), zone)
    except ValueError as error:
        typer.echo(f"--from, --to: {error}", err=True)
        raise typer.Exit(2) from error
    except Refusal as refusal:
        raise fail(refusal) from refusal
    finally:
        connection.close()
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=1))
        return
    Console().print(_table(found, f"{start} to {end}: {found['tickets']:,} tickets"))


def _table(found: dict[str, Any], title: str) -> Table:
    """What is measured, metric by metric; what nothing feeds yet is only named under it."""
    table = Table("metric", "value", "n", "median", "P90", title=title)
    for value in found["metrics"].values():
        if value["state"] == "VALUE_STATE_WAITING":
            continue
        has = value["state"] == "VALUE_STATE_SHOWN"
        shown = _figure(value["value"], value["unit"]) if has else _NOT_SHOWN.get(value["state"], value["note"])
        spread = [_figure(value[key], value["unit"]) if has and value[key] else "" for key in ("median", "p90")]
        table.add_row(value["name"], shown, f"{value['n']:,}", *spread)
    waiting = [one["name"] for one in found["metrics"].values() if one["state"] == "VALUE_STATE_WAITING"]
    table.caption = f"Not measured yet: {', '.join(waiting)}." if waiting else None
    return table


def _figure(value: float, unit: str) -> str:
    """A number as people read it: durations in hours, shares in per cent."""
    if unit == "s":
        return f"{value / 3600:,.2f} h"
    digits = 0 if float(value).is_integer() else 2
    return f"{value:,.{digits}f} {unit}"


@app.command("journey")
def journey(
    ticket: Annotated[str, typer.Argument(help="Its number, INC-000123.")],
    as_json: Annotated[bool, typer.Option("--json", help="Everything, for programs.")] = False,
    otlp: Annotated[bool, typer.Option("--otlp", help="One trace in OTLP JSON, for tools that read traces.")] = False,
) -> None:
    """Shows where the time of one ticket went, from intake to feedback."""
    connection = connect()
    try:
        name = journeys.named(ticket)
        if otlp:
            typer.echo(journeys.trace(connection, name))
            return
        found = journeys.read(connection, name)
    except ValueError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    except Refusal as refusal:
        raise fail(refusal) from refusal
    finally:
        connection.close()
    if as_json:
        typer.echo(journeys.plain(found))
    else:
        Console().print(journeys.table(found))


@app.command("verify")
def verify_journals() -> None:
    """Checks the hash chains and checkpoints of all journals; names the first entry that does not fit."""
    connection = connect()
    table = Table("service", "entries", "resources", "checkpoints", "first bad entry")
    bad: list[verify.Finding] = []
    try:
        with Console().status("verifying") as status:
            for service in sorted(connection.addresses):
                status.update(f"verifying {service}")
                found = verify.verify(connection, service)
                counts = (f"{found.entries:,}", f"{found.resources:,}", f"{found.checkpoints:,}")
                table.add_row(service, *counts, "see below" if found.bad else "none")
                bad += [found] if found.bad else []
    except Refusal as refusal:
        raise fail(refusal) from refusal
    finally:
        connection.close()
    Console().print(table)
    # On a line of its own, however narrow the terminal: an entry's id is there to be copied.
    for found in bad:
        typer.echo(f"{found.service}: {found.bad}: {found.why}", err=True)
    if bad:
        raise typer.Exit(1)


if __name__ == "__main__":
    app()
