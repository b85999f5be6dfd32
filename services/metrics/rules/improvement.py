"""The backlog of improvements: what is to become better, for which goal, and what it is worth by the ledger.

Expected money is the loss of the ledger times a stated share, in integers; where it has nothing, nothing is said.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from services.metrics.rules.exact import MILLE, half_even
from services.metrics.rules.period import FIRST, LAST, Period
from services.metrics.rules.registry import METRICS
from services.runtime.actor import Actor
from services.runtime.refusal import Refusal

PREFIX = "improvements/"
EDITORS = ("lead", "problem_manager", "change_manager", "finance", "executive", "operator", "administrator")
MOVES = "time_to_resolve"
"""What an improvement is to move when it does not say."""
LONGEST = timedelta(days=92)
"""Before and after are never longer than a quarter each."""
SHORTEST = timedelta(days=1)
_OWNERS = ("people/", "teams/")
_EVIDENCE = ("tickets/", "outages/", "ledgerEntries/", "businessServices/", "changes/", "problems/", "facts/")


class State(Enum):
    """Where an improvement stands."""

    PROPOSED = "PROPOSED"
    STARTED = "STARTED"
    FINISHED = "FINISHED"


class Source(Enum):
    """Where the need showed."""

    UNSPECIFIED = "UNSPECIFIED"
    GREEN_BUT_RED = "GREEN_BUT_RED"
    RECURRENCE = "RECURRENCE"
    BOTTLENECK = "BOTTLENECK"
    OUTAGES = "OUTAGES"
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True)
class Basis:
    """Which incurred loss it stands on; exactly one of service, root and tickets is given.

    service: "services/checkout". root: a service of spans, whose own outages count. share: per mille of such a loss
    that is expected to be stopped.
    """

    service: str
    root: str
    tickets: tuple[str, ...]
    period: Period
    share: int


@dataclass(frozen=True, slots=True)
class Loss:
    """What the ledger has of a basis. amount: minor units of the currency; others: currencies that are not in it."""

    currency: str
    amount: int
    entries: int
    others: tuple[str, ...]
    read_at: datetime


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody wrote, unchecked."""

    title: str
    goal: str
    owner: str
    basis: Basis
    source: Source = Source.UNSPECIFIED
    evidence: str = ""
    metric: str = ""
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Improvement:
    """One item. unit: whose author wrote it; the scope in which it is read."""

    name: str
    title: str
    goal: str
    owner: str
    basis: Basis
    loss: Loss
    author: str
    source: Source = Source.OTHER
    evidence: str = ""
    metric: str = MOVES
    due_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    unit: str = ""

    @property
    def state(self) -> State:
        """Where it stands."""
        if self.finished_at is not None:
            return State.FINISHED
        return State.STARTED if self.started_at is not None else State.PROPOSED

    @property
    def expected(self) -> int:
        """Minor units that are expected to be stopped: the loss times the share, half to even."""
        return half_even(self.loss.amount * self.basis.share, MILLE)


@dataclass(frozen=True, slots=True)
class ImprovementChanged:
    """It was proposed, written anew, started or finished."""

    improvement: Improvement


Decision = tuple[Improvement, tuple[ImprovementChanged, ...]]


def improvement_name(cause: str) -> str:
    """The name of what a cause proposes: the same for the same cause."""
    return PREFIX + hashlib.sha256(cause.encode()).hexdigest()[:12]


def require_editor(by: Actor) -> None:
    """Refuses whoever may not touch the backlog; asked before the ledger is read.

    Raises:
        Refusal: PERSON_REQUIRED, ROLE_REQUIRED.
    """
    if by.is_system:
        raise Refusal.forbidden("PERSON_REQUIRED", "Only a person may change the backlog of improvements.")
    by.require(*EDITORS, to="change the backlog of improvements")


def require_sound(draft: Draft) -> Draft:
    """The draft, trimmed, when every part of it can be right.

    Raises:
        Refusal: IMPROVEMENT_INVALID, which names the field.
    """

    def require(field: str, holds: bool, message: str) -> None:
        if not holds:
            raise Refusal.invalid(f"improvement.{field}", "IMPROVEMENT_INVALID", message)

    basis = draft.basis
    ways = (bool(basis.service), bool(basis.root), bool(basis.tickets))
    require("title", bool(draft.title.strip()), "Say what is to become better.")
    require("goal", bool(draft.goal.strip()), "Name the goal of the business that it serves.")
    require("owner", draft.owner.startswith(_OWNERS), 'Name its owner, "people/..." or "teams/...".')
    require("basis", sum(ways) == 1, "Stand on one of: a service, the outages of one root, or some tickets.")
    open_ended = basis.period.start == FIRST or basis.period.end == LAST
    require("basis.period", not open_ended, "Say from when to when the loss is read.")
    require("basis.share_per_mille", 1 <= basis.share <= MILLE, "Expect to stop 1 to 1000 thousandths of the loss.")
    known = draft.metric in METRICS if draft.metric else True
    require("metric", known, 'Name a metric by its id in the registry, such as "time_to_resolve".')
    shown = draft.evidence.startswith(_EVIDENCE) if draft.evidence else True
    require("evidence", shown, 'Name what shows the need, such as "tickets/INC-000123" or "outages/...".')
    return replace(draft, title=draft.title.strip(), goal=draft.goal.strip(), metric=draft.metric or MOVES)


def propose(name: str, draft: Draft, loss: Loss, *, by: Actor) -> Decision:
    """A new item of the backlog. draft: sound. loss: what the ledger has of its basis.

    Raises:
        Refusal: PERSON_REQUIRED, ROLE_REQUIRED.
    """
    require_editor(by)
    made = Improvement(name, draft.title, draft.goal, draft.owner, draft.basis, loss, by.sub, unit=by.unit)
    return _told(_written(made, draft))


def rewrite(before: Improvement, draft: Draft, loss: Loss, *, by: Actor) -> Decision:
    """The item written anew, with the loss as the ledger has it now.

    Raises:
        Refusal: PERSON_REQUIRED, ROLE_REQUIRED, IMPROVEMENT_FINISHED.
    """
    require_editor(by)
    _require_open(before)
    words = replace(before, title=draft.title, goal=draft.goal, owner=draft.owner, basis=draft.basis, loss=loss)
    return _told(_written(words, draft))


def start(before: Improvement, at: datetime | None, *, by: Actor, now: datetime) -> Decision:
    """Work on it begins; the time before is its baseline. at: None for now.

    Raises:
        Refusal: PERSON_REQUIRED, ROLE_REQUIRED, IMPROVEMENT_FINISHED, IMPROVEMENT_STARTED, IMPROVEMENT_TIME_WRONG.
    """
    require_editor(by)
    _require_open(before)
    if before.started_at is not None:
        raise Refusal.precondition("IMPROVEMENT_STARTED", "It is started already; finish it when it is done.")
    return _told(replace(before, started_at=_past("start_time", at, now)))


def finish(before: Improvement, at: datetime | None, *, by: Actor, now: datetime) -> Decision:
    """It is done; the time from here on is compared with the time before it was started. at: None for now.

    Raises:
        Refusal: PERSON_REQUIRED, ROLE_REQUIRED, IMPROVEMENT_FINISHED, IMPROVEMENT_NOT_STARTED, IMPROVEMENT_TIME_WRONG.
    """
    require_editor(by)
    _require_open(before)
    if before.started_at is None:
        raise Refusal.precondition("IMPROVEMENT_NOT_STARTED", "Start it first; the time before is what it improves on.")
    done = _past("finish_time", at, now)
    if done < before.started_at:
        raise Refusal.invalid("finish_time", "IMPROVEMENT_TIME_WRONG", "It cannot be finished before it was started.")
    return _told(replace(before, finished_at=done))


def sides(improvement: Improvement, now: datetime) -> tuple[Period, Period]:
    """The times before it was started and after it was finished: of equal length, a quarter at most.

    Raises:
        Refusal: IMPROVEMENT_NOT_FINISHED, also within a day of the finish.
    """
    started, finished = improvement.started_at, improvement.finished_at
    if started is None or finished is None or now - finished < SHORTEST:
        raise Refusal.precondition(
            "IMPROVEMENT_NOT_FINISHED", "Before and after can be compared from a day after it was finished."
        )
    length = min(LONGEST, now - finished)
    return Period(started - length, started), Period(finished, finished + length)


def _written(before: Improvement, draft: Draft) -> Improvement:
    source = Source.OTHER if draft.source is Source.UNSPECIFIED else draft.source
    return replace(before, source=source, evidence=draft.evidence, metric=draft.metric, due_at=draft.due_at)


def _require_open(before: Improvement) -> None:
    if before.finished_at is not None:
        raise Refusal.precondition("IMPROVEMENT_FINISHED", "It is finished and stays as it is; propose another.")


def _past(field: str, at: datetime | None, now: datetime) -> datetime:
    if at is not None and at > now:
        raise Refusal.invalid(field, "IMPROVEMENT_TIME_WRONG", "It is not that time yet; leave it empty for now.")
    return at or now


def _told(after: Improvement) -> Decision:
    return after, (ImprovementChanged(after),)
