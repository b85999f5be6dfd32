"""Faults of chance, each story by its seed alone: what tickets and outages tell, in which of two acts, and how.

A ticket may be given another priority, reopened, cancelled, laid to nobody; an outage overlaps others, is amended,
closed again with an earlier start, or taken back. Within an act everything is told out of order, and some of it twice.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from google.protobuf.duration_pb2 import Duration
from throughline.metrics.v1 import outage_pb2
from throughline.tickets.v1 import events_pb2, ticket_pb2

from services.runtime.bus import Bus
from services.runtime.journal import Entry
from tests.service.metrics.till import MONDAY, Till
from tests.service.sla.desk import DONE, OPEN, SHUT, WORK, Paper, stamp

WEDNESDAY = MONDAY + timedelta(days=2)
"""From then on the second versions of the models hold."""
GONE = ticket_pb2.TICKET_STATE_CANCELLED
OPENED, CLOSED = outage_pb2.OUTAGE_STATE_OPEN, outage_pb2.OUTAGE_STATE_CLOSED
RETRACTED = outage_pb2.OUTAGE_STATE_RETRACTED
ROOT = outage_pb2.OUTAGE_ORIGIN_ROOT
_NOT_TO_BLAME = (outage_pb2.OUTAGE_ORIGIN_SYMPTOMATIC, outage_pb2.OUTAGE_ORIGIN_UNDETERMINED)
_TIERS = [outage_pb2.ATTRIBUTION_TIER_A, outage_pb2.ATTRIBUTION_TIER_B, outage_pb2.ATTRIBUTION_TIER_C]
_NO_LOSS = (ticket_pb2.RESOLUTION_CODE_NO_FAULT, ticket_pb2.RESOLUTION_CODE_DUPLICATE)
_DAYS = 5 * 24 * 3600
_HOUR = timedelta(hours=1)


@dataclass
class Tale:
    """One story. acts: what is told in each of the two, each resource's events in their order."""

    seed: int
    paper: Callable[[str], Paper]
    till: Till
    acts: tuple[list[Entry], list[Entry]] = field(default_factory=lambda: ([], []))

    @property
    def shop(self) -> str:
        """The business service of this story, and its cost model."""
        return f"shop-{self.seed:04d}"

    @property
    def parts(self) -> tuple[str, str]:
        """The services of spans that it is made of."""
        return f"{self.shop}-api", f"{self.shop}-cart"

    def write(self, first: datetime, second: datetime) -> None:
        """Makes everything up. first, second: when the events of the two acts happen, where they are not imported."""
        rng = random.Random(self.seed)
        tickets = [self._ticket(rng, f"INC-{self.seed:04d}{number:02d}", first, second) for number in range(12)]
        for number in range(rng.randint(4, 8)):
            self._outage(rng, number, tickets, (first, second))

    async def tell(self, act: int, tickets: Bus) -> None:
        """Tells an act, shuffled by the seed; some events twice, under the same id or another."""
        rng = random.Random(f"{self.seed}/{act}")
        for bus, prefix in ((tickets, "tickets/"), (self.till.metrics, "outages/")):
            mine = [one for one in self.acts[act] if one.resource.startswith(prefix)]
            again = [replace(one, id=one.id + rng.choice(["", "~again"])) for one in mine if rng.random() < 0.2]
            told = [*mine, *again]
            rng.shuffle(told)
            if bus is tickets and rng.random() < 0.8:
                # The ledger's own order is tried by outages; a ticket's early events wait for whole seconds.
                told.sort(key=lambda one: one.sequence)
            for answer in await bus.publish(told):
                assert not isinstance(answer, Exception), answer

    def _ticket(self, rng: random.Random, number: str, first: datetime, second: datetime) -> Paper:
        """What a log brings happened when it says; what people do happens as the story is told, or is told late."""
        one = self.paper(number)
        imported, late, cut = rng.random() < 0.5, rng.random() < 0.3, rng.choice([0, 0, 1, 2, 3, 99, 99])
        at = MONDAY + timedelta(seconds=rng.randrange(_DAYS))
        service = rng.choice([f"services/{self.shop}", f"services/{self.shop}", "services/mail"])
        one.ticket = ticket_pb2.Ticket(
            name=one.name,
            type=ticket_pb2.TICKET_TYPE_INCIDENT,
            state=OPEN,
            service=service,
            team="teams/desk",
            unit="cn/east",
            importing=imported,
            open_time=stamp(at),
            impact=rng.randint(1, 3),
            priority=rng.randint(1, 4),
        )

        def event(kind: str, **changes: Any) -> None:
            act = 0 if len(one.told) < cut else 1
            now = at if imported else first if act == 0 or late else second
            self.acts[act].append(one.event(getattr(events_pb2, kind), now, **changes))

        event("TicketOpened")
        for again in range(rng.choice([0, 0, 1, 2]) + 1):
            if rng.random() < 0.4:
                event("TicketTriaged", impact=rng.randint(1, 3), priority=rng.randint(1, 4), state=WORK)
            at += timedelta(seconds=rng.randrange(1, 40_000))
            end = rng.random()
            if end < 0.1:
                event("TicketCancelled", state=GONE, update_time=stamp(at))
                break
            if end < 0.2:
                break
            code = rng.choice([*_NO_LOSS, *[ticket_pb2.RESOLUTION_CODE_FIXED] * 8])
            event("TicketResolved", state=DONE, resolve_time=stamp(at), resolution=ticket_pb2.Resolution(code=code))
            if rng.random() < 0.3:
                event("TicketClosed", state=SHUT, close_time=stamp(at + timedelta(days=1)))
            elif rng.random() < 0.5:
                one.ticket.ClearField("resolve_time")
                one.ticket.ClearField("resolution")
                at += timedelta(seconds=rng.randrange(1, 20_000))
                event("TicketReopened", state=WORK, reopens=again + 1)
                continue
            break
        return one

    def _outage(
        self, rng: random.Random, number: int, tickets: Sequence[Paper], when: tuple[datetime, datetime]
    ) -> None:
        """Words about one outage, each longer or otherwise counted than the one before."""
        begun = MONDAY + timedelta(minutes=rng.randrange(5 * 24 * 60))
        if rng.random() < 0.5:
            # So that many overlap.
            begun = rng.choice([MONDAY, WEDNESDAY]) + timedelta(minutes=rng.randrange(8 * 60))
        service = rng.choice(self.parts)
        one = outage_pb2.Outage(
            name=f"outages/{service}.{number:02d}",
            service=service,
            root_service=service,
            scope=outage_pb2.OutageScope(requests=100, requests_low=80, requests_high=130),
        )
        for named in rng.sample(tickets, rng.randint(0, 2)):
            one.tickets.add(ticket=named.name, tier=rng.choice(_TIERS))
        measured, cut = rng.random() < 0.2, rng.choice([0, 1, 2, 99])
        lasted = timedelta(minutes=rng.randrange(5, 300))
        states = [*[OPENED] * rng.randint(0, 3), rng.choice([OPENED, CLOSED, CLOSED, CLOSED, RETRACTED])]
        if states[-1] == CLOSED and rng.random() < 0.4:
            states.append(rng.choice([CLOSED, RETRACTED]))
        for place, state in enumerate(states):
            one.etag, one.state = f'"{place + 1}"', state
            one.origin = rng.choice([ROOT, ROOT, ROOT, ROOT, *_NOT_TO_BLAME])
            lasted += timedelta(minutes=rng.randrange(90))
            earlier = begun - timedelta(minutes=rng.randrange(30))
            if rng.random() < 0.3 and (earlier < WEDNESDAY) == (begun < WEDNESDAY):
                begun = earlier
            self._count(rng, one, begun, begun + lasted, measured=measured)
            # The second versions hold for what begins on Wednesday or later, and are approved between the acts.
            act = 0 if place < cut and begun < WEDNESDAY else 1
            self.acts[act].append(self.till.word(one, when[act]))

    @staticmethod
    def _count(rng: random.Random, one: outage_pb2.Outage, begun: datetime, end: datetime, *, measured: bool) -> None:
        one.start_time.CopyFrom(stamp(begun))
        one.ClearField("end_time")
        if one.state == CLOSED:
            one.end_time.CopyFrom(stamp(end))
        del one.hours[:]
        hour = begun.replace(minute=0)
        while hour < end:
            valid = float(rng.randrange(1, 900))
            row = one.hours.add(
                hour_time=stamp(hour),
                valid=valid,
                bad=float(rng.randrange(int(valid) + 1)),
                expected=rng.choice([0.0, rng.randrange(1, 900) + rng.random()]),
                duration=Duration(seconds=int((min(end, hour + _HOUR) - max(begun, hour)).total_seconds())),
            )
            if measured:
                row.recovered = float(rng.randrange(50))
            hour += _HOUR


def inputs_of(tales: Sequence[Tale], act: int) -> int:
    """How many inputs the ledger has after an act: each word of an outage, and of a ticket its ends and reopenings."""
    found: set[tuple[str, int]] = set()
    for entry in chain.from_iterable(one.acts[each] for one in tales for each in range(act + 1)):
        if entry.resource.startswith("outages/"):
            found.add((entry.resource, entry.sequence))
            continue
        reopens = events_pb2.TicketOpened.FromString(entry.data).ticket.reopens
        kind = entry.type.rpartition(".")[2]
        if kind == "TicketReopened":
            found.add((entry.resource, 2 * reopens))
        elif kind in ("TicketResolved", "TicketClosed", "TicketCancelled"):
            found.add((entry.resource, 2 * reopens + 1))
    return len(found)
