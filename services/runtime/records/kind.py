"""The words of the write path: what causes a change, what a kind of resource is, and what comes back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from google.protobuf.message import Message
from opentelemetry import trace
from pymongo import IndexModel

from services.runtime.actor import Actor
from services.runtime.journal.entry import moment

if TYPE_CHECKING:
    from services.runtime.records.store import Records

S = TypeVar("S")

Decide = Callable[[Any], tuple[Any, Sequence[Any]]]


@dataclass(frozen=True, slots=True)
class Cause:
    """Why something changes; applied at most once to one resource.

    id: "<sub>/<request_id>" of a call, the ce-id of an event, or "due/<name>/<step>/<instant>" of a timer.
    at: when it happened; truncated to milliseconds. Live work: now; an imported step: its own time.
    digest: SHA-256 hex of the request, "" for events and timers.
    """

    id: str
    actor: Actor
    at: datetime
    digest: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "at", moment(self.at))


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment at which a resource asks to be looked at again; `step` says why and holds no slash."""

    step: str
    at: datetime

    def __post_init__(self) -> None:
        if not self.step or "/" in self.step:
            raise ValueError(f"a step is one word without a slash: {self.step!r}")
        object.__setattr__(self, "at", moment(self.at))


def due_id(name: str, step: str, at: datetime) -> str:
    """The id of an armed hint and of the cause that it becomes: "due/<name>/<step>/<instant in UTC, milliseconds>"."""
    return f"due/{name}/{step}/{moment(at).isoformat(timespec='milliseconds')}"


@dataclass(frozen=True, slots=True)
class Stamp:
    """What an event message needs to know of the resource after the change, besides its state.

    sequence: the number of this very event on its resource; version: of the document; time: when it happened.
    """

    name: str
    sequence: int
    version: int
    time: datetime

    @property
    def etag(self) -> str:
        """The etag of the resource as of this event."""
        return f'"{self.sequence}"'


def _no_deadlines(_state: Any) -> Iterable[Deadline]:
    return ()


@dataclass(frozen=True, eq=False)
class Kind(Generic[S]):
    """How one kind of resource is kept; declared in the store of its service.

    collection: the MongoDB collection, and the first segment of the resource names unless `prefix` says otherwise.
    encode / decode: state <-> the document kept under the key "state".
    message: (event, Stamp) -> the protobuf event message that holds the whole resource after the change.
    deadlines: the moments at which this state must be looked at again.
    indexes: over document paths, so "state.unit", not "unit".
    upcasts: from schema n to n + 1, on the encoded state.
    """

    collection: str
    encode: Callable[[S], dict[str, Any]]
    decode: Callable[[Mapping[str, Any]], S]
    message: Callable[[Any, Stamp], Message]
    deadlines: Callable[[S], Iterable[Deadline]] = _no_deadlines
    indexes: Sequence[IndexModel] = ()
    schema: int = 1
    upcasts: Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]] = field(default_factory=dict)
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Record(Generic[S]):
    """A resource as kept. version: +1 per decided cause; sequence: +1 per published event."""

    name: str
    state: S
    version: int
    sequence: int

    @property
    def etag(self) -> str:
        """Changes whenever something was told about the resource."""
        return f'"{self.sequence}"'


@dataclass(frozen=True, slots=True)
class Follow:
    """Which event of another resource a change builds on.

    fold: True, only the next sequence applies and a gap is NotYet; False, the newest wins and gaps are fine.
    """

    resource: str
    sequence: int
    fold: bool


class Mode(Enum):
    """What a change expects to find."""

    CREATE = "create"
    CHANGE = "change"
    UPSERT = "upsert"


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """One decision that waits to be taken on one resource; made by `Records.entry`, carried out by `change_many`."""

    records: Records[Any]
    name: str
    cause: Cause
    decide: Decide
    follow: Follow | None = None
    etag: str = ""
    mode: Mode = Mode.UPSERT
    traceparent: str = ""


def current_traceparent() -> str:
    """The W3C traceparent of the span that runs now, "" outside of any."""
    span = trace.get_current_span().get_span_context()
    # Written out: a propagator takes six times as long, and this runs for each single change.
    return f"00-{span.trace_id:032x}-{span.span_id:016x}-{span.trace_flags:02x}" if span.is_valid else ""
