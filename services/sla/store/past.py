"""Past tickets as a judgement reads them: their published outcomes and their histories, without the segments."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import bson
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo import ASCENDING
from pymongo.read_concern import ReadConcern

from services.runtime.paging import after
from services.runtime.records import Records
from services.sla.rules.clock import ClockState
from services.sla.rules.clocks import TicketClocks
from services.sla.rules.judgement import GIVEN, Filed, Outcome, Verdict, verdict
from services.sla.rules.policy import ClockKind
from services.sla.rules.target import StartMark
from services.sla.rules.ticket import TicketState
from services.sla.rules.trial import Period
from services.sla.store import history

_AWARE: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True, tzinfo=UTC)
_RAW: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument, tz_aware=True, tzinfo=UTC)
_ORDER = (("state.opened", ASCENDING), ("_id", ASCENDING))
_SHOWN = {"version": 1, **{f"state.{name}": 1 for name in (
    "ticket", "opened", "unit", "facts", "history", "policy", "policy_version", "calendar", "calendar_version",
    *(f"clocks.{name}" for name in ("terms", "state", "elapsed", "due", "breached", "stopped")),
)}}  # fmt: skip
_MICROSECOND = timedelta(microseconds=1)
_MILLISECOND = timedelta(milliseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOMENTS = ("due", "breached", "stopped")


@dataclass(frozen=True, slots=True)
class Batch:
    """Documents one behind the other as MongoDB keeps them, and where the next batch begins."""

    data: bytes
    tickets: int
    opened_at: datetime
    name: str


class Past:
    """The clocks of tickets by when these were opened."""

    def __init__(self, clocks: Records[TicketClocks]) -> None:
        self._clocks = clocks.collection.with_options(_RAW, read_concern=ReadConcern("majority"))

    async def count(self, period: Period) -> int:
        """How many tickets were opened in the period."""
        return await self._clocks.count_documents(_within(period))

    async def batches(self, period: Period, since: tuple[datetime, str] | None, size: int) -> AsyncIterator[Batch]:
        """The tickets of the period in order, behind the one that `since` names."""
        while True:
            rows: list[RawBSONDocument] = []
            for step in after(_ORDER, since) if since else [{}]:
                where = {"$and": [_within(period), step]} if step else _within(period)
                found = self._clocks.find(where, _SHOWN, batch_size=size).sort(list(_ORDER))
                rows += await found.limit(size - len(rows)).to_list()
                if len(rows) == size:
                    break
            if not rows:
                return
            since = (rows[-1]["state"]["opened"], rows[-1]["_id"])
            yield Batch(b"".join(row.raw for row in rows), len(rows), *since)


def decoded(data: bytes) -> list[dict[str, Any]]:
    """The documents of a batch."""
    return bson.decode_all(data, _AWARE)


def filed(document: Mapping[str, Any], now: datetime) -> Filed:
    """A past ticket; clocks that still run are judged at `now`."""
    state = document["state"]
    return Filed(
        ticket=state["ticket"],
        opened_at=state["opened"],
        unit=state["unit"],
        priority=state["facts"]["priority"],
        policy_version=state["policy_version"],
        calendar_version=state["calendar_version"],
        outcomes=tuple(_outcome(one, state, now) for one in state["clocks"]),
        history=history.decode(state.get("history")),
    )


def digest(document: Mapping[str, Any]) -> int:
    """What was published of a ticket's verdicts as one number; such numbers add up in any order."""
    state, total = document["state"], 0
    rules = [state[name] for name in ("policy", "policy_version", "calendar", "calendar_version")]
    for one in state["clocks"]:
        if _verdict(one, None) in GIVEN:
            said = [
                state["ticket"],
                one["terms"]["kind"],
                one["state"],
                *rules,
                one["terms"]["seconds"],
                one["elapsed"],
            ]
            moments = ((one[name] - _EPOCH) // _MILLISECOND if name in one else "" for name in _MOMENTS)
            line = "\n".join(str(part) for part in (*said, *moments))
            total += int.from_bytes(hashlib.sha256(line.encode()).digest(), "big")
    return total


def _within(period: Period) -> dict[str, Any]:
    return {"state.opened": {"$gte": period.start, "$lt": period.end}}


def _outcome(one: Mapping[str, Any], state: Mapping[str, Any], now: datetime) -> Outcome:
    terms = one["terms"]
    return Outcome(
        kind=ClockKind(terms["kind"]),
        verdict=_verdict(one, now),
        policy=state["policy"],
        calendar=state["calendar"],
        target=timedelta(seconds=terms["seconds"]),
        elapsed=one["elapsed"] * _MICROSECOND,
        pauses=frozenset(TicketState(each) for each in terms["pauses"]),
        due_at=one.get("due"),
        breached_at=one.get("breached"),
        stopped_at=one.get("stopped"),
        start=StartMark(terms.get("start", StartMark.OPENED)),
    )


def _verdict(one: Mapping[str, Any], now: datetime | None) -> Verdict:
    state = ClockState(one["state"])
    late = state is ClockState.RUNNING and now is not None and "due" in one and one["due"] <= now
    return verdict(state, breached=late or "breached" in one)
