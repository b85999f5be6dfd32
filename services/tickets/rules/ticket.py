"""The ticket as a frozen state: what is kept of it, and the words of its field."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Type(StrEnum):
    """What a ticket is about: something broken, or something wished for."""

    INCIDENT = "INCIDENT"
    REQUEST = "REQUEST"


class State(StrEnum):
    """Where a ticket stands; moved by verbs alone."""

    NEW = "NEW"
    IN_PROGRESS = "IN_PROGRESS"
    AWAITING_REQUESTER = "AWAITING_REQUESTER"
    ON_HOLD = "ON_HOLD"
    RESOLVED = "RESOLVED"
    CLOSED = "CLOSED"
    CANCELLED = "CANCELLED"


OPEN = frozenset({State.NEW, State.IN_PROGRESS, State.AWAITING_REQUESTER, State.ON_HOLD})


class Channel(StrEnum):
    """How it came in; UNSPECIFIED only where an imported history does not say."""

    UNSPECIFIED = "UNSPECIFIED"
    PORTAL = "PORTAL"
    EMAIL = "EMAIL"
    CHAT = "CHAT"
    PHONE = "PHONE"
    WALK_UP = "WALK_UP"
    API = "API"
    MONITORING = "MONITORING"


class HoldReason(StrEnum):
    """What a ticket on hold waits for."""

    VENDOR = "VENDOR"
    PROBLEM = "PROBLEM"
    CHANGE = "CHANGE"
    EVIDENCE = "EVIDENCE"
    OTHER = "OTHER"


class ResolutionCode(StrEnum):
    """How it ended; IMPORTED is said by histories alone."""

    FIXED = "FIXED"
    WORKAROUND = "WORKAROUND"
    DELIVERED = "DELIVERED"
    NOT_REPRODUCED = "NOT_REPRODUCED"
    DUPLICATE = "DUPLICATE"
    NO_FAULT = "NO_FAULT"
    IMPORTED = "IMPORTED"


class LinkRelation(StrEnum):
    """What a link says of its target."""

    RELATES_TO = "RELATES_TO"
    DUPLICATES = "DUPLICATES"
    CAUSED_BY = "CAUSED_BY"
    SOLVED_BY = "SOLVED_BY"


class Visibility(StrEnum):
    """Whether the requester sees it too."""

    PUBLIC = "PUBLIC"
    INTERNAL = "INTERNAL"


@dataclass(frozen=True, slots=True)
class Hold:
    """What blocks a ticket, since when, and who can unblock it. The requester sees all of it."""

    reason: HoldReason
    note: str
    unblocker: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Question:
    """What the requester still owes an answer to."""

    text: str
    asker: str
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class Resolution:
    """How it ended. articles: names such as "articles/KB-000007"."""

    code: ResolutionCode
    note: str = ""
    articles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Link:
    """A relation to another resource, stored on this side only."""

    relation: LinkRelation
    target: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """A named file; its bytes are kept apart. size: bytes."""

    id: str
    file_name: str
    content_type: str
    size: int
    uploader: str
    uploaded_at: datetime
    visibility: Visibility


@dataclass(frozen=True, slots=True)
class Comment:
    """A text beside the ticket; it travels in its event and is kept in the journal, not in the ticket."""

    text: str
    visibility: Visibility
    author: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Ticket:
    """One incident or request. Instants are aware UTC in milliseconds.

    impact, urgency: 1 high, 2 medium, 3 low, 0 before triage. priority: 1 to 4, 0 before triage.
    teams: every team that has had it, each once, the latest to get it last.
    reassignments: changes between teams (E06); assignment_changes: every change of the field `team` since opening.
    closes_at: when a resolved ticket closes by itself; None when it does not, as those that histories resolved.
    item: "items/<id>", what was ordered or is broken. impact_started_at: up to opened_at, None when not known.
    importing: its history is still coming in; nothing but history may change it.
    """

    type: Type
    state: State
    title: str
    opened_at: datetime
    updated_at: datetime
    description: str = ""
    requester: str = ""
    opener: str = ""
    channel: Channel = Channel.UNSPECIFIED
    impact: int = 0
    urgency: int = 0
    priority: int = 0
    service: str = ""
    category: str = ""
    site: str = ""
    item: str = ""
    unit: str = ""
    team: str = ""
    assignee: str = ""
    teams: tuple[str, ...] = ()
    hold: Hold | None = None
    question: Question | None = None
    resolution: Resolution | None = None
    links: tuple[Link, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    impact_started_at: datetime | None = None
    first_assigned_at: datetime | None = None
    first_responded_at: datetime | None = None
    resolved_at: datetime | None = None
    closes_at: datetime | None = None
    closed_at: datetime | None = None
    reassignments: int = 0
    assignment_changes: int = 0
    reopens: int = 0
    ping_pong: bool = False
    knowledge_used: bool = False
    source: str = ""
    external_id: str = ""
    importing: bool = False

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to act on it."""
        return self.state in OPEN
