"""What made-up incidents cost: entries and bookings by the rules of the books, as if each end had been heard then.

Inputs of the ledger are not made, so `tl ledger verify` says of these entries that no input gives them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from services.metrics.rules import cost_model
from services.metrics.rules.books import Books, Reopened, Taken
from services.metrics.rules.claims import End, Place
from services.metrics.rules.cost_model import INCIDENTS, CostModel
from services.metrics.rules.fact import State, Type
from services.metrics.rules.fold import Seen, exclusion_of
from services.metrics.rules.known import Known
from services.metrics.rules.ledger import Booking, Entry, booking_name
from services.metrics.rules.rows import DAY_MS
from services.metrics.rules.terms import Draft
from services.metrics.store.bookings import BOOKINGS
from services.metrics.store.cost_models import COST_MODELS
from services.metrics.store.ledger import ENTRIES
from services.runtime.actor import Actor
from services.runtime.records import Kind

if TYPE_CHECKING:
    from deploy.local.seed import Step

_AUTHOR, _APPROVER = (Actor(f"people/made-up-{name}", frozenset({"finance"})) for name in ("fan", "qiu"))
_TIMES = ("occurred_at", "recorded_at", "first_hour", "last_hour")


def model(effective_at: datetime) -> CostModel:
    """A model of people that was approved when it began to hold: 120.00 CNY an hour, half of it lost at priority 2."""
    asked = Draft(
        name=INCIDENTS,
        category=None,
        effective_at=effective_at,
        currency="CNY",
        hourly_rate=12_000,
        scopes=((1, 250), (2, 40), (3, 1)),
        effects=((1, 1000), (2, 500), (3, 200), (4, 50)),
        longest=timedelta(hours=72),
    )
    drafted, _ = cost_model.draft(None, asked, by=_AUTHOR)
    approved, _ = cost_model.approve(drafted, 1, by=_APPROVER, now=effective_at)
    return approved


def booked(first: Seen, steps: Iterable[Step], known: Known) -> tuple[Booking | None, list[Entry]]:
    """The booking of a ticket after its life, and all entries that were booked for it; None for a request."""
    if first.type is not Type.INCIDENT:
        return None, []
    books, entries = Books(known), list[Entry]()
    seen, sequence, turn = first, 1, 0
    for step in steps:
        if step.clocks is not None:
            continue
        sequence += 1
        before, seen = seen, replace(replace(seen, given=False, asked=False), **step.change)
        etag = f'"{sequence}"'
        if seen.state is State.RESOLVED and before.state is not State.RESOLVED:
            place = Place(
                *(seen.service, seen.team, seen.site, seen.unit, seen.channel, seen.type, seen.priority, seen.source),
                seen.item,
            )
            told: End | Reopened = End(
                *(seen.name, etag, seen.state, seen.impact, place, exclusion_of(seen), seen.opened_at, step.at)
            )
        elif before.state is State.RESOLVED and seen.state is State.IN_PROGRESS:
            told = Reopened(seen.name, etag)
        else:
            continue
        turn += 1
        for _, (_, events) in books.take(Taken(turn, turn, step.at, told)):
            entries += [one.entry for one in events]
    return books.bookings.get(booking_name(first.name)), entries


def documents(booking: Booking, entries: Iterable[Entry]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A booking and its entries as the records hold them."""
    filed = [document(ENTRIES, one.name, ENTRIES.encode(one), 1) for one in entries]
    return document(BOOKINGS, booking.name, BOOKINGS.encode(booking), booking.turn), filed


def moved_entry(state: dict[str, Any], ticket: str, by: timedelta) -> dict[str, Any]:
    """An entry's state as that of another ticket, whole days later: an hour of one day is that hour of another."""
    was, now = _id(state["ticket"]), _id(ticket)
    inputs = state["inputs"]
    return {
        **state,
        **{name: state[name] + by for name in _TIMES},
        **{name: state[name].replace(was, now) for name in ("name", "reverses")},
        "cause": ticket,
        "ticket": ticket,
        "inputs": inputs | {"start_ms": inputs["start_ms"] + by.days * DAY_MS},
        "evidence": [[one.replace(state["ticket"], ticket), *rest] for one, *rest in state["evidence"]],
    }


def moved_booking(state: dict[str, Any], ticket: str, by: timedelta) -> dict[str, Any]:
    """A booking's state, likewise."""
    end, entry = state["end"], state["open"]
    if end is not None:
        end = end | {"ticket": ticket, **{name: end[name] + by for name in ("opened_at", "ended_at")}}
    return {
        **state,
        **{name: state[name] + by for name in ("start", "until") if state[name] is not None},
        "cause": ticket,
        "ticket": ticket,
        "end": end,
        "open": None if entry is None else moved_entry(entry, ticket, by),
    }


def document(kind: Kind[Any], name: str, state: dict[str, Any], version: int) -> dict[str, Any]:
    """What the records hold of a resource that was changed so often and has told all."""
    return {
        "_id": name, "schema": kind.schema, "version": version, "sequence": 0, "head": b"", "state": state,
        "causes": [], "outbox": [], "follows": {},
    }  # fmt: skip


def model_document(made: CostModel) -> dict[str, Any]:
    """The model, drafted and approved."""
    return document(COST_MODELS, made.name, COST_MODELS.encode(made), 2)


def _id(name: str) -> str:
    return name.partition("/")[2]
