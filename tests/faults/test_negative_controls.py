"""The rig is not blind: each thing that the invariants forbid is done to the stores by hand, and each is named."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import nats
import pytest
from pymongo import MongoClient
from pymongo.database import Database
from throughline.tickets.v1.events_pb2 import TicketOpened

from tests.faults.callers import Callers
from tests.faults.evidence import AWARE
from tests.faults.invariants import shown, violations
from tests.faults.load import load
from tests.faults.operations import Operation, Outcome
from tests.faults.rig import Rig

SEED = 44

Documents = dict[str, Any]


@pytest.mark.timeout(1200)
async def test_the_rig_sees(rig: Rig) -> None:
    """After a clean judgement each sabotage is named by the invariant that it breaks, and undone again."""
    async with rig.callers() as callers:
        async with load(callers, SEED):
            await asyncio.sleep(12)
        found = await rig.judge(callers)
        assert not found, shown(found)
        with MongoClient[Documents](rig.system.mongod.uri) as client:
            tickets, sla, metrics = (client.get_database(name, AWARE) for name in ("tickets", "sla", "metrics"))
            one = _commented(rig, tickets)

            with _without(tickets, "journal", {"resource": one.resource, "version": 2}):
                await _names(rig, f"I3 tickets {one.resource}: entry (3, 0) stands where (2, 0) must")
                await _verdict(callers, "tickets", f"{one.resource}/")

            entry = {"resource": one.resource, "version": 1, "n": 0}
            with _changed(tickets, "journal", entry, {"actor": "people/eve"}):
                await _verdict(callers, "tickets", f"{one.resource}/1/0~1: a field of the entry was changed")
            with _changed(tickets, "journal", entry, {"data": _another(tickets, entry)}):
                await _verdict(callers, "tickets", f"{one.resource}/1/0~1: the data is not what was recorded")
                await _names(rig, f"I3 tickets {one.resource}/1/0~1: the stream says something else")

            with _without(tickets, "tickets", {"_id": one.resource}):
                await _names(rig, f"I3 tickets {one.resource}: ", "entries and no document")
                await _verdict(callers, "tickets", "the journal has entries of a resource that has no document")

            clocks = f"clocks/{one.resource.partition('/')[2]}"
            with _changed(sla, "clocks", {"_id": clocks}, {"state.trail": []}):
                await _names(rig, f"I4 sla {clocks}: trail is []")
            with _without(sla, "clocks", {"_id": clocks}):
                await _names(rig, f"I4 sla {clocks} is missing")

            fact = f"facts/{one.resource.partition('/')[2]}"
            with _changed(metrics, "facts", {"_id": fact}, {"state.reassignments": 99}):
                await _names(rig, f"I4 metrics {fact}: reassignments is 99")

            fired = sla["journal"].find_one({"cause": {"$regex": "^due/"}, "n": 0})
            assert fired is not None
            early = {"time": fired["time"] - timedelta(minutes=1)}
            with _changed(sla, "journal", {"_id": fired["_id"]}, early):
                await _names(rig, f"I5 sla {fired['cause']}: fired early")

            with _applied_twice(tickets, one):
                await callers.again(one)
                await rig.quiet()
                await _names(rig, f"{one.cause} on {one.resource} (ok): applied twice")
                await _names(rig, f"I3 tickets {one.resource}: applied twice")

        await _publish(rig, "tickets/INC-999999/1/0~1")
        await rig.quiet()
        await _names(rig, "I3 tickets tickets/INC-999999/1/0~1: on the stream and not in the journal")
        await _names(rig, "parked: sla: throughline.tickets.v1.TicketOpened", "BAD_ENVELOPE")
        lost = Operation("nobody", "tickets", "AddComment", "people/ben", "CommentAdded", {}, "", one.resource)
        lost.outcome = Outcome.OK
        rig.operations.note(lost)
        await _names(rig, "I1 tickets AddComment people/ben/nobody", "acknowledged and lost")


def _commented(rig: Rig, tickets: Database[Documents]) -> Operation:
    """A comment on a ticket that has come further since."""
    for one in rig.operations:
        if one.method == "AddComment":
            kept = tickets["tickets"].find_one({"_id": one.resource})
            if kept is not None and kept["version"] >= 3:
                return one
    raise AssertionError("the load wrote no such comment")


def _another(tickets: Database[Documents], entry: Documents) -> bytes:
    """An event that could have been told instead of the one in the entry."""
    kept = tickets["journal"].find_one(entry)
    assert kept is not None
    event = TicketOpened.FromString(kept["data"])
    event.ticket.description = "something else"
    return event.SerializeToString(deterministic=True)


async def _names(rig: Rig, *words: str) -> None:
    found = violations(await rig.evidence(), rig.operations)
    assert any(all(word in one for word in words) for one in found), f"{words} not in {shown(found)}"


async def _verdict(callers: Callers, service: str, words: str) -> None:
    verdict = await callers.verdict(service)
    assert words in verdict, f"{words!r} not in {verdict!r}"


@contextmanager
def _without(database: Database[Documents], collection: str, where: Documents) -> Iterator[None]:
    kept = list(database[collection].find(where))
    assert kept
    database[collection].delete_many(where)
    yield
    database[collection].insert_many(kept)


@contextmanager
def _changed(database: Database[Documents], collection: str, where: Documents, fields: Documents) -> Iterator[None]:
    kept = database[collection].find_one(where)
    assert kept is not None
    database[collection].update_one({"_id": kept["_id"]}, {"$set": fields})
    yield
    database[collection].replace_one({"_id": kept["_id"]}, kept)


@contextmanager
def _applied_twice(tickets: Database[Documents], one: Operation) -> Iterator[None]:
    """What remembers causes is taken away: the document forgets them, and the journal takes one twice."""
    tickets["journal"].drop_index("resource_1_cause_1_n_1")
    tickets["tickets"].update_one({"_id": one.resource}, {"$set": {"causes": []}})
    yield


async def _publish(rig: Rig, message_id: str) -> None:
    """Something that no service has told, on a service's stream."""
    client = await nats.connect(rig.system.nats.url)
    subject = "throughline.tickets.v1.TicketOpened"
    await client.jetstream().publish(subject, b"", headers={"Nats-Msg-Id": message_id}, stream="tickets")
    await client.close()
