"""What the consumers must hold: computed anew from the journals of those whom they heard, by their own handlers.

The documents went through replicas that died, redeliveries and gaps; here each event is taken once, in order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import bson
from google.protobuf.message import Message
from pymongo import AsyncMongoClient

from services.metrics import events as metrics_events
from services.metrics.rules.books import Books
from services.metrics.store.bookings import BOOKINGS
from services.metrics.store.cost_models import COST_MODELS
from services.metrics.store.facts import FACTS
from services.metrics.store.intake import INPUTS, Line
from services.metrics.store.ledger import ENTRIES
from services.runtime.binding import Heard, decode, encode
from services.runtime.journal import Entry, Journal
from services.runtime.listener import Handler
from services.runtime.records import Kind, Records
from services.runtime.timers import Due
from services.sla import events as sla_events
from services.sla import timer
from services.sla.rules.book import Book
from services.sla.rules.publication import bound
from services.sla.store import CALENDARS, CLOCKS, PEOPLE, PLANS, POLICIES, ROTAS, TEAMS, Roster, Shelf
from tests.faults.evidence import AWARE, DUE, Evidence, Kept, due_of

# Which cells are still to be rolled up says nothing about a fact, and how often it changed depends on which of its two
# streams came first. In which order the bookkeeper took what several tickets told is its own to choose.
_PASSING = {"facts": ("stale", "revision"), "bookings": ("seq",)}

Handlers = Mapping[type[Message], Handler]


@dataclass
class Bench:
    """States of one service, turned by its own handlers without any store."""

    service: str
    states: dict[str, Any] = field(default_factory=dict)
    causes: dict[str, list[str]] = field(default_factory=dict)
    told: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    _follows: dict[tuple[str, str], int] = field(default_factory=dict)

    def hear(self, entry: Entry, handlers: Handlers) -> None:
        """Takes one entry of another journal as an event, if the service hears such."""
        registry = {kind.DESCRIPTOR.full_name: kind for kind in handlers}
        if entry.type not in registry:
            return
        _, payload, headers = encode(entry)
        event: Heard[Any] = decode(headers, payload, registry, self.service)
        for change in handlers[registry[entry.type]](event):
            if change.follow is not None:
                key = (change.name, change.follow.resource)
                last = self._follows.get(key, 0)
                if change.follow.fold and change.follow.sequence > last + 1:
                    self.faults.append(f"{change.name} cannot take {change.follow} after {last}")
                if change.follow.sequence <= last:
                    continue
                self._follows[key] = change.follow.sequence
            self.decide(change.records.kind, change.name, change.cause.id, change.decide)

    def decide(self, kind: Kind[Any], name: str, cause: str, decide: Any) -> None:
        """Takes one decision, and keeps the state as it comes back from a store that keeps milliseconds."""
        state, events = decide(self.states.get(name))
        self.states[name] = kind.decode(document(kind, state))
        self.causes.setdefault(name, []).append(cause)
        self.told[name] = self.told.get(name, 0) + len(events)

    def wrong(self, kind: Kind[Any], kept: Kept, *, in_order: bool) -> Iterator[str]:
        """What the documents and journals of one kind differ in. in_order: the causes came in one known order."""
        held = {name: one for name, one in kept.documents.items() if one["collection"] == kind.collection}
        prefix = f"{kind.prefix or kind.collection}/"
        for name in sorted(held.keys() | {one for one in self.states if one.startswith(prefix)}):
            if name not in held or name not in self.states:
                yield f"{name} is {'missing' if name in self.states else 'there for no event'}"
                continue
            entries = kept.entries.get(name, [])
            taken, wanted = [one.cause for one in entries if not one.n], self.causes[name]
            if sorted(taken) != sorted(wanted) or (in_order and taken != wanted):
                yield f"{name} took {_difference(taken, wanted)}"
            if sum(bool(one.type) for one in entries) != self.told[name]:
                yield f"{name} told {sum(bool(one.type) for one in entries)} events, not {self.told[name]}"
            expected, found = document(kind, self.states[name]), held[name]["state"]
            for key in sorted((expected.keys() | found.keys()) - {*_PASSING.get(kind.collection, ())}):
                if expected.get(key) != found.get(key):
                    yield f"{name}: {key} is {found.get(key)!r}, not {expected.get(key)!r}"


def wrong_clocks(evidence: Evidence) -> Iterator[str]:
    """What of sla's clocks differs from the tickets' events in their order, fired as sla's journal says."""
    kept = evidence.services["sla"]
    shelf = Shelf(_records(POLICIES), _records(CALENDARS))
    shelf.book = _book(kept)
    # Nobody in these stories is a VIP, so that the directory may stay empty.
    roster = Roster(_records(PLANS), _records(ROTAS), _records(PEOPLE), _records(TEAMS))
    handlers = sla_events.handlers(_records(CLOCKS), shelf, roster)
    bench = Bench("sla")
    for ticket, events in evidence.entries_of("tickets", "tickets/").items():
        name = f"clocks/{ticket.partition('/')[2]}"
        due = _after(kept.entries.get(name, []))
        _fire(bench, due.pop("", []))
        for event in events:
            bench.hear(event, handlers)
            # When a timer found its moment is the journal's to say, what it makes of the clocks is not.
            _fire(bench, due.pop(event.id, []))
    yield from bench.faults
    yield from bench.wrong(CLOCKS, kept, in_order=True)


def wrong_facts(evidence: Evidence) -> Iterator[str]:
    """What of the facts and the ledger differs from all events of a ticket, then all of its clocks, then all entries
    that the bookings told: the streams may have come in any order.
    """
    kept = evidence.services["metrics"]
    facts, entries, inputs = _records(FACTS), _records(ENTRIES), _records(INPUTS)
    booked = metrics_events.ledger_changes(inputs)
    heard: tuple[tuple[dict[str, list[Entry]], Handlers], ...] = (
        (evidence.entries_of("tickets", "tickets/"), metrics_events.ticket_handlers(facts, booked)),
        (evidence.entries_of("sla", "clocks/"), metrics_events.clock_handlers(facts)),
        (evidence.entries_of("metrics", "bookings/"), metrics_events.entry_handlers(entries, inputs)),
    )
    bench = Bench("metrics")
    for journal, handlers in heard:
        for events in journal.values():
            for event in events:
                bench.hear(event, handlers)
    _book_all(bench, kept)
    yield from bench.faults
    for kind, in_order in ((FACTS, False), (BOOKINGS, True), (ENTRIES, True)):
        yield from bench.wrong(kind, kept, in_order=in_order)


def _book_all(bench: Bench, kept: Kept) -> None:
    """Books every input that was heard, ticket by ticket in their turns, by the models that are there."""
    books = Books()
    for document in kept.documents.values():
        if document["collection"] == COST_MODELS.collection:
            books.known = books.known.learned(COST_MODELS.decode(document["state"]))
    heard = [one for name, one in bench.states.items() if name.startswith(f"{INPUTS.prefix}/")]
    for number, one in enumerate(sorted(heard, key=lambda one: (one.resource, one.turn)), 1):
        for _, (booking, events) in books.take(Line(number, b"", one).taken):
            bench.decide(BOOKINGS, booking.name, one.name, lambda _, after=booking, told=events: (after, told))


def document(kind: Kind[Any], state: Any) -> dict[str, Any]:
    """The state as the store gives it back."""
    found: dict[str, Any] = bson.decode(bson.encode(kind.encode(state)), codec_options=AWARE)
    return found


def _fire(bench: Bench, entries: Sequence[Entry]) -> None:
    for entry in entries:
        name, step, at = due_of(entry.cause)
        state = bench.states.get(name)
        if state is None or (step, at) not in [(one.step, one.at) for one in CLOCKS.deadlines(state)]:
            bench.faults.append(f"{entry.cause} fired though nothing waited for it")
            continue
        bench.decide(CLOCKS, name, entry.cause, timer.decide(Due(name, step, at, entry.time)))


def _after(entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    """The timers' entries, by the event before them."""
    found: dict[str, list[Entry]] = {}
    before = ""
    for entry in entries:
        if not entry.cause.startswith(DUE):
            before = entry.cause
        elif not entry.n:
            found.setdefault(before, []).append(entry)
    return found


def _book(kept: Kept) -> Book:
    def held(kind: Kind[Any]) -> list[Any]:
        found = [one for one in kept.documents.values() if one["collection"] == kind.collection]
        return [kind.decode(one["state"]) for one in found]

    return bound(held(POLICIES), held(CALENDARS))


def _records(kind: Kind[Any]) -> Records[Any]:
    """Records that only name what handlers decide on; nothing ever asks for their store."""
    database = AsyncMongoClient[dict[str, Any]](connect=False)["nowhere"]
    return Records(database, kind, Journal(database))


def _difference(taken: Sequence[str], wanted: Sequence[str]) -> str:
    lost, more = [one for one in wanted if one not in taken], [one for one in taken if one not in wanted]
    if lost or more:
        return f"not {lost[:3]}, but also {more[:3]}"
    return f"{len(taken)} events out of order or twice; {len(wanted)} were told"
