"""The commands of `tl demo`."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.console import Console

from deploy.local import running
from services.runtime.refusal import Refusal
from tool.connection import connect, fail
from tool.demo.customers import NotTaken
from tool.demo.outage import Play, Stage, prepare, restore
from tool.demo.shop import Fault, Kind, Shop, chosen
from tool.demo.story import Story, rows

app = typer.Typer(no_args_is_help=True, help="Show the running system at work on something invented.")
_STARTS_IN = timedelta(seconds=3)


@app.callback()
def demo() -> None:
    """Show the running system at work on something invented."""


@app.command("outage")
def outage(
    kind: Annotated[Kind, typer.Option("--fault", help="What goes wrong.")] = Kind.KILL,
    service: Annotated[str, typer.Option(help="Whose fault it is: cart, orders, payments, stock or mail.")] = "",
    patience: Annotated[int, typer.Option(help="Seconds that the board has to tell it.", min=30, max=900)] = 180,
    until_closed: Annotated[bool, typer.Option(help="Go on after the repair until it is closed, six minutes.")] = False,
    seed: Annotated[int, typer.Option(help="Of everything that is left to chance.")] = 0,
) -> None:
    """Breaks an invented shop of six services and shows what the board makes of it. Ctrl-C puts everything back."""
    console = Console(highlight=False, soft_wrap=True)
    try:
        fault = chosen(kind, service, datetime.now(UTC))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--service") from error
    stage = _stage()
    try:
        told = _play(stage, fault, seed, timedelta(seconds=patience), console.print, until_closed=until_closed)
    except Refusal as refusal:
        raise fail(refusal) from refusal
    except NotTaken as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    finally:
        stage.connection.close()
    if told is None:
        console.print("Broken off; the shop is whole again, and its customers took back what they had filed.")
        raise typer.Exit(130)
    console.print("\n[bold]The board says[/bold]")
    # Lines of their own, however narrow the terminal: the address is there to be opened.
    for name, text in rows(told, fault, stage.url):
        console.print(f"{name:<20}{text}")
    if not told.whole:
        typer.echo("The board has not told all of it in that time.", err=True)
        raise typer.Exit(1)


def _play(
    stage: Stage, fault: Fault, seed: int, patience: timedelta, say: Callable[[str], None], *, until_closed: bool
) -> Story | None:
    """Plays it; None when it was broken off."""
    with Shop(stage.endpoint, stage.secret, seed) as shop:
        play = Play(stage, shop, say)
        try:
            say("The shop, its customers and what an order is worth ...")
            prepare(stage, datetime.now(UTC))
            play.warm_up()
            play.strike(Fault(fault.kind, fault.service, datetime.now(UTC) + _STARTS_IN))
            say(f"{fault.service}: {fault.kind}, in {_STARTS_IN.seconds} s. Ctrl-C puts everything back.")
            play.until_told(patience)
            say("Repaired." if not until_closed else "Repaired; five good minutes close the outage ...")
            return play.heal(until_closed=until_closed)
        except KeyboardInterrupt:
            restore(play, say)
            return None


def _stage() -> Stage:
    """The system of `make run`; elsewhere the demo has nothing to do.

    Raises:
        typer.Exit: none runs here; says what to do.
    """
    found = running.find()
    if found is None or "TL_KEYS_DIR" in os.environ:
        typer.echo("The demo breaks nothing but what `make run` started in this tree; start that.", err=True)
        raise typer.Exit(2)
    return Stage(connect(), found.web_url, found.settings["TL_OTLP_ENDPOINT"], found.sender)
