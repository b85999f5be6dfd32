"""The whole system with two replicas a service: killed, stopped and healed by a test, judged when it stands still."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import nats
from nats.errors import Error as NatsError
from nats.js.errors import NotFoundError
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from deploy.local.system import SERVICES, System
from tests.faults.callers import Callers
from tests.faults.evidence import Evidence, gather, is_asked_for, records_of
from tests.faults.invariants import replayed, versions_unmoved, violations
from tests.faults.operations import Operations, Outcome

T = TypeVar("T")

QUIET_S = 240.0
_LOOK_S = 0.5


class Rig:
    """A system of its own and what callers did to it. replicas: by service, two of each when nothing is said."""

    def __init__(self, folder: Path, *, replicas: Mapping[str, int] | None = None) -> None:
        # A trace of every call would cost more than the calls.
        few = {"TL_TRACE_RATIO": "0.05"}
        self.system = System(folder, replicas={**(replicas or dict.fromkeys(SERVICES, 2)), "web": 0}, environment=few)
        self.operations = Operations(folder / "operations.jsonl")
        # A child dies with the thread that started it, so these live as long as the system.
        self._threads = ThreadPoolExecutor(max_workers=4)
        self._replayed: set[str] = set()

    @property
    def services(self) -> list[str]:
        """Those that run."""
        return list(self.system.replicas)

    def start(self) -> None:
        """Starts everything; nothing is left running when it fails."""
        self._threads.submit(self.system.start).result()

    def stop(self) -> None:
        """Ends everything at once."""
        self.system.abandon()
        self._threads.shutdown()
        self.operations.close()

    def callers(self) -> Callers:
        """Channels to everything; use as `async with`."""
        return Callers(self.system.addresses, self.system.keys, self.operations)

    async def beside(self, act: Callable[..., T], *arguments: Any) -> T:
        """Does something that blocks, beside the running loop; processes that it starts live on."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, act, *arguments)

    async def start_process(self, process: str, *, crash_at: str = "", ready: bool = True) -> None:
        """Starts a replica that is down. crash_at: "point:n", where it is to die.

        Raises:
            DidNotStart: it is to become ready, and did not.
        """
        child = self.system.children[process]
        crash = {"TL_CRASH_AT": crash_at} if crash_at else {}
        child.environment = {**self.system.environment(process), **crash}
        await self.beside(child.start)
        if ready:
            await self.beside(self.system.await_ready, process)

    def break_promise(self, process: str, how: str) -> None:
        """From its next start on the process breaks a promise in one of the ways of `sabotage`; in none with ""."""
        service = process.partition("-")[0]
        broken = ["tests.faults.sabotage", how, service] if how else [f"services.{service}.main"]
        self.system.children[process].command = [sys.executable, "-m", *broken]

    async def died(self, process: str, within_s: float) -> bool:
        """Waits until a replica has died by itself; False when it has not in time."""
        until = time.monotonic() + within_s
        while self.system.children[process].alive:
            if time.monotonic() > until:
                return False
            await asyncio.sleep(0.02)
        return True

    async def kill(self, process: str) -> None:
        """kill -9 of a replica."""
        await self.beside(self.system.kill, process)

    def send(self, process: str, number: signal.Signals) -> None:
        """Sends a signal to a replica, or to "mongod" or "nats-server"."""
        children = {**self.system.children, "mongod": self.system.mongod.child, "nats-server": self.system.nats.child}
        process_ = children[process].process
        assert process_ is not None, f"{process} does not run"
        process_.send_signal(number)

    async def heal(self) -> None:
        """Everything runs and is ready, without any plan to die."""
        for process, child in self.system.children.items():
            if not child.alive:
                await self.start_process(process)
            elif "TL_CRASH_AT" in (child.environment or {}):
                await self.beside(child.stop)
                await self.start_process(process)

    async def quiet(self, within_s: float = QUIET_S) -> float:
        """Waits until nothing is on its way any more; the seconds that it took.

        Raises:
            AssertionError: something still is, named.
        """
        began = time.monotonic()
        calm = 0
        left: Mapping[str, Any] = {}
        while calm < 3:
            try:
                left = await self._waiting()
            except (PyMongoError, NatsError, OSError) as error:
                left = {"stores": repr(error)}
            calm = 0 if left else calm + 1
            if time.monotonic() - began > within_s:
                raise AssertionError(f"not at rest after {within_s:.0f} s: {left}")
            await asyncio.sleep(_LOOK_S)
        return time.monotonic() - began

    def unsent(self) -> int:
        """How many events wait for the broker."""
        with MongoClient[dict[str, Any]](self.system.mongod.uri) as client:
            return sum(client[service]["journal"].count_documents({"state": "new"}) for service in self.services)

    async def evidence(self) -> Evidence:
        """What the stores hold."""
        return await gather(self.system.mongod.uri, self.system.nats.url, self.services)

    async def judge(self, callers: Callers) -> list[str]:
        """Heals, waits for rest and checks every invariant; the violations.

        What was acknowledged since the last judgement is asked for again: nothing may come of it.
        """
        began = time.monotonic()
        await self.heal()
        rested = await self.quiet()
        before = await self.evidence()
        found = violations(before, self.operations)
        found += await self._asked_again(callers, before)
        await self.quiet()
        found += versions_unmoved(before, await self.evidence())
        for service in self.services:
            verdict = await callers.verdict(service)
            if verdict:
                found.append(f"I7 {service} {verdict}")
        entries = sum(len(one) for kept in before.services.values() for one in kept.entries.values())
        took = time.monotonic() - began
        print(f"\nat rest after {rested:.0f} s, judged {entries} journal entries in {took - rested:.0f} s")
        return found

    async def _asked_again(self, callers: Callers, evidence: Evidence) -> list[str]:
        found: list[str] = []
        several = asyncio.Semaphore(8)

        async def ask(one: Any) -> None:
            async with several:
                answer = await callers.again(one)
            kept = evidence.services[one.service]
            found.extend(replayed(one, answer, kept))

        done = [one for one in self.operations if one.outcome is Outcome.OK and one.key not in self._replayed]
        await asyncio.gather(*(ask(one) for one in done))
        self._replayed.update(one.key for one in done)
        return found

    async def _waiting(self) -> dict[str, Any]:
        """What is still on its way, by what it is."""
        found: dict[str, Any] = {}
        with MongoClient[dict[str, Any]](self.system.mongod.uri, serverSelectionTimeoutMS=2000) as client:
            now = client.admin.command("hello")["localTime"]
            for service in self.services:
                database = client[service]
                waiting, due = {"outbox.0": {"$exists": True}}, {"due_at": {"$lte": now}}
                counts = {
                    "outboxes": sum(database[name].count_documents(waiting) for name in records_of(database)),
                    "unsent": database["journal"].count_documents({"state": "new"}),
                    "due": sum(is_asked_for(database, hint["_id"]) for hint in database["timers"].find(due)),
                    "facts not rolled up": database["facts"].count_documents({"state.stale.0": {"$exists": True}}),
                }
                found.update({f"{service} {what}": count for what, count in counts.items() if count})
        connection = await nats.connect(self.system.nats.url, connect_timeout=2, allow_reconnect=False)
        try:
            jetstream = connection.jetstream()
            for stream in (*self.services, "replay"):
                for one in await jetstream.consumers_info(stream):
                    if one.config.durable_name and (one.num_pending or one.num_ack_pending):
                        found[f"{stream} -> {one.name}"] = (one.num_pending, one.num_ack_pending)
        except NotFoundError as error:
            found["streams"] = repr(error)
        finally:
            await connection.close()
        return found
