"""The clocks of tickets as documents, their deadlines, and the list by due time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import ASCENDING, DESCENDING, IndexModel

from services.runtime.actor import Actor
from services.runtime.paging import Page, PageRequest
from services.runtime.records import Deadline, Kind, Record, Records, Stamp
from services.runtime.worktime import SegmentKind
from services.sla.rules.clock import Clock, ClockState
from services.sla.rules.clocks import Moment, TicketClocks, moments
from services.sla.rules.segment import Segment
from services.sla.rules.target import ClockKind
from services.sla.rules.ticket import HoldReason, Impact, TicketState, Turn
from services.sla.rules.verdict import Supersession, Verdict
from services.sla.store import history
from services.sla.store.policies import decode_target, encode_target
from services.sla.wire import clocks as wire

# Sorts what has no due time, because it is paused, behind everything that has one.
_NEVER = datetime(9999, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LENGTHS = ("target", "elapsed")
_BREACH, _WARNING = "breach", "warning"
_MOMENTS = ("started", "due", "warn", "warned", "breached", "stopped", "fired")


def step_of(moment: Moment) -> str:
    """The step of a deadline: "breach-resolution"."""
    return f"{_WARNING if moment.warning else _BREACH}-{moment.kind}"


def moment_of(step: str, at: datetime) -> Moment:
    """The deadline that a step and its instant name."""
    what, _, kind = step.partition("-")
    return Moment(ClockKind(kind), what == _WARNING, at)


async def page_of_clocks(
    records: Records[TicketClocks], actor: Actor, page: PageRequest, *, team: str, breached_only: bool
) -> Page[Record[TicketClocks]]:
    """The live clocks of tickets in the actor's unit and below it, by due time, soonest first."""
    where: dict[str, Any] = {"state.live": True}
    if actor.unit:
        # A range instead of a pattern: "cn/east/" up to, but without, "cn/east0".
        below = {"$gte": f"{actor.unit}/", "$lt": f"{actor.unit}0"}
        where["$or"] = [{"state.unit": actor.unit}, {"state.unit": below}]
    if team:
        where["state.team"] = team
    if breached_only:
        where["state.breached"] = True
    return await records.page(where, [("state.due", ASCENDING), ("_id", ASCENDING)], page)


def _deadlines(clocks: TicketClocks) -> Iterator[Deadline]:
    for moment in moments(clocks):
        yield Deadline(step_of(moment), moment.at)


def _encode(one: TicketClocks) -> dict[str, Any]:
    dues = [clock.due_at for clock in one.clocks if clock.live and clock.due_at is not None]
    return {
        "ticket": one.ticket,
        "requester": one.requester,
        "unit": one.unit,
        "team": one.team,
        "importing": one.importing,
        "facts": history.encode_facts(one.facts),
        "chosen_for": None if one.chosen_for is None else history.encode_facts(one.chosen_for),
        "trail": [_encode_turn(turn) for turn in one.trail],
        "last": one.last_at,
        "passed": one.passed,
        "policy": one.policy,
        "policy_version": one.policy_version,
        "calendar": one.calendar,
        "calendar_version": one.calendar_version,
        "clocks": [_encode_clock(clock) for clock in one.clocks],
        "history": history.encode(one.history),
        "impact": None if one.impact is None else [one.impact.at, one.impact.cause],
        "opened": one.trail[0].at,
        # For the list alone.
        "live": one.live,
        "due": min(dues, default=_NEVER),
        "breached": any(clock.breached_at is not None for clock in one.clocks),
    }


def _decode(document: Mapping[str, Any]) -> TicketClocks:
    chosen = document["chosen_for"]
    return TicketClocks(
        ticket=document["ticket"],
        requester=document["requester"],
        unit=document["unit"],
        team=document["team"],
        importing=document["importing"],
        facts=history.decode_facts(document["facts"]),
        chosen_for=None if chosen is None else history.decode_facts(chosen),
        trail=tuple(_decode_turn(turn) for turn in document["trail"]),
        last_at=document["last"],
        passed=document["passed"],
        policy=document["policy"],
        policy_version=document["policy_version"],
        calendar=document["calendar"],
        calendar_version=document["calendar_version"],
        clocks=tuple(_decode_clock(one) for one in document["clocks"]),
        history=history.decode(document.get("history")),
        impact=None if document.get("impact") is None else Impact(*document["impact"]),
    )


def _encode_turn(one: Turn) -> list[Any]:
    """Three elements, and three more where they say anything: a trail is long."""
    turn = [one.at, one.state.value, one.cause]
    more = [None if one.hold is None else one.hold.value, one.team, one.updated]
    return turn + more if any(more) else turn


def _decode_turn(turn: Sequence[Any]) -> Turn:
    at, state, cause = turn[:3]
    hold, team, updated = turn[3:] or (None, "", False)
    return Turn(at, TicketState(state), cause, None if hold is None else HoldReason(hold), team, updated)


def _encode_clock(one: Clock) -> dict[str, Any]:
    document: dict[str, Any] = {
        "terms": encode_target(one.terms),
        "state": one.state.value,
        "elapsed": one.elapsed // _MICROSECOND,
        "since": _encode_turn(one.since),
        "segments": [_encode_segment(part) for part in one.segments],
    }
    if one.lead:
        document["lead"] = one.lead
    if one.verdicts:
        document["verdicts"] = [_encode_verdict(verdict) for verdict in one.verdicts]
    document.update((name, at) for name in _MOMENTS if (at := getattr(one, f"{name}_at")) is not None)
    return document


def _encode_segment(one: Segment) -> list[Any]:
    paused = None if one.ticket_state is None else one.ticket_state.value
    segment = [one.start, one.end, one.kind.value, one.cause, paused, one.merged]
    more = [None if one.hold is None else one.hold.value, one.team]
    return segment + more if any(more) else segment


def _decode_segment(segment: Sequence[Any]) -> Segment:
    start, end, kind, why, paused, merged = segment[:6]
    hold, team = segment[6:] or (None, "")
    state = None if paused is None else TicketState(paused)
    return Segment(start, end, SegmentKind(kind), why, state, merged, None if hold is None else HoldReason(hold), team)


def _encode_verdict(one: Verdict) -> dict[str, Any]:
    document = asdict(one)
    document |= {"state": one.state.value, "reason": one.reason.value}
    document |= {name: getattr(one, name) // _MICROSECOND for name in _LENGTHS}
    return document


def _decode_verdict(document: Mapping[str, Any]) -> Verdict:
    lengths = {name: document[name] * _MICROSECOND for name in _LENGTHS}
    reason, state = Supersession(document["reason"]), ClockState(document["state"])
    return Verdict(**{**document, **lengths, "state": state, "reason": reason})


def _decode_clock(document: Mapping[str, Any]) -> Clock:
    return Clock(
        terms=decode_target(document["terms"]),
        state=ClockState(document["state"]),
        elapsed=document["elapsed"] * _MICROSECOND,
        since=_decode_turn(document["since"]),
        segments=tuple(_decode_segment(one) for one in document["segments"]),
        verdicts=tuple(_decode_verdict(one) for one in document.get("verdicts", ())),
        started_at=document["started"],
        due_at=document.get("due"),
        warn_at=document.get("warn"),
        warned_at=document.get("warned"),
        breached_at=document.get("breached"),
        stopped_at=document.get("stopped"),
        fired_at=document.get("fired"),
        lead=document.get("lead", 0),
    )


def _message(event: Any, stamp: Stamp) -> Any:
    return wire.told(event, stamp.etag)


_LIVE = {"partialFilterExpression": {"state.live": True}}
_ENDED = {"partialFilterExpression": {"state.live": False}}
_ALIKE = ("state.facts.type", "state.facts.priority", "state.calendar")

CLOCKS = Kind[TicketClocks](
    collection="clocks",
    encode=_encode,
    decode=_decode,
    message=_message,
    deadlines=_deadlines,
    indexes=(
        IndexModel([("state.due", ASCENDING), ("_id", ASCENDING)], name="due", **_LIVE),
        IndexModel([("state.opened", ASCENDING), ("_id", ASCENDING)], name="opened"),
        IndexModel([*((path, ASCENDING) for path in _ALIKE), ("state.opened", DESCENDING)], name="alike", **_ENDED),
        IndexModel([("state.team", ASCENDING), ("state.due", ASCENDING), ("_id", ASCENDING)], name="team", **_LIVE),
    ),
)
