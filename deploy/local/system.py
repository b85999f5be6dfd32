"""The whole system on this machine: both stores and every service as its own process, for `make run` and for tests."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2

from deploy.local.ports import free_ports
from deploy.local.process import Child
from deploy.local.servers import ROOT, Mongod, Nats

SERVICES = ("tickets", "sla", "knowledge", "changes", "metrics", "portal")
WEB = "web"
READY_SECONDS = 90.0
WEB_COMMAND = (
    *("-m", "gunicorn", "services.portal.web:create_app()", "--no-control-socket"),
    *("--worker-class", "gthread", "--workers", "2", "--threads", "16", "--graceful-timeout", "10"),
)


class System:
    """Both stores, the six services and the portal's web process under one folder.

    folder: holds data, keys and logs. ports: by name (mongo, nats, web, a service, or metrics-<process>); the rest are
    free ones; "otlp" is where spans come in over HTTP. replicas: how many processes a service has (one; with
    none it is left out, "web" too). environment: more settings for every service; pages: for the web process alone;
    senders: who else may send spans, a secret each by name, with none anybody may. The processes are named tickets,
    tickets-2, ..., portal, web.
    """

    def __init__(
        self,
        folder: Path,
        *,
        ports: Mapping[str, int] | None = None,
        replicas: Mapping[str, int] | None = None,
        environment: Mapping[str, str] | None = None,
        pages: Mapping[str, str] | None = None,
        senders: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.keys = folder / "keys"
        self.logs = folder / "log"
        wanted = {service: (replicas or {}).get(service, 1) for service in (*SERVICES, WEB)}
        served = [WEB] if wanted.pop(WEB) else []
        self.replicas = {
            service: [service, *(f"{service}-{n}" for n in range(2, count + 1))]
            for service, count in wanted.items()
            if count
        }
        self._more = dict(environment or {})
        self._pages = dict(pages or {})
        self._senders = dict(senders or {})
        processes = [process for names in self.replicas.values() for process in names]
        named = ["mongo", "nats", WEB, "otlp", *processes, *(f"metrics-{process}" for process in [*processes, WEB])]
        self.ports = dict(zip(named, free_ports(len(named)), strict=True)) | dict(ports or {})
        self.mongod = Mongod(folder / "mongo", self.ports["mongo"], log=self.logs / "mongod.log")
        self.nats = Nats(folder / "nats", self.ports["nats"], log=self.logs / "nats-server.log")
        self.children = {process: self._child(process) for process in [*processes, *served]}

    @property
    def web_url(self) -> str:
        """Where a person goes."""
        return f"http://127.0.0.1:{self.ports[WEB]}"

    @property
    def otlp_url(self) -> str:
        """Where spans go by OTLP over HTTP; by gRPC they go where calls to metrics do."""
        return f"http://127.0.0.1:{self.ports['otlp']}/v1/traces"

    @property
    def addresses(self) -> dict[str, str]:
        """The gRPC target of each service; with replicas it names them all."""
        return {service: _target(self.ports[process] for process in names) for service, names in self.replicas.items()}

    def settings(self) -> dict[str, str]:
        """The TL_ settings that all share: for one more service beside these, or a tool that speaks to them."""
        calls = {f"TL_ADDRESSES__{name.upper()}": target for name, target in self.addresses.items()}
        if "metrics" in self.replicas:
            calls["TL_OTLP_ENDPOINT"] = f"127.0.0.1:{self.ports['metrics']}"
        return calls | {
            "TL_MONGO_URI": self.mongod.uri,
            "TL_NATS_URL": self.nats.url,
            "TL_KEYS_DIR": str(self.keys),
            "TL_BUS_MANAGE": "true",
        }

    def environment(self, process: str) -> dict[str, str]:
        """All that a process sees: this machine's environment less our own names, then its settings."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("TL_")}
        own = {"PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "proto" / "gen"))), "PYTHONUNBUFFERED": "1"}
        if process in self.ports:
            own["TL_LISTEN"] = f"127.0.0.1:{self.ports[process]}"
            own["TL_METRICS_LISTEN"] = f"127.0.0.1:{self.ports[f'metrics-{process}']}"
        if process == "metrics":
            own["TL_OTLP_HTTP_LISTEN"] = f"127.0.0.1:{self.ports['otlp']}"
        if process.partition("-")[0] == "metrics" and self._senders:
            own["TL_OTLP_SENDERS"] = json.dumps(self._senders)
        return inherited | own | self.settings() | self._more | (self._pages if process == WEB else {})

    def start(self) -> None:
        """Starts the stores, makes the keys the first time, starts every process and waits until all are ready.

        Raises:
            DidNotStart: one of them was not; nothing is left running.
        """
        try:
            self.mongod.start()
            self.nats.start()
            self.make_keys()
            for child in self.children.values():
                child.start()
            for process in self.children:
                self.await_ready(process)
        except BaseException:
            self.abandon()
            raise

    def make_keys(self) -> None:
        """A key pair for each service, once."""
        if not (self.keys / "public.jwks.json").exists():
            self.run("services.runtime.identity", "make", str(self.keys))

    def await_ready(self, process: str) -> None:
        """Waits until a process that was started serves.

        Raises:
            DidNotStart: it ended, or 90 s went by.
        """
        port = self.ports[process]
        ready = (lambda: _answers_http(port)) if process == WEB else (lambda: _serves(port))
        self.children[process].await_ready(ready, READY_SECONDS)

    def run(self, module: str, *arguments: str) -> None:
        """Runs a module of ours to its end with the settings of the system; its output goes to ours.

        Raises:
            subprocess.CalledProcessError: it failed.
        """
        subprocess.run(
            [sys.executable, "-m", module, *arguments],
            env=self.environment("tool"),
            check=True,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
        )

    def kill(self, process: str) -> None:
        """kill -9 of one process."""
        self.children[process].kill()

    def restart(self, process: str) -> None:
        """Stops a process when it still runs, starts it again and waits until it serves."""
        self.children[process].stop()
        self.children[process].start()
        self.await_ready(process)

    def stop(self) -> None:
        """Stops in reverse order: the pages, the services, the bus, the database; a process gets 15 s to finish."""
        if WEB in self.children:
            self.children[WEB].stop()
        services = [child for process, child in self.children.items() if process != WEB]
        for child in services:
            child.terminate()
        for child in services:
            child.stop()
        self.nats.stop()
        self.mongod.stop()

    def abandon(self) -> None:
        """kill -9 of everything, stores too."""
        for child in self.children.values():
            child.kill()
        self.nats.kill()
        self.mongod.kill()

    def _child(self, process: str) -> Child:
        if process == WEB:
            command = [sys.executable, *WEB_COMMAND, "--bind", f"127.0.0.1:{self.ports[WEB]}"]
        else:
            command = [sys.executable, "-m", f"services.{process.partition('-')[0]}.main"]
        return Child(process, command, self.logs / f"{process}.log", self.environment(process), folder=ROOT)


def _target(ports: Iterable[int]) -> str:
    """One gRPC target; ipv4: takes a list, over which the client's policy spreads its calls."""
    hosts = [f"127.0.0.1:{port}" for port in ports]
    return hosts[0] if len(hosts) == 1 else f"ipv4:{','.join(hosts)}"


def _serves(port: int) -> bool:
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.enable_http_proxy", 0)]) as channel:
        check = channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )
        try:
            answer = check(health_pb2.HealthCheckRequest(service="ready"), timeout=1)
        except grpc.RpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def _answers_http(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status < http.HTTPStatus.INTERNAL_SERVER_ERROR
    except OSError:
        return False
    finally:
        connection.close()
