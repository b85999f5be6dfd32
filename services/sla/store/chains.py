"""Chains as documents. Their one deadline is the next step: so steps keep their order, whoever fires them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from services.runtime.records import Deadline, Kind, Stamp
from services.runtime.worktime import SegmentKind
from services.sla.rules.chain import Acknowledged, Chain, Clocks, Reached, Subject, pending
from services.sla.rules.clock import ClockState
from services.sla.rules.escalation import Role, Wanted
from services.sla.rules.policy import ClockKind
from services.sla.rules.rungs import ClockSeen, Rung
from services.sla.rules.ticket import TicketType
from services.sla.rules.told import Outcome, Told
from services.sla.store.plans import decode_plan, decode_step, encode_plan, encode_step
from services.sla.wire import chain as wire

_MICROSECOND = timedelta(microseconds=1)


def step_of(chain: Chain, rung: Rung) -> str:
    """The step of a deadline: which adoption of a plan, which of its steps, which round."""
    return f"step-{chain.adoptions}-{rung.step}-{rung.round}"


def rung_of(chain: Chain, step: str) -> Rung | None:
    """The rung that a deadline names; None when it is not ahead any more."""
    return next((one for one in chain.ahead if step_of(chain, one) == step), None)


def _deadlines(chain: Chain) -> Iterator[Deadline]:
    first = next(pending(chain), None)
    if first is not None:
        yield Deadline(step_of(chain, first), first.at)


def _encode(one: Chain) -> dict[str, Any]:
    taken = one.acknowledged
    return {
        "ticket": one.ticket,
        "subject": None if one.subject is None else _encode_subject(one.subject),
        "clocks": None if one.clocks is None else _encode_clocks(one.clocks),
        "plan": None if one.plan is None else encode_plan(one.plan),
        "chosen_for": None if one.chosen_for is None else _encode_wanted(one.chosen_for),
        "adoptions": one.adoptions,
        "ahead": [_encode_rung(rung) for rung in one.ahead],
        "passed": sorted(list(key) for key in one.passed),
        "reached": [_encode_reached(step) for step in one.reached],
        "acknowledged": None if taken is None else [taken.by, taken.at, taken.until, taken.note],
        "ended": one.ended_at,
        "last": one.last_at,
    }


def _decode(document: Mapping[str, Any]) -> Chain:
    subject, clocks, plan = document["subject"], document["clocks"], document["plan"]
    chosen, taken = document["chosen_for"], document["acknowledged"]
    return Chain(
        ticket=document["ticket"],
        subject=None if subject is None else _decode_subject(subject),
        clocks=None if clocks is None else _decode_clocks(clocks),
        plan=None if plan is None else decode_plan(plan),
        chosen_for=None if chosen is None else _decode_wanted(chosen),
        adoptions=document["adoptions"],
        ahead=tuple(_decode_rung(one) for one in document["ahead"]),
        passed=frozenset((step, count) for step, count in document["passed"]),
        reached=tuple(_decode_reached(one) for one in document["reached"]),
        acknowledged=None if taken is None else Acknowledged(*taken),
        ended_at=document["ended"],
        last_at=document["last"],
    )


def _encode_wanted(one: Wanted) -> list[Any]:
    return [one.priority, one.type.value, one.service, one.team]


def _decode_wanted(document: Any) -> Wanted:
    priority, kind, service, team = document
    return Wanted(priority, TicketType(kind), service, team)


def _encode_subject(one: Subject) -> dict[str, Any]:
    return {"wanted": _encode_wanted(one.wanted), "unit": one.unit, "assignee": one.assignee}


def _decode_subject(document: Mapping[str, Any]) -> Subject:
    return Subject(_decode_wanted(document["wanted"]), document["unit"], document["assignee"])


def _encode_clocks(one: Clocks) -> dict[str, Any]:
    return {
        "priority": one.priority,
        "calendar": one.calendar,
        "calendar_version": one.calendar_version,
        "importing": one.importing,
        "clocks": [_encode_clock(clock) for clock in one.clocks],
    }


def _decode_clocks(document: Mapping[str, Any]) -> Clocks:
    return Clocks(
        document["priority"],
        document["calendar"],
        document["calendar_version"],
        document["importing"],
        tuple(_decode_clock(one) for one in document["clocks"]),
    )


def _encode_clock(one: ClockSeen) -> dict[str, Any]:
    return {
        "kind": one.kind.value,
        "state": one.state.value,
        "target": one.target // _MICROSECOND,
        "started": one.started_at,
        "since": one.since,
        "elapsed": one.elapsed // _MICROSECOND,
        "due": one.due_at,
        "breached": one.breached_at,
        "spans": [[start, end, kind.value] for start, end, kind in one.spans],
    }


def _decode_clock(document: Mapping[str, Any]) -> ClockSeen:
    return ClockSeen(
        ClockKind(document["kind"]),
        ClockState(document["state"]),
        document["target"] * _MICROSECOND,
        document["started"],
        document["since"],
        document["elapsed"] * _MICROSECOND,
        document["due"],
        document["breached"],
        tuple((start, end, SegmentKind(kind)) for start, end, kind in document["spans"]),
    )


def _encode_rung(one: Rung) -> list[Any]:
    return [one.step, one.round, one.clock.value, one.planned_at, one.at]


def _decode_rung(document: Any) -> Rung:
    step, count, clock, planned_at, at = document
    return Rung(step, count, ClockKind(clock), planned_at, at)


def _encode_reached(one: Reached) -> dict[str, Any]:
    return {
        "rung": _encode_rung(one.rung),
        "fired": one.fired_at,
        "told": [
            [to.role.value, to.name, to.outcome.value, to.display_name, dict(to.display_names), to.rota]
            for to in one.told
        ],
        "terms": encode_step(one.terms),
        "plan": one.plan,
        "plan_version": one.plan_version,
        "adoption": one.adoption,
    }


def _decode_reached(document: Mapping[str, Any]) -> Reached:
    return Reached(
        _decode_rung(document["rung"]),
        document["fired"],
        tuple(
            Told(Role(role), name, Outcome(outcome), called, names, rota)
            for role, name, outcome, called, names, rota in document["told"]
        ),
        decode_step(document["terms"]),
        document["plan"],
        document["plan_version"],
        document["adoption"],
    )


def _message(event: Any, stamp: Stamp) -> Any:
    return wire.told(event, stamp.etag, stamp.time)


CHAINS = Kind[Chain](collection="escalations", encode=_encode, decode=_decode, message=_message, deadlines=_deadlines)
