"""The write path on a real MongoDB: once per cause, refusals that change nothing, deadlines armed before the write."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.runtime.records import Follow, Record, change_many, due_id
from services.runtime.records.decide import CAUSES_KEPT, OUTBOX_ENTRIES, RESOURCE_BYTES
from services.runtime.refusal import NotYet, Refusal
from tests.service.runtime.jars import JARS, START, Cellar, Jar, cause, new, put


@pytest.fixture
async def cellar(mongo_uri: str, database: str) -> AsyncIterator[Cellar]:
    """An empty cellar."""
    async with Cellar(mongo_uri, database) as one:
        yield one


async def test_a_change_is_one_document_with_state_event_and_chain(cellar: Cellar) -> None:
    """Create and change carry state, version, cause, head and a linked entry, completed by the write."""
    first = await cellar.jars.create("jars/A", cause("r1", at=START + timedelta(microseconds=1999)), new(5))
    second = await cellar.jars.change("jars/A", cause("r2"), put(7), etag=first.etag)
    document = await cellar.document("jars/A")

    assert first == Record("jars/A", Jar((5,)), 1, 1)
    assert second == Record("jars/A", Jar((5, 7)), 2, 2)
    assert second.etag == '"2"'
    assert await cellar.jars.get("jars/A") == second
    one, two = document["outbox"]
    assert (one["_id"], one["sequence"], one["type"]) == ("jars/A/1/0~1", 1, "throughline.probe.v1.Counted")
    assert one["time"] == START + timedelta(milliseconds=1)
    assert (two["prev"], document["head"]) == (one["hash"], two["hash"])
    assert [known["id"] for known in document["causes"]] == ["people/ann/r1", "people/ann/r2"]


async def test_a_cause_is_applied_once(cellar: Cellar) -> None:
    """The same request again gives the current state and writes nothing; with another content it is refused."""
    await cellar.jars.create("jars/A", cause("r1", "d1"), new(5))
    await cellar.jars.change("jars/A", cause("r2", "d2"), put(7))
    await cellar.jars.change("jars/A", cause("r3"), put(9))

    again = await cellar.jars.change("jars/A", cause("r2", "d2"), put(7), etag='"1"')

    assert again.state.coins == (5, 7, 9)
    assert again.version == 3
    with pytest.raises(Refusal, match="REQUEST_ID_REUSED"):
        await cellar.jars.change("jars/A", cause("r2", "other"), put(8))
    assert (await cellar.document("jars/A"))["version"] == 3


async def test_a_creation_is_once_whatever_its_name(cellar: Cellar) -> None:
    """A repeated creation returns the first resource, even under another name; another request finds the name taken."""
    await cellar.jars.create("jars/A", cause("r1", "d1"), new(5))
    await cellar.jars.change("jars/A", cause("r2"), put(1))

    same = await cellar.jars.create("jars/A", cause("r1", "d1"), new(5))
    renamed = await cellar.jars.create("jars/B", cause("r1", "d1"), new(5))

    assert (same.name, same.state.coins) == ("jars/A", (5, 1))
    assert renamed == same
    for name in ("jars/A", "jars/B"):
        with pytest.raises(Refusal, match="REQUEST_ID_REUSED"):
            await cellar.jars.create(name, cause("r1", "other"), new(6))
    with pytest.raises(Refusal, match="ALREADY_EXISTS"):
        await cellar.jars.create("jars/A", cause("r9"), new(5))
    assert await cellar.jars.count({}, 10) == 1


async def test_a_repeated_creation_is_answered_even_when_the_rule_would_now_refuse(cellar: Cellar) -> None:
    """What was carried out stays carried out: the rule is not asked again, though the world has changed since."""

    def refuse() -> tuple[Jar, tuple[()]]:
        raise Refusal.precondition("SHOP_CLOSED", "Come back tomorrow.")

    made = await cellar.jars.create("jars/A", cause("r1"), new(5))

    assert await cellar.jars.create("jars/A", cause("r1"), refuse) == made
    assert await cellar.jars.create("jars/B", cause("r1"), refuse) == made
    with pytest.raises(Refusal, match="SHOP_CLOSED"):
        await cellar.jars.create("jars/B", cause("r2"), refuse)


async def test_refusals_change_nothing(cellar: Cellar) -> None:
    """Absent, stale etag, refused by the rule: each says so, and the document stays as it was."""

    def refuse(_jar: Jar) -> tuple[Jar, tuple[()]]:
        raise Refusal.precondition("LID_CLOSED", "Open the lid first.")

    await cellar.jars.create("jars/A", cause("r1"), new(5))
    before = await cellar.document("jars/A")

    with pytest.raises(Refusal, match="NOT_FOUND"):
        await cellar.jars.change("jars/none", cause("r2"), put(1))
    with pytest.raises(Refusal, match="NOT_FOUND"):
        await cellar.jars.get("jars/none")
    with pytest.raises(Refusal, match="ETAG_MISMATCH"):
        await cellar.jars.change("jars/A", cause("r2"), put(1), etag='"7"')
    with pytest.raises(Refusal, match="LID_CLOSED"):
        await cellar.jars.change("jars/A", cause("r2"), refuse)
    with pytest.raises(ValueError, match="no name"):
        await cellar.jars.create("boxes/A", cause("r3"), new())
    assert await cellar.document("jars/A") == before
    assert (await cellar.jars.change("jars/A", cause("r2"), put(1))).version == 2


async def test_nothing_to_tell_leaves_an_entry_that_is_not_published(cellar: Cellar) -> None:
    """A cause without events moves the version, not the sequence, and is still remembered by the journal."""
    await cellar.jars.create("jars/A", cause("r1"), new(5))
    silent = await cellar.jars.change("jars/A", cause("r2"), put(1, events=0))
    loud = await cellar.jars.change("jars/A", cause("r3"), put(1, events=2))
    await cellar.relay.stop()

    assert (silent.version, silent.sequence, loud.version, loud.sequence) == (2, 1, 3, 3)
    entries = await cellar.entries("jars/A")
    assert [(entry.version, entry.n, entry.sequence, bool(entry.type)) for entry in entries] == [
        (1, 0, 1, True),
        (2, 0, 0, False),
        (3, 0, 2, True),
        (3, 1, 3, True),
    ]
    assert [entry.sequence for entry in cellar.broker.published] == [1, 2, 3]
    assert await cellar.journal.seen("jars/A", "people/ann/r2")
    assert (await cellar.verdict()).fault is None


async def test_the_journal_remembers_causes_that_the_document_forgot(cellar: Cellar) -> None:
    """After 64 more causes the first is still known: from the outbox before the relay ran, from the journal after."""
    await cellar.jars.create("jars/A", cause("r0"), new(0))
    numbers = range(1, CAUSES_KEPT + 36)
    await change_many([cellar.jars.entry("jars/A", cause(f"r{i}"), put(i)) for i in numbers])
    document = await cellar.document("jars/A")
    from_outbox = await cellar.jars.change("jars/A", cause("r1"), put(1000))
    await cellar.relay.stop()
    from_journal = await cellar.jars.change("jars/A", cause("r1"), put(1000))
    in_batch = await change_many([cellar.jars.entry("jars/A", cause(f"r{i}"), put(i)) for i in (1, 2, 99, 200)])

    assert len(document["causes"]) == CAUSES_KEPT
    assert document["outbox"][0]["cause"] == "people/ann/r0"
    assert from_outbox.state.coins == from_journal.state.coins == tuple(range(100))
    assert (await cellar.document("jars/A"))["version"] == 101
    assert isinstance(in_batch[3], Record)
    assert in_batch[3].state.coins == (*range(100), 200)
    again = await cellar.jars.create("jars/B", cause("r0"), new(0))
    assert (again.name, again.version) == ("jars/A", 101)


async def test_an_outbox_that_cannot_drain_refuses(cellar: Cellar) -> None:
    """At 256 waiting entries the next change is OUTBOX_FULL; once the relay has run it goes through."""
    await cellar.jars.create("jars/A", cause("r0"), new(0))
    results = await change_many([cellar.jars.entry("jars/A", cause(f"r{i}"), put(i)) for i in range(1, 300)])
    refused = [result for result in results if isinstance(result, Refusal)]

    assert len(refused) == 299 - (OUTBOX_ENTRIES - 1)
    assert {refusal.reason for refusal in refused} == {"OUTBOX_FULL"}
    with pytest.raises(Refusal, match="OUTBOX_FULL"):
        await cellar.jars.change("jars/A", cause("late"), put(1))
    await cellar.relay.stop()
    assert (await cellar.jars.change("jars/A", cause("late"), put(1))).version == OUTBOX_ENTRIES + 1


async def test_a_resource_too_large_is_refused_alone(cellar: Cellar) -> None:
    """Of three changes in one write only the one that passes 128 KB is refused."""
    changes = [
        cellar.jars.entry("jars/A", cause("r1"), put(1)),
        cellar.jars.entry("jars/A", cause("r2"), put(2, label="x" * RESOURCE_BYTES)),
        cellar.jars.entry("jars/A", cause("r3"), put(3)),
    ]
    first, second, third = await change_many(changes)

    assert isinstance(first, Record)
    assert isinstance(second, Refusal)
    assert second.reason == "RESOURCE_TOO_LARGE"
    assert isinstance(third, Record)
    assert third.state.coins == (1, 3)
    assert (await cellar.jars.get("jars/A")).version == 2


async def test_one_failing_change_does_not_stop_the_others(cellar: Cellar) -> None:
    """Refusal, NotYet and a bug in a rule are results of their own change; the rest of the group is written."""

    def broken(_jar: Jar | None) -> tuple[Jar, tuple[()]]:
        raise KeyError("a bug")

    def early(_jar: Jar | None) -> tuple[Jar, tuple[()]]:
        raise NotYet("waits")

    results = await change_many(
        [
            cellar.jars.entry("jars/A", cause("r1"), put(1)),
            cellar.jars.entry("jars/A", cause("r2"), broken),
            cellar.jars.entry("jars/B", cause("r3"), early),
            cellar.jars.entry("jars/A", cause("r4"), put(4)),
            cellar.jars.entry("jars/A", cause("r1"), put(1)),
        ]
    )

    assert [type(result) for result in results] == [Record, KeyError, NotYet, Record, Record]
    assert (await cellar.jars.get("jars/A")).state.coins == (1, 4)
    assert await cellar.jars.find(["jars/A", "jars/B"]) == {"jars/A": await cellar.jars.get("jars/A")}


async def test_a_fold_takes_the_next_event_only(cellar: Cellar) -> None:
    """A gap is NotYet, a stale event changes nothing and leaves no entry, the next one applies."""

    async def hear(sequence: int, *, fold: bool = True) -> Record[Jar]:
        follow = Follow("tickets/INC.1$x", sequence, fold=fold)
        return await cellar.jars.upsert("jars/A", cause(f"e{sequence}"), put(sequence), follow=follow)

    await hear(1)
    with pytest.raises(NotYet):
        await hear(3)
    await hear(2)
    stale = await hear(1)
    newest = await hear(9, fold=False)
    behind = await hear(5, fold=False)

    assert stale.state.coins == (1, 2)
    assert newest.state.coins == behind.state.coins == (1, 2, 9)
    document = await cellar.document("jars/A")
    assert document["follows"] == {"tickets/INC%2E1%24x": 9}
    assert len(document["outbox"]) == document["version"] == 3


async def test_deadlines_are_armed_before_the_write_and_only_when_new(cellar: Cellar) -> None:
    """The hint of a deadline is stored even when the document's write is then lost; known ones are not repeated."""
    soon, later = START + timedelta(hours=1), START + timedelta(hours=2, microseconds=1500)
    await cellar.jars.create("jars/A", cause("r1"), new(1, due=[soon]))

    def add(jar: Jar) -> tuple[Jar, tuple[()]]:
        return replace(jar, due=(*jar.due, later)), ()

    await cellar.jars.change("jars/A", cause("r2"), add)
    with pytest.raises(Refusal, match="ALREADY_EXISTS"):
        await cellar.jars.create("jars/A", cause("r3"), new(1, due=[later]))

    at = later - timedelta(microseconds=500)
    assert cellar.armed[:2] == [(due_id("jars/A", "look", soon), soon), (due_id("jars/A", "look", at), at)]
    assert due_id("jars/A", "look", at) == "due/jars/A/look/2026-03-02T11:00:00.001+00:00"


async def test_documents_of_an_older_schema_are_brought_up(mongo_uri: str, database: str) -> None:
    """An upcast reads what an earlier release wrote; a later release's document is refused, not misread."""
    async with Cellar(mongo_uri, database) as cellar:
        await cellar.jars.create("jars/A", cause("r1"), new(5))
    newer = replace(JARS, schema=2, upcasts={1: lambda state: {**state, "label": "was " + str(state["total"])}})
    async with Cellar(mongo_uri, database, kind=newer) as cellar:
        assert (await cellar.jars.get("jars/A")).state.label == "was 5"
        await cellar.jars.change("jars/A", cause("r2"), put(1))
    async with Cellar(mongo_uri, database) as cellar:
        with pytest.raises(Refusal, match="SCHEMA_NEWER"):
            await cellar.jars.get("jars/A")


async def test_times_need_a_zone() -> None:
    """A cause without a time zone is a mistake found at once."""
    with pytest.raises(ValueError, match="time zone"):
        cause("r1", at=datetime(2026, 1, 1))  # noqa: DTZ001 - what it refuses
    assert cause("r1", at=datetime(2026, 1, 1, microsecond=999, tzinfo=UTC)).at.microsecond == 0
