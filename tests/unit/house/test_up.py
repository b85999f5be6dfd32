"""What `make run` says when it cannot start, and where it finds what runs."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from deploy.local import running, up
from deploy.local.process import Child, DidNotStart


def test_a_port_in_use_is_named_with_the_variable_that_moves_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody listens already: the message has the port and TL_PORT_WEB."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        monkeypatch.setenv("TL_PORT_WEB", str(port))

        with pytest.raises(SystemExit, match=rf"Port {port} \(web\) is in use; .*TL_PORT_WEB="):
            up.ports()


def test_a_variable_that_holds_no_port_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A word, a zero and a number too large are refused alike."""
    for text in ("web", "0", "70000"):
        monkeypatch.setenv("TL_PORT_WEB", text)

        with pytest.raises(SystemExit, match=f"TL_PORT_WEB holds '{text}', which is no port"):
            up.ports()


def test_a_process_that_ends_while_it_starts_shows_the_end_of_its_log(tmp_path: Path) -> None:
    """The reason stands in the message, not only in a file."""
    child = Child("doomed", ["sh", "-c", "echo no key found; exit 3"], tmp_path / "doomed.log")
    child.start()

    with pytest.raises(DidNotStart, match=r"doomed ended while it started(?s:.*)no key found"):
        child.await_ready(lambda: False, 10)


def test_a_stopped_process_that_will_not_listen_is_killed(tmp_path: Path) -> None:
    """SIGTERM first; after the grace nothing is left of it."""
    child = Child("deaf", ["sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.1; done"], tmp_path / "deaf.log")
    child.start()
    child.await_ready(lambda: child.tail() == "up", 10)
    child.stop(grace=0.3)

    assert not child.alive


def test_what_is_left_of_a_dead_run_is_not_taken_for_a_running_one(tmp_path: Path) -> None:
    """A process id that means another process by now is no running system."""
    state = tmp_path / "run.json"
    running.Running(os.getpid(), "http://127.0.0.1:1", {}).write(state)

    assert running.find(state) is None
    assert running.find(tmp_path / "absent.json") is None
