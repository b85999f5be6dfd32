"""`tl sla`: what is promised as a file, so that it can live beside the code, and a check of every clock."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from services.runtime.refusal import Kind, Refusal
from tool import configuration
from tool import lint as linting
from tool.clocks import check_clocks
from tool.configuration import KINDS, WRITER, Difference
from tool.connection import Connection, connect, fail
from tool.lint import File

app = typer.Typer(no_args_is_help=True, help="What is promised.")
app.command("check")(check_clocks)
Given = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A YAML file; docs/sla.md says its form.")]


@app.command("lint")
def lint(file: Given) -> None:
    """Says what is wrong with a file, by line; needs no system."""
    read = _read(file)
    counts = ", ".join(f"{len(read.items.get(kind.key, {}))} {kind.key}" for kind in KINDS)
    typer.echo(f"{file}: {counts}; nothing to mend")


@app.command("export")
def export(
    to: Annotated[Path | None, typer.Option(dir_okay=False, help="Where to write it; default: the terminal.")] = None,
) -> None:
    """Writes what is published, in a stable order; retired policies and drafts are left out."""
    connection = connect(WRITER)
    try:
        text = configuration.written(configuration.fetched(connection))
    except Refusal as refusal:
        raise fail(refusal) from refusal
    finally:
        connection.close()
    if to is None:
        typer.echo(text, nl=False)
    else:
        to.write_text(text, encoding="utf-8")


@app.command("diff")
def diff(file: Given) -> None:
    """Shows what applying the file would change; ends with 1 when it would change anything."""
    read, connection = _read(file), connect(WRITER)
    try:
        changes = _changes(read, connection)
    finally:
        connection.close()
    _show(changes)
    if any(one.text for one in changes):
        raise typer.Exit(1)


@app.command("apply")
def apply(file: Given) -> None:
    """Publishes what differs, what others name first; a second time it changes nothing. Nothing is ever removed."""
    read, connection = _read(file), connect(WRITER)
    try:
        changes = _changes(read, connection)
        _show(changes)
        for change in (one for one in changes if one.text):
            typer.echo(f"{change.name}: version {_published(connection, change, file, read)}")
    finally:
        connection.close()


def _published(connection: Connection, change: Difference, file: Path, read: File) -> int:
    """The version of an item that was published.

    Raises:
        typer.Exit: the system refused; says why, by line. What was published before it stays.
    """
    try:
        version: int = configuration.apply(connection, change).version
    except Refusal as refusal:
        if refusal.kind is not Kind.INVALID:
            raise fail(refusal) from refusal
        typer.echo(f"{file}:{read.fault(change.kind, change.name, refusal)}", err=True)
        raise typer.Exit(1) from refusal
    return version


def _read(file: Path) -> File:
    """The file, if it is fit; its faults on the terminal.

    Raises:
        typer.Exit: it is not.
    """
    read = linting.read(file.read_text(encoding="utf-8"))
    for fault in read.faults:
        typer.echo(f"{file}:{fault}", err=True)
    if not read.fit:
        raise typer.Exit(1)
    return read


def _changes(read: File, connection: Connection) -> list[Difference]:
    try:
        return configuration.differences(read.items, configuration.fetched(connection))
    except Refusal as refusal:
        raise fail(refusal) from refusal


def _show(changes: list[Difference]) -> None:
    for change in changes:
        typer.echo(change.text or f"only in the system, left as it is: {change.name}")
    if not any(one.text for one in changes):
        typer.echo("The system says what the file says.")
