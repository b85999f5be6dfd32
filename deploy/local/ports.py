"""Ports of 127.0.0.1 for what is started here, each promised to one process tree until it is bound.

They lie below those that the kernel gives to outgoing connections: one of these would take a port between the choice
and the bind, or while a killed process is being started again.
"""

from __future__ import annotations

import fcntl
import itertools
import os
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

FIRST, LAST = 10_000, 26_000
BLOCK = 200
"""So many ports belong to one process at a time; those that it was given last are not given again before all others."""

_lock = threading.Lock()
_held: list[int] = []
_turn: Iterator[int] = iter(())


def free_ports(count: int) -> list[int]:
    """Different ports that nobody listens on now, at most 100 at a time.

    Raises:
        RuntimeError: none is left.
    """
    global _turn  # noqa: PLW0603 - one block a process, whoever asks
    with _lock:
        if not _held:
            _turn = itertools.cycle(_block())
        found: list[int] = []
        for port in itertools.islice(_turn, 2 * BLOCK):
            if port not in found and _is_free(port):
                found.append(port)
            if len(found) == count:
                return found
    raise RuntimeError(f"Fewer than {count} ports from {FIRST} to {LAST} are free.")


def free_port() -> int:
    """One port that nobody listens on now."""
    return free_ports(1)[0]


def in_use(port: int) -> bool:
    """Whether somebody listens on the port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _block() -> range:
    """Ports that no other process of this user gives away; held by a lock on a file as long as this process lives."""
    folder = Path(tempfile.gettempdir()) / f"throughline-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    for first in range(FIRST, LAST, BLOCK):
        handle = os.open(folder / str(first), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
        else:
            _held.append(handle)
            return range(first, first + BLOCK)
    raise RuntimeError(f"Every port from {FIRST} to {LAST} is promised to some process; {folder} names the blocks.")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
