"""Who is told, as the tests see it: calls to EscalationService, the portal's people, and what the journal says."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from pymongo.asynchronous.database import AsyncDatabase
from throughline.portal.v1 import events_pb2 as portal_events
from throughline.portal.v1 import people_pb2
from throughline.sla.v1 import escalation_events_pb2 as events_pb2
from throughline.sla.v1 import escalation_pb2, sla_pb2
from throughline.sla.v1 import escalation_service_pb2 as pb
from throughline.sla.v1.escalation_service_pb2_grpc import EscalationServiceStub

from services.runtime.actor import Actor
from services.runtime.bus import Bus
from services.runtime.client import acting, refusal_of
from services.runtime.journal import Entry
from services.runtime.refusal import Refusal
from tests.service.sla.desk import BEN, RESOLUTION, ROOT, Desk, now, seconds

LEAD = Actor("people/mei", frozenset({"lead"}), unit="cn/east")
ONCE = Actor("people/tang", frozenset({"agent"}), unit="cn/north")
PEOPLE = {BEN.sub: "Ben Zhao", LEAD.sub: "Mei Lin", ONCE.sub: "Tang Wei"}
WALL, BUSINESS, PERCENT = (
    escalation_pb2.STEP_MEASURE_WALL_MINUTES,
    escalation_pb2.STEP_MEASURE_BUSINESS_MINUTES,
    escalation_pb2.STEP_MEASURE_PERCENT,
)
ASSIGNEE, LEADS, TEAM, ON_CALL, PERSON = (
    escalation_pb2.RECIPIENT_KIND_ASSIGNEE,
    escalation_pb2.RECIPIENT_KIND_LEAD,
    escalation_pb2.RECIPIENT_KIND_TEAM,
    escalation_pb2.RECIPIENT_KIND_ON_CALL,
    escalation_pb2.RECIPIENT_KIND_PERSON,
)


class Alarm:
    """Calls the EscalationService of one replica, and reads what was told."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._stub = EscalationServiceStub(desk.channel)

    async def ask(self, actor: Actor, method: str, **fields: Any) -> Any:
        """Calls a method as the actor; a request_id is made up unless one is given."""
        request = getattr(pb, f"{method}Request")(**fields)
        if "request_id" in request.DESCRIPTOR.fields_by_name and not request.request_id:
            request.request_id = str(uuid.uuid4())
        with acting(self.desk.sign(actor)):
            return await getattr(self._stub, method)(request, timeout=9)

    async def refused(self, actor: Actor, method: str, **fields: Any) -> Refusal:
        """Calls a method that must be refused; why it was."""
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await self.ask(actor, method, **fields)
        return refusal_of(caught.value)

    async def chain(self, ticket: str, until: Callable[[Any], bool] = bool, *, actor: Actor = BEN) -> Any:
        """The chain of a ticket as soon as it is as wanted; fails after half a minute, showing it."""
        found: Any = None
        for _ in range(1200):
            try:
                found = await self.ask(actor, "GetEscalation", ticket=ticket)
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.NOT_FOUND:
                    raise
            if found is not None and until(found):
                return found
            await asyncio.sleep(0.025)
        raise AssertionError(f"not as wanted: {found}")

    async def promise(self, length: float, **fields: Any) -> None:
        """Promises every ticket a solution within so many seconds, around the clock."""
        await self.desk.calendar("always", "UTC")
        target = sla_pb2.Target(kind=RESOLUTION, duration=seconds(length), **fields)
        await self.desk.policy("all", "always", target)

    async def plan(self, name: str, *steps: escalation_pb2.EscalationStep, order: int = 10, **fields: Any) -> Any:
        """Publishes a plan."""
        plan = escalation_pb2.EscalationPlan(name=f"escalationPlans/{name}", order=order, steps=steps, **fields)
        return await self.ask(ROOT, "PublishEscalationPlan", plan=plan)

    async def known(self, bus: Bus, *actors: Actor) -> None:
        """The portal tells of people and of the team that Mei leads, and the service has heard it."""
        messages: list[tuple[str, Message]] = [
            (actor.sub, portal_events.PersonChanged(person=person(actor))) for actor in actors or (BEN, LEAD, ONCE)
        ]
        team = people_pb2.Team(name="teams/desk", display_names={"en": "Desk"}, lead=LEAD.sub)
        await told(bus, *messages, (team.name, portal_events.TeamChanged(team=team)))
        for _ in range(400):
            heard = await self.desk.run.db["people"].count_documents({})
            if heard >= len(messages) and await self.desk.run.db["teams"].count_documents({}):
                return
            await asyncio.sleep(0.025)
        raise AssertionError("the service did not hear of people")


def person(actor: Actor, *, disabled: bool = False) -> people_pb2.Person:
    """A person as the portal tells of him."""
    return people_pb2.Person(
        name=actor.sub,
        display_name=PEOPLE.get(actor.sub, actor.sub),
        roles=sorted(actor.roles),
        teams=["teams/desk"],
        disabled=disabled,
    )


async def told(bus: Bus, *messages: tuple[str, Message], sequence: int = 1) -> None:
    """Publishes events of the portal, each about a resource, as its `sequence`-th."""
    entries = [
        Entry(
            id=f"{resource}/{sequence}/0~1",
            resource=resource,
            version=sequence,
            n=0,
            sequence=sequence,
            type=message.DESCRIPTOR.full_name,
            cause=str(uuid.uuid4()),
            actor=ROOT.sub,
            behalf="",
            time=now(),
            recorded_at=now(),
            traceparent="",
            data=message.SerializeToString(deterministic=True),
            salt=b"",
            digest=b"",
            prev=b"",
            hash=b"",
        )
        for resource, message in messages
    ]
    # The service declares the stream a moment after it is ready.
    for _ in range(100):
        if not any(isinstance(answer, Exception) for answer in await bus.publish(entries)):
            return
        await asyncio.sleep(0.1)
    raise AssertionError("there is no stream of the portal")


def step(amount: int, measure: Any = PERCENT, *to: Any, **fields: Any) -> escalation_pb2.EscalationStep:
    """A step of the resolution clock for recipients given as kinds or (kind, name)."""
    recipients = [
        escalation_pb2.StepRecipient(kind=one[0], name=one[1])
        if isinstance(one, tuple)
        else escalation_pb2.StepRecipient(kind=one)
        for one in to or (LEADS,)
    ]
    given = {"clock": RESOLUTION, **fields}
    return escalation_pb2.EscalationStep(measure=measure, amount=amount, recipients=recipients, **given)


async def steps_told(db: AsyncDatabase[dict[str, Any]], ticket: str) -> list[escalation_pb2.ReachedStep]:
    """The steps that were told of a ticket, in the order of the journal."""
    return [
        events_pb2.EscalationStepReached.FromString(entry.data).step
        for entry in await entries(db, "escalations", f"escalations/{ticket.partition('/')[2]}")
        if entry.type.endswith("EscalationStepReached")
    ]


async def entries(db: AsyncDatabase[dict[str, Any]], collection: str, resource: str) -> list[Entry]:
    """The published events of a resource, once its outbox is empty."""
    for _ in range(400):
        if not await db[collection].count_documents({"_id": resource, "outbox.0": {"$exists": True}}):
            break
        await asyncio.sleep(0.025)
    found = db["journal"].find({"resource": resource, "type": {"$exists": True}})
    return [Entry.from_document(one) async for one in found.sort([("version", 1), ("n", 1)])]


def names(steps: Iterable[escalation_pb2.ReachedStep]) -> list[list[str]]:
    """Whom each step reached."""
    return [[to.name for to in one.recipients if to.name] for one in steps]


async def until(moment: datetime) -> None:
    """Waits until a moment has passed."""
    await asyncio.sleep(max(0.0, (moment - now()).total_seconds()))
