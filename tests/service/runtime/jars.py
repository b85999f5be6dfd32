"""A made-up kind of resource for tests of the write path: jars into which causes put coins."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from google.protobuf.message import Message
from pymongo import ASCENDING, AsyncMongoClient, IndexModel

from services.runtime.actor import Actor
from services.runtime.journal import Entry, Journal, Verdict, verify
from services.runtime.records import Cause, Deadline, Kind, Records, Stamp
from services.runtime.relay import Relay
from tests.service.runtime.probe import Counted

ANN = Actor("people/ann", frozenset({"agent"}))
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Jar:
    """What is kept: the coins in the order they came, a label, and when to look again."""

    coins: tuple[int, ...] = ()
    label: str = ""
    due: tuple[datetime, ...] = ()


@dataclass(frozen=True)
class CoinPut:
    """The event of a jar."""

    coin: int


def _encode(jar: Jar) -> dict[str, Any]:
    return {"coins": list(jar.coins), "label": jar.label, "due": list(jar.due), "total": sum(jar.coins)}


def _decode(document: Mapping[str, Any]) -> Jar:
    return Jar(tuple(document["coins"]), document["label"], tuple(document["due"]))


def _message(event: CoinPut, stamp: Stamp) -> Message:
    message: Message = Counted(number=event.coin, text=stamp.etag)
    return message


JARS: Kind[Jar] = Kind(
    collection="jars",
    encode=_encode,
    decode=_decode,
    message=_message,
    deadlines=lambda jar: [Deadline("look", at) for at in jar.due],
    indexes=[IndexModel([("state.total", ASCENDING), ("_id", ASCENDING)])],
)

Decision = tuple[Jar, Sequence[CoinPut]]


def cause(id: str, digest: str = "", at: datetime = START) -> Cause:
    """A cause of Ann's."""
    return Cause(f"people/ann/{id}", ANN, at, digest)


def put(coin: int, *, label: str | None = None, events: int = 1) -> Callable[[Jar | None], Decision]:
    """Decides that a coin goes in; `events` 0 tells nobody."""

    def decide(jar: Jar | None) -> Decision:
        before = jar or Jar()
        after = replace(before, coins=(*before.coins, coin), label=before.label if label is None else label)
        return after, (CoinPut(coin),) * events

    return decide


def new(coin: int = 0, due: Sequence[datetime] = ()) -> Callable[[], Decision]:
    """Decides that there is a new jar."""
    return lambda: (Jar((coin,), due=tuple(due)), (CoinPut(coin),))


@dataclass
class Broker:
    """Stands for JetStream at the edge of the process: one stream with ids, that can be away, wiped or cut."""

    ids: dict[str, int] = field(default_factory=dict)
    away: bool = False
    created: datetime = START
    last_seq: int = 0
    published: list[Entry] = field(default_factory=list)

    async def publish(self, entries: Sequence[Entry]) -> list[int | Exception]:
        """Takes what it has not yet; answers with the sequence of each."""
        answers: list[int | Exception] = []
        for entry in entries:
            if self.away:
                answers.append(ConnectionError("away"))
                continue
            self.published.append(entry)
            if entry.id not in self.ids:
                self.last_seq += 1
                self.ids[entry.id] = self.last_seq
            answers.append(self.ids[entry.id])
        return answers

    async def tail_msg_id(self, seq: int) -> str | None:
        """The id at a sequence."""
        return next((id_ for id_, sequence in self.ids.items() if sequence == seq), None)

    async def stream_state(self, _name: str) -> Broker:
        """Itself."""
        if self.away:
            raise ConnectionError("away")
        return self


class Cellar:
    """A database with jars, their journal, and a relay that the test starts or sweeps itself."""

    def __init__(self, uri: str, database: str, *, kind: Kind[Jar] = JARS, epoch: int = 1, **options: Any) -> None:
        self.client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(uri, **options)
        self.db = self.client[database]
        self.journal = Journal(self.db)
        self.broker = Broker()
        self.relay = Relay(self.journal, self.broker.publish)
        self.armed: list[tuple[str, datetime]] = []
        self.ago = timedelta(0)
        self.jars = Records(
            self.db, kind, self.journal, arm=self._arm, notice=self.relay.notice, epoch=epoch, clock=self._now
        )
        self.relay.watch(self.jars)

    async def __aenter__(self) -> Self:
        await self.jars.ensure_indexes()
        await self.journal.ensure_indexes()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.close()

    def _now(self) -> datetime:
        return datetime.now(UTC) - self.ago

    async def _arm(self, hints: Sequence[tuple[str, datetime]]) -> None:
        self.armed += hints

    async def document(self, name: str) -> dict[str, Any]:
        """The document as it is."""
        return await self.jars.collection.find_one({"_id": name}) or {}

    async def entries(self, name: str) -> list[Entry]:
        """All journalled entries of a resource, in order."""
        return [entry async for batch in self.journal.walk({"resource": name}) for entry in batch]

    async def verdict(self) -> Verdict:
        """The journal's verification, whatever signs its checkpoints."""
        return await verify(self.journal, lambda _kid, _signature, _signed: True)
