"""`make run` and `make down`: the system with its data under .local, until Ctrl-C or `make down` stops it."""

from __future__ import annotations

import argparse
import os
import secrets
import signal
import subprocess
import time
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from deploy.local import demo, running
from deploy.local.ports import in_use
from deploy.local.process import Child, DidNotStart
from deploy.local.servers import LOCAL, MissingTool
from deploy.local.system import SERVICES, System

LOADED = LOCAL / "demo-loaded"
SENDER, SECRET = "local", LOCAL / "otlp-secret"
DEFAULT_PORTS = {"web": 8080, "mongo": 27117, "nats": 4322, "otlp": 4318} | {
    service: 50051 + place for place, service in enumerate(SERVICES)
}
METRICS_OFFSET = 100
DOWN_SECONDS = 60.0
RESTART_PAUSE_SECONDS = 2.0
# What the pages are told when whoever starts it says so.
_PASSED_ON = ("TL_TRACE_LINKS", "TL_STAGE")
# Nobody balances calls over processes here, so none waits until balancers have noticed that it stops.
_STOPS_AT_ONCE = {"TL_STOP_WAIT_SECONDS": "0"}

say = Console(highlight=False, soft_wrap=True)


def ports() -> dict[str, int]:
    """The port of each process: TL_PORT_<NAME>, else its own default; a service's /metrics lies 100 above it.

    Raises:
        SystemExit: a variable holds no port, or the port is taken; the message names the variable.
    """
    chosen: dict[str, int] = {}
    for name, default in DEFAULT_PORTS.items():
        variable = f"TL_PORT_{name.upper()}"
        text = os.environ.get(variable, str(default))
        if not text.isdecimal() or not 0 < int(text) < 65_536 - METRICS_OFFSET:
            raise SystemExit(f"{variable} holds {text!r}, which is no port.")
        wanted = {name: int(text)}
        if name in SERVICES:
            wanted[f"metrics-{name}"] = int(text) + METRICS_OFFSET
        for port in wanted.values():
            if in_use(port) or port in chosen.values():
                raise SystemExit(f"Port {port} ({name}) is in use; choose another: {variable}=<port> make run")
        chosen |= wanted
    return chosen


def up() -> None:
    """Starts everything, loads the demo data the first time, says where to go, and stays until told to stop."""
    already = running.find()
    if already is not None:
        raise SystemExit(f"It runs already, at {already.web_url}. `make down` stops it.")
    secret = sender_secret()
    pages = {name: os.environ[name] for name in _PASSED_ON if name in os.environ} | demo.PAGES
    system = System(LOCAL, ports=ports(), environment=_STOPS_AT_ONCE, pages=pages, senders={SENDER: secret})
    running.Running(os.getpid(), system.web_url, system.settings(), system.otlp_url, secret).write()
    _hear_signals()
    begun = time.monotonic()
    try:
        say.print("Starting mongod, nats-server and the six services ...")
        system.start()
        _load_demo(system)
        _welcome(system, time.monotonic() - begun)
        _watch(system)
    except KeyboardInterrupt:
        # A second Ctrl-C must not break the stop off half-way.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        say.print("Stopping ...")
        system.stop()
        say.print("Stopped. The data stay under .local/.")
    finally:
        system.abandon()
        running.STATE.unlink(missing_ok=True)


def sender_secret(path: Path = SECRET) -> str:
    """The secret with which anything on this machine may send spans: made once, readable by its owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(32))
    return path.read_text().strip()


def down() -> None:
    """Tells a running `make run` to stop and waits until it has."""
    found = running.find()
    if found is None:
        say.print("Nothing runs.")
        return
    supervisor = psutil.Process(found.pid)
    supervisor.terminate()
    try:
        supervisor.wait(DOWN_SECONDS)
    except psutil.TimeoutExpired:
        supervisor.kill()
    running.STATE.unlink(missing_ok=True)
    say.print("Stopped. The data stay under .local/.")


def _hear_signals() -> None:
    """`make down` and a closed terminal end the run as Ctrl-C does, also where a shell put us in the background."""

    def stop(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup means to outlive the terminal
        signal.signal(signal.SIGHUP, stop)


def _watch(system: System) -> None:
    """Starts again whatever ends by itself, stores too."""
    kept: dict[str, Child] = {"mongod": system.mongod.child, "nats-server": system.nats.child, **system.children}
    while True:
        time.sleep(0.2)
        for name, child in kept.items():
            if not child.alive:
                say.print(f"{name} ended; starting it again. Its log: {_short(child.log)}")
                time.sleep(RESTART_PAUSE_SECONDS)
                child.start()


def _load_demo(system: System) -> None:
    """The demo data, once a data folder; the loader can be broken off and run again."""
    if LOADED.exists():
        return
    say.print("Loading the demo data (once) ...")
    system.run(demo.__name__)
    LOADED.touch()


def _welcome(system: System, seconds: float) -> None:
    say.print(f"\nThroughline is up after {seconds:.0f} s: [bold]{system.web_url}[/bold]")
    table = Table("role", "sign in as", "password", box=None, pad_edge=False)
    for account in demo.ACCOUNTS:
        table.add_row(*account)
    say.print(table)
    grpc = f"127.0.0.1:{system.ports['metrics']}"
    say.print(f"Spans by OTLP: gRPC {grpc}, HTTP {system.otlp_url}, with `authorization: Bearer` and {_short(SECRET)}.")
    say.print("`./tl demo outage` breaks an invented shop and shows what the board makes of it.")
    say.print(f"Logs: {_short(system.logs)}/. Ctrl-C or `make down` stops it.\n")


def _short(path: Path) -> str:
    return str(path.relative_to(LOCAL.parent))


def main() -> None:
    """Starts, or with --down stops."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--down", action="store_true", help="stop what runs")
    try:
        down() if parser.parse_args().down else up()
    except (DidNotStart, MissingTool) as problem:
        raise SystemExit(str(problem)) from None
    except subprocess.CalledProcessError as failed:
        raise SystemExit(f"{' '.join(failed.cmd[1:])} failed.") from None


if __name__ == "__main__":
    main()
