"""One child process: started with a log file, stopped politely or killed, and never outliving its parent."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


class DidNotStart(Exception):
    """A process ended, or said nothing, before it was ready; the message holds the end of its log."""


def die_with_parent(command: Sequence[str]) -> list[str]:
    """The command, killed by the kernel as soon as the thread that started it is gone.

    setpriv comes with every Debian and Ubuntu (util-linux); unlike a preexec_fn it is safe in a process with threads.
    """
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", *command] if setpriv else list(command)


@dataclass
class Child:
    """A command that can be started again after it was stopped or killed.

    environment: all that the command sees (None: the parent's own). Start it from a thread that lives as long as the
    child should: the kernel ends it with that thread.
    """

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str] | None = None
    folder: Path | None = None
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def alive(self) -> bool:
        """Whether the process runs now."""
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self) -> int:
        """The id of the running process.

        Raises:
            DidNotStart: it was never started.
        """
        if self.process is None:
            raise DidNotStart(f"{self.name} was never started")
        return self.process.pid

    @property
    def exit_code(self) -> int | None:
        """How the last process ended (a signal as its negative number), None while it runs or before the first."""
        return None if self.process is None else self.process.poll()

    def start(self) -> None:
        """Starts the command in a session of its own, so that a Ctrl-C reaches the parent alone."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                die_with_parent(self.command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=None if self.environment is None else dict(self.environment),
                cwd=self.folder,
                start_new_session=True,
            )

    def await_ready(self, ready: Callable[[], bool], timeout: float) -> None:
        """Polls `ready` until it is true.

        Raises:
            DidNotStart: the process ended, or `timeout` seconds went by.
        """
        end = time.monotonic() + timeout
        while not ready():
            if not self.alive:
                raise DidNotStart(f"{self.name} ended while it started; its log ({self.log}) ends:\n{self.tail()}")
            if time.monotonic() > end:
                raise DidNotStart(
                    f"{self.name} was not ready in {timeout:.0f} s; its log ({self.log}) ends:\n{self.tail()}"
                )
            time.sleep(0.02)

    def terminate(self) -> None:
        """Asks the process to stop; returns at once."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def stop(self, grace: float = 15.0) -> None:
        """SIGTERM, `grace` seconds to finish, then SIGKILL to the whole session."""
        if self.process is None:
            return
        self.terminate()
        try:
            self.process.wait(grace)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """kill -9 of the process and of what it started."""
        if self.process is None:
            return
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def tail(self, lines: int = 15) -> str:
        """The last lines of the log."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])
