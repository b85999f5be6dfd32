"""A grpc.aio server behind the door: health as "live" and "ready", load shedding, a stop that fails no call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import grpc
import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health
from grpc_reflection.v1alpha import reflection

from services.runtime.door import Door

LIVE, READY = "live", "ready"
# Callers' channels watch this one: what is not ready still answers why, what is about to stop takes no new calls.
ACCEPTING = "accepting"
_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING

log = structlog.get_logger()


class Server:
    """Add servicers, start, set ready, stop.

    listen: "host:port", port 0 for any free one. max_calls: calls in flight beyond it are answered RESOURCE_EXHAUSTED
    at once. max_request_bytes: a longer request is answered RESOURCE_EXHAUSTED.
    """

    def __init__(
        self,
        door: Door,
        listen: str,
        *,
        max_calls: int = 512,
        max_request_bytes: int = 1_048_576,
        reflect: bool = False,
    ) -> None:
        options: list[tuple[str, Any]] = [
            # Connections end after five minutes, so that new replicas get their share of the load.
            ("grpc.max_connection_age_ms", 300_000),
            ("grpc.max_connection_age_grace_ms", 30_000),
            ("grpc.max_concurrent_streams", 256),
            ("grpc.max_receive_message_length", max_request_bytes),
            # Callers ping every 10 s, also between calls; a stricter server would call that an attack.
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
            # Two processes on one port would share its calls in silence.
            ("grpc.so_reuseport", 0),
        ]
        self._server = grpc.aio.server(interceptors=[door], options=options, maximum_concurrent_rpcs=max_calls)
        self._listen = listen
        self._reflect = reflect
        self._names: list[str] = []
        self._health = _Health()
        self._stopping = False
        self.port = 0

    def add(self, adder: Callable[[Any, grpc.aio.Server], None], servicer: Any) -> None:
        """Serves `servicer`; adder: the generated add_XServicer_to_server."""
        adder(servicer, self._server)
        self._names.extend(_served(servicer))

    async def start(self) -> int:
        """Listens, alive and not yet ready. Returns the port.

        Raises:
            OSError: when the address is in use, naming it.
        """
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        if self._reflect:
            names = [*self._names, health_pb2.DESCRIPTOR.services_by_name["Health"].full_name]
            reflection.enable_server_reflection([*names, reflection.SERVICE_NAME], self._server)
        await self._health.set(LIVE, _SERVING)
        await self._health.set(ACCEPTING, _SERVING)
        await self.set_ready(ready=False)
        try:
            self.port = self._server.add_insecure_port(self._listen)
        except RuntimeError as error:
            raise OSError(f"cannot listen on {self._listen}: it is in use or not an address of this machine") from error
        await self._server.start()
        return self.port

    async def set_ready(self, *, ready: bool) -> None:
        """Says whether calls may come; a server that stops never becomes ready again."""
        status = _SERVING if ready and not self._stopping else _NOT_SERVING
        for name in ("", READY):
            await self._health.set(name, status)

    async def stop(self, wait_seconds: float, grace_seconds: float) -> None:
        """Not ready, then serves on for `wait_seconds` until callers have turned away, then at most `grace_seconds`
        for the calls in flight.

        gRPC cancels calls that arrive while its server stops, hence the wait.
        """
        self._stopping = True
        await self._health.set(ACCEPTING, _NOT_SERVING)
        await self.set_ready(ready=False)
        await asyncio.sleep(wait_seconds)
        self._health.end_watches()
        await self._server.stop(grace_seconds)


class _Health(health.HealthServicer):
    """gRPC's own health service, whose watches can be ended: left open, each would hold the stop for all its grace."""

    def __init__(self) -> None:
        super().__init__()
        self._watching: set[asyncio.Task[None]] = set()

    async def Watch(self, request: health_pb2.HealthCheckRequest, context: Any) -> None:
        """Tells each change until the caller or the server ends it."""
        watch: asyncio.Task[None] = asyncio.ensure_future(super().Watch(request, context))
        self._watching.add(watch)
        try:
            await asyncio.wait({watch})
        finally:
            watch.cancel()
            self._watching.discard(watch)
        await context.abort(grpc.StatusCode.UNAVAILABLE, "the server stops")

    def end_watches(self) -> None:
        """Ends all watches."""
        for watch in self._watching:
            watch.cancel()


def _served(servicer: Any) -> list[str]:
    """The full names of the services that a generated servicer's class stands for."""
    names = []
    for kind in type(servicer).__mro__:
        module = kind.__module__
        if module.endswith("_pb2_grpc") and kind.__name__.endswith("Servicer"):
            package = module.rpartition(".")[0]
            names.append(f"{package}.{kind.__name__.removesuffix('Servicer')}")
    return names
