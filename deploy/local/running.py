"""The system that `make run` keeps running in this tree: where it is, and our modules run with its settings.

`python -m deploy.local.running MODULE ARGS...` is how `make parked` and `make replay` find it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil

from deploy.local.servers import LOCAL, ROOT

STATE = LOCAL / "run.json"
SUPERVISOR = "deploy.local.up"


@dataclass(frozen=True)
class Running:
    """What a tool needs of a running system. settings: TL_ names and their values, for a service of no name.

    otlp_url: where spans go by OTLP over HTTP; sender: the secret with which `tl` sends some.
    """

    pid: int
    web_url: str
    settings: dict[str, str]
    otlp_url: str = ""
    sender: str = field(default="", repr=False)

    def write(self, state: Path = STATE) -> None:
        """Leaves it where find() looks."""
        state.parent.mkdir(parents=True, exist_ok=True)
        state.touch(mode=0o600)
        state.write_text(json.dumps(asdict(self), indent=1))


def find(state: Path = STATE) -> Running | None:
    """The system under way in this tree; None when none is."""
    try:
        running = Running(**json.loads(state.read_text()))
        alive = SUPERVISOR in psutil.Process(running.pid).cmdline()
    except (FileNotFoundError, ValueError, TypeError, psutil.NoSuchProcess, psutil.AccessDenied):
        return None
    return running if alive else None


def main() -> None:
    """Runs the named module of ours with the running system's settings."""
    running = find()
    if running is None:
        raise SystemExit("Nothing runs; `make run` starts it.")
    environment = {**os.environ, **running.settings}
    status = subprocess.run([sys.executable, "-m", *sys.argv[1:]], env=environment, check=False, cwd=ROOT).returncode
    raise SystemExit(status)


if __name__ == "__main__":
    main()
