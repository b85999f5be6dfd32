"""A change as a state: its plan, its approvals, its checks; and the events that tell of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class State(StrEnum):
    """Where a change is; moved by verbs alone."""

    DRAFT = "DRAFT"
    AWAITING_APPROVAL = "AWAITING_APPROVAL"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    IN_PROGRESS = "IN_PROGRESS"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    ROLLED_BACK = "ROLLED_BACK"
    CANCELLED = "CANCELLED"


class Type(StrEnum):
    """How a change is controlled."""

    STANDARD = "STANDARD"
    NORMAL = "NORMAL"
    EMERGENCY = "EMERGENCY"


class Risk(StrEnum):
    """How likely and how bad a failure is, in the author's judgement."""

    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"


class Vote(StrEnum):
    """What an approver said."""

    APPROVED = "APPROVED"
    REJECTED = "REJECTED"


class Result(StrEnum):
    """How a check came out."""

    PASSED = "PASSED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Check:
    """A verification step. id: "1", "2", ...; result None until somebody looked. verified_at: aware UTC."""

    id: str
    check: str
    pass_mark: str
    result: Result | None = None
    note: str = ""
    verifier: str = ""
    verified_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """When it may be executed: half-open, aware UTC."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Approval:
    """One vote. approver: "people/<id>"."""

    approver: str
    vote: Vote
    note: str
    voted_at: datetime


@dataclass(frozen=True, slots=True)
class Plan:
    """What the author decides. services, tickets: resource names. implementer: "people/<id>" or ""."""

    type: Type
    risk: Risk
    title: str
    reason: str = ""
    plan: str = ""
    rollback_plan: str = ""
    checks: tuple[Check, ...] = ()
    services: tuple[str, ...] = ()
    window: Window | None = None
    implementer: str = ""
    tickets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """A change. Instants are aware UTC."""

    plan: Plan
    state: State
    author: str
    unit: str
    created_at: datetime
    updated_at: datetime
    approvals: tuple[Approval, ...] = ()
    submitted_at: datetime | None = None
    approved_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    outcome_note: str = ""


@dataclass(frozen=True, slots=True)
class ChangeEvent:
    """Every event holds the whole change after it."""

    change: Change


class ChangeDrafted(ChangeEvent):
    """Somebody began one."""


class ChangeEdited(ChangeEvent):
    """Its plan changed."""


class ChangeSubmitted(ChangeEvent):
    """It waits for approval."""


class ChangeApproved(ChangeEvent):
    """It may be executed inside its window."""


class ChangeRejected(ChangeEvent):
    """It may not."""


class ChangeStarted(ChangeEvent):
    """Its execution began."""


@dataclass(frozen=True, slots=True)
class ChangeVerified(ChangeEvent):
    """A check has a result."""

    check: Check


class ChangeSucceeded(ChangeEvent):
    """Every check passed."""


class ChangeFailed(ChangeEvent):
    """A check failed."""


class ChangeRolledBack(ChangeEvent):
    """It was taken back."""


@dataclass(frozen=True, slots=True)
class ChangeCancelled(ChangeEvent):
    """It will not be done."""

    reason: str
