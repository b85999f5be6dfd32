"""How long solved tickets of a kind took, read from their clocks; once enough, remembered for half a minute."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from pymongo import DESCENDING

from services.runtime.records import Records
from services.sla.rules.clock import JUDGED
from services.sla.rules.clocks import TicketClocks
from services.sla.rules.outlook import LATEST, LEAST, Kind, Sample, kind_of
from services.sla.rules.target import ClockKind

_REMEMBERED_S = 30.0
_MOST_KINDS = 500
_MICROSECOND = timedelta(microseconds=1)
_SHOWN = {"_id": 0, "state.facts.service": 1, **{f"state.clocks.{name}": 1 for name in ("terms.kind", "elapsed")}}


class Alike:
    """What every viewer of an open ticket asks for; many of them look at the same kinds."""

    def __init__(self, clocks: Records[TicketClocks]) -> None:
        self._clocks = clocks.collection
        self._kept: dict[Kind, tuple[float, Sample]] = {}

    async def sample(self, clocks: TicketClocks) -> Sample:
        """How long tickets like this one took; nothing when nothing is to be expected of it."""
        kind = kind_of(clocks)
        if kind is None:
            return Sample()
        until, kept = self._kept.get(kind, (0.0, Sample()))
        if time.monotonic() < until:
            return kept
        found = await self._read(kind)
        if len(found.lengths) < LEAST:  # Read at once, and the next one may be enough.
            return found
        if len(self._kept) >= _MOST_KINDS:
            self._kept.clear()
        self._kept[kind] = (time.monotonic() + _REMEMBERED_S, found)
        return found

    async def _read(self, kind: Kind) -> Sample:
        solved = {"terms.kind": ClockKind.RESOLUTION.value, "state": {"$in": sorted(one.value for one in JUDGED)}}
        where: dict[str, Any] = {
            "state.live": False,
            "state.facts.type": kind.type.value,
            "state.facts.priority": kind.priority,
            "state.calendar": kind.calendar,
            "state.clocks": {"$elemMatch": solved},
        }
        cursor = self._clocks.find(where, _SHOWN, sort=[("state.opened", DESCENDING)], limit=LATEST)
        return Sample(
            [
                (document["state"]["facts"]["service"], clock["elapsed"] * _MICROSECOND)
                async for document in cursor
                for clock in document["state"]["clocks"]
                if clock["terms"]["kind"] == ClockKind.RESOLUTION.value
            ]
        )
