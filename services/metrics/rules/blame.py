"""Who is to blame for a failed request, by what is left of its trace, and what a service's votes come to.

A walk goes down from the failed request along failing calls to the one that fails for no reason below it. It sees spans
alone: no label, no name of a fault. A trace that cannot tell votes for nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

DEEPEST = 64
CONVINCED = 0.6
"""The share of votes that blame needs."""
UNDECIDED = 0.4
_MOST_OF = 0.8
NOBODY = ""


class Ended(IntEnum):
    """How a span ended. CALLERS: the caller's fault. LEFT: the caller went away. LATE: time ran out. SILENT: no answer.

    A client's SILENT call may still have reached its server; only a server's span can tell.
    """

    FINE = 0
    FAULT = 1
    CALLERS = 2
    LEFT = 3
    LATE = 4
    SILENT = 5


class Bone(NamedTuple):
    """A span as far as blame needs it. is_call: a client's; else it serves. bad: a request that counts as bad.

    callee: of a call, "" when unknown. Times in milliseconds since 1970.
    """

    trace: bytes
    span: bytes
    parent: bytes
    service: str
    is_call: bool
    bad: bool
    began_ms: int
    ended_ms: int
    ended: int
    callee: str
    route: str
    weight: float


class Vote(NamedTuple):
    """Whom one failed request blames, and of what: "error", "unreachable", "slow", "bad caller", "" for nobody."""

    service: str
    failure: str


UNKNOWN = Vote(NOBODY, "")


@dataclass(frozen=True, slots=True)
class Share:
    """A part of the votes of one outage."""

    service: str
    failure: str
    per_mille: int


@dataclass(frozen=True, slots=True)
class Suspect:
    """An outage as the others see it. first, last: its slices; shares: its own votes, the largest first."""

    service: str
    first: int
    last: int
    shares: tuple[Share, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """root: the service to blame, "" when undetermined. symptomatic: it is another."""

    root: str
    symptomatic: bool


class Trace:
    """The bones of one trace, each once, and the votes of its failed requests."""

    def __init__(self, bones: Iterable[Bone]) -> None:
        self._bones = {one.span: one for one in bones}
        self._served = {one.parent: one for one in self._bones.values() if not one.is_call and one.parent}
        calls = sorted((one for one in self._bones.values() if one.is_call), key=lambda one: (one.ended_ms, one.span))
        self._calls: dict[bytes, list[Bone]] = {}
        for call in calls:
            self._calls.setdefault(self._owner(call), []).append(call)

    def votes(self) -> list[tuple[Bone, Vote]]:
        """The failed requests of the trace, each with whom it blames."""
        return [(one, self._blame(one, set(), 0)) for one in self._bones.values() if one.bad and not one.is_call]

    def _owner(self, call: Bone) -> bytes:
        """The request within which a call was made: its parent, or the shortest of its service that spans its time."""
        above = self._bones.get(call.parent)
        if above is not None and not above.is_call:
            return above.span
        around = [
            one
            for one in self._bones.values()
            if not one.is_call
            and one.service == call.service
            and one.began_ms <= call.began_ms
            and call.began_ms <= one.ended_ms
        ]
        return min(around, key=lambda one: (one.ended_ms - one.began_ms, one.span)).span if around else call.parent

    def _blame(self, request: Bone, seen: set[bytes], depth: int) -> Vote:
        if request.span in seen or depth > DEEPEST:
            return UNKNOWN
        seen.add(request.span)
        calls = self._calls.get(request.span, [])
        failing = [one for one in calls if one.ended != Ended.FINE and not self._made_good(one, calls)]
        # The one that ended last before the request failed has decided it; the others only contributed.
        if failing:
            return self._blame_call(request, failing[-1], seen, depth)
        length = request.ended_ms - request.began_ms
        if request.ended in (Ended.LATE, Ended.LEFT, Ended.FINE):
            for call in reversed(calls):
                if call.ended_ms - call.began_ms >= _MOST_OF * length:
                    return self._slow(call, seen, depth)
        return Vote(request.service, "error" if request.ended == Ended.FAULT else "slow")

    def _blame_call(self, request: Bone, call: Bone, seen: set[bytes], depth: int) -> Vote:
        if call.ended == Ended.CALLERS:
            return Vote(request.service, "bad caller")
        served = self._served.get(call.span)
        if served is None and call.ended == Ended.LEFT:
            return self._slow(call, seen, depth)
        if served is not None:
            if served.ended == Ended.CALLERS:
                return Vote(request.service, "bad caller")
            if served.bad or served.ended == Ended.FAULT:
                return self._blame(served, seen, depth + 1)
            return self._slow(call, seen, depth)
        if not call.callee:
            return UNKNOWN
        # An answer without a span is of a service that sends none: it is named, not passed over.
        return Vote(call.callee, "error" if call.ended == Ended.FAULT else "unreachable")

    def _slow(self, call: Bone, seen: set[bytes], depth: int) -> Vote:
        served = self._served.get(call.span)
        if served is None:
            return Vote(call.callee, "slow") if call.callee else UNKNOWN
        found = self._blame(served, seen, depth + 1)
        return found if found.service != served.service else Vote(served.service, "slow")

    @staticmethod
    def _made_good(call: Bone, calls: Sequence[Bone]) -> bool:
        return any(
            one.ended == Ended.FINE
            and one.began_ms >= call.ended_ms
            and one.callee == call.callee
            and one.route == call.route
            for one in calls
        )


def by_trace(bones: Iterable[Bone]) -> list[tuple[bytes, list[Bone]]]:
    """The bones put together by trace, in the order of its id."""
    found: dict[bytes, list[Bone]] = {}
    for bone in bones:
        found.setdefault(bone.trace, []).append(bone)
    return sorted(found.items())


def few(bones: Sequence[Bone], most: int) -> list[Bone]:
    """At most so many bones, of whole traces: always those with the smallest ids, which are random.

    Votes become shares, so a sample says what all of them would; of a longer trace only the first bones are kept.
    """
    if len(bones) <= most:
        return list(bones)
    edge = sorted(one.trace[8:] for one in bones)[most]
    return [one for one in bones if one.trace[8:] < edge] or list(bones[:most])


def shares(votes: Mapping[Vote, float]) -> tuple[Share, ...]:
    """Weighted votes as shares per mille, the largest first; votes for nobody have their share too."""
    whole = sum(votes.values())
    if not whole:
        return ()
    found = [Share(one.service, one.failure, round(1000 * weight / whole)) for one, weight in votes.items()]
    return tuple(sorted(found, key=lambda one: (-one.per_mille, one.service, one.failure)))


def judge(suspect: Suspect, others: Mapping[str, Suspect], slack: int) -> Verdict:
    """Whether an outage is a root or a symptom, following symptoms to their root.

    others: the outage of each service that overlaps this one by up to `slack` slices before and after.
    """
    service, seen = suspect, {suspect.service}
    while True:
        by_service: dict[str, int] = {}
        for share in service.shares:
            by_service[share.service] = by_service.get(share.service, 0) + share.per_mille
        if not by_service:
            break
        blamed, weight = max(by_service.items(), key=lambda one: (one[1], one[0]))
        if by_service.get(NOBODY, 0) >= 1000 * UNDECIDED or weight < 1000 * CONVINCED or blamed == NOBODY:
            return Verdict(NOBODY, symptomatic=False)
        if blamed == service.service or blamed in seen:
            break
        further = others.get(blamed)
        if further is None or not _overlap(suspect, further, slack):
            unseen = any(one.service == blamed and one.failure in ("unreachable", "slow") for one in service.shares)
            root = blamed if unseen else service.service
            return Verdict(root, symptomatic=root != suspect.service)
        seen.add(blamed)
        service = further
    return Verdict(service.service, symptomatic=service is not suspect)


def _overlap(one: Suspect, other: Suspect, slack: int) -> bool:
    return one.first - slack <= other.last and other.first - slack <= one.last
