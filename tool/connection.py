"""Where the running system is, and calls to it as an operator; a call waits for a service that is away."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from copy import copy
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import grpc
import typer

from deploy.local import running
from services.runtime.actor import Actor
from services.runtime.client import acting, refusal_of, sync_channel
from services.runtime.identity import Keys
from services.runtime.refusal import Kind, Refusal

T = TypeVar("T")

OPERATOR = Actor("people/tl", frozenset({"operator"}))
PATIENCE = timedelta(minutes=5)
_WAITS = (0.2, 5.0)
_LARGEST = 16 * 1024 * 1024
_AGAIN = frozenset({Kind.UNAVAILABLE, Kind.EXHAUSTED, Kind.CONFLICT})


class Connection:
    """Channels to the services. actor: in whose name; patience: how long a call is tried again."""

    def __init__(
        self, addresses: dict[str, str], keys: Path, actor: Actor = OPERATOR, patience: timedelta = PATIENCE
    ) -> None:
        self.addresses = addresses
        self.actor = actor
        self.patience = patience
        self._keys = Keys(keys, "tl")
        self._channels: dict[str, grpc.Channel] = {}

    def acting_as(self, actor: Actor) -> Connection:
        """The same channels in another person's name."""
        other = copy(self)
        other.actor = actor
        return other

    def stub(self, service: str, make: Callable[[grpc.Channel], T]) -> T:
        """A stub of a service; make: the generated Stub class."""
        if service not in self.addresses:
            raise typer.BadParameter(f"No address for {service}; set TL_ADDRESSES__{service.upper()}.")
        if service not in self._channels:
            self._channels[service] = sync_channel(
                self.addresses[service], service, self._keys, max_receive_bytes=_LARGEST
            )
        return make(self._channels[service])

    def call(self, method: Callable[..., T], request: Any, *, timeout: float = 10.0) -> T:
        """One call; tried again while its service is away. Safe, because every change carries its cause.

        Raises:
            Refusal: the service refused, or was away for longer than the patience.
        """
        until = time.monotonic() + self.patience.total_seconds()
        wait, longest = _WAITS
        while True:
            try:
                # The assertion lives for a minute, so each try signs its own.
                with acting(self._keys.sign_person(self.actor)):
                    return method(request, timeout=timeout)
            except grpc.RpcError as error:
                refusal = refusal_of(error)
                if refusal.kind not in _AGAIN or time.monotonic() + wait > until:
                    raise refusal from error
            time.sleep(wait)
            wait = min(wait * 2, longest)

    def parts(self, method: Callable[..., Any], request: Any, *, timeout: float) -> Any:
        """An answer in parts, begun in the actor's name; whoever reads on gets gRPC's own errors."""
        with acting(self._keys.sign_person(self.actor)):
            return method(request, timeout=timeout)

    def close(self) -> None:
        """Closes the channels."""
        for channel in self._channels.values():
            channel.close()


def connect(actor: Actor = OPERATOR) -> Connection:
    """The system that TL_ settings name, else the one that `make run` keeps running in this tree.

    Raises:
        typer.Exit: there is none; says what to do.
    """
    settings = dict(os.environ)
    if "TL_KEYS_DIR" not in settings:
        found = running.find()
        if found is None:
            typer.echo(
                "Nothing runs here. `make run` starts it; or set TL_KEYS_DIR and TL_ADDRESSES__<SERVICE>.", err=True
            )
            raise typer.Exit(2)
        settings.update(found.settings)
    prefix = "TL_ADDRESSES__"
    addresses = {name.removeprefix(prefix).lower(): at for name, at in settings.items() if name.startswith(prefix)}
    return Connection(addresses, Path(settings["TL_KEYS_DIR"]), actor)


def fail(refusal: Refusal) -> typer.Exit:
    """Prints a refusal with its way out, and the exit that goes with it."""
    where = f" ({refusal.field})" if refusal.field else ""
    typer.echo(f"{refusal.reason}{where}: {refusal.message}", err=True)
    return typer.Exit(1)
