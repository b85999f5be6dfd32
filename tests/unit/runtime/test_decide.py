"""Deciding without any store: at most once a cause, all or nothing a change, a chain that links."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from google.protobuf.wrappers_pb2 import Int64Value
from hypothesis import given
from hypothesis import strategies as some
from pymongo import InsertOne, UpdateOne

from services.runtime.actor import system
from services.runtime.journal import Entry, check_chain
from services.runtime.records import Cause, Change, Follow, Kind, Mode, Stamp
from services.runtime.records.decide import Draft, follow_key
from services.runtime.refusal import NotYet, Refusal

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
COUNTS: Kind[int] = Kind(
    collection="counts",
    encode=lambda count: {"count": count},
    decode=lambda document: document["count"],
    message=lambda event, _stamp: Int64Value(value=event),
)


@dataclass(frozen=True)
class _Nobody:
    """Stands where a change names its records; deciding never asks them."""


def _change(id: str, add: int, *, events: int = 1, follow: Follow | None = None, digest: str = "") -> Change:
    def decide(count: int | None) -> tuple[int, Sequence[int]]:
        if add < 0:
            raise Refusal.precondition("NEGATIVE", "Only up.")
        return (count or 0) + add, (add,) * events

    nobody: Any = _Nobody()
    return Change(nobody, "counts/A", Cause(id, system("probe"), NOW, digest), decide, follow)


def _draft(document: dict[str, Any] | None = None) -> Draft[int]:
    return Draft(COUNTS, "counts/A", document, epoch=1, now=NOW)


def _kept(draft: Draft[int], before: dict[str, Any] | None = None) -> dict[str, Any]:
    """The document after the draft's write, as MongoDB would keep it."""
    write = draft.write()
    if isinstance(write, InsertOne):
        document = dict(write._doc)
        document["state"] = dict(document["state"])
        return document
    assert isinstance(write, UpdateOne)
    assert before is not None
    assert write._filter == {"_id": "counts/A", "version": before["version"]}
    update: Any = write._doc
    document = {**before, **{key: value for key, value in update["$set"].items() if "." not in key}}
    document["state"] = dict(document["state"])
    follows = {k.partition(".")[2]: value for k, value in update["$set"].items() if k.startswith("follows.")}
    document["follows"] = {**before["follows"], **follows}
    document["causes"] = [*before["causes"], *update["$push"]["causes"]["$each"]][-64:]
    document["outbox"] = [*before["outbox"], *update["$push"]["outbox"]["$each"]]
    return document


STEPS = some.lists(
    some.tuples(some.integers(0, 12), some.integers(-1, 5), some.integers(0, 3)), min_size=1, max_size=40
)


@given(STEPS, some.integers(1, 40))
def test_any_batching_of_causes_gives_the_same_resource(steps: list[tuple[int, int, int]], size: int) -> None:
    """Repeated, refused and silent causes, cut into writes anywhere: counted once, chained, in sequence."""
    document: dict[str, Any] | None = None
    expected: dict[int, int] = {}
    for start in range(0, len(steps), size):
        draft = _draft(document)
        for id_, add, events in steps[start : start + size]:
            if add < 0 and id_ not in expected:
                with pytest.raises(Refusal, match="NEGATIVE"):
                    draft.apply(_change(f"r{id_}", add))
                continue
            draft.apply(_change(f"r{id_}", add, events=events))
            expected.setdefault(id_, add)
        if draft.entries:
            document = _kept(draft, document)
    if document is None:
        assert expected == {}
        return

    entries = _entries(document)
    assert document["state"]["count"] == sum(expected.values())
    assert document["version"] == len(expected)
    assert document["sequence"] == sum(1 for entry in entries if entry.type)
    assert check_chain("counts/A", entries, document["version"], document["head"]) is None
    assert {entry.cause for entry in entries} == {f"r{id_}" for id_ in expected}


def _entries(document: dict[str, Any]) -> list[Entry]:
    return [Entry.from_document(entry) for entry in document["outbox"]]


def test_a_refused_change_leaves_no_trace() -> None:
    """The changes around it are written; of the refused one there is neither cause nor entry nor state."""
    draft = _draft()
    draft.apply(_change("r1", 1))
    before = (draft.record, list(draft.entries), draft.head)
    for change in (_change("r2", -1), _change("r3", 1, follow=Follow("x", 2, fold=True))):
        with pytest.raises((Refusal, NotYet)):
            draft.apply(change)
    assert (draft.record, draft.entries, draft.head) == before
    assert draft.apply(_change("r2", 4)).state == 5


def test_modes() -> None:
    """Change needs the resource, create needs its absence, and a rule is not asked when that fails."""
    change = replace(_change("r1", 1), mode=Mode.CHANGE)
    with pytest.raises(Refusal, match="NOT_FOUND"):
        _draft().apply(change)
    draft = _draft()
    draft.apply(replace(_change("r1", 1), mode=Mode.CREATE))
    with pytest.raises(Refusal, match="ALREADY_EXISTS"):
        draft.apply(replace(_change("r2", 1), mode=Mode.CREATE))
    assert draft.apply(replace(_change("r1", 1), mode=Mode.CREATE)).version == 1
    draft = _draft()
    draft.apply(_change("r1", 1, digest="a"))
    with pytest.raises(Refusal, match="REQUEST_ID_REUSED"):
        draft.apply(_change("r1", 1, digest="b"))


def test_events_know_their_place() -> None:
    """The message gets the name, its own sequence, the version and the instant after the change."""
    stamps: list[Stamp] = []

    def message(event: Any, stamp: Stamp) -> Int64Value:
        stamps.append(stamp)
        return Int64Value(value=event)

    draft: Draft[int] = Draft(replace(COUNTS, message=message), "counts/A", None, epoch=1, now=NOW)
    draft.apply(_change("r1", 1, events=2))
    draft.apply(_change("r2", 1))

    assert [(stamp.sequence, stamp.version, stamp.etag) for stamp in stamps] == [
        (1, 1, '"1"'),
        (2, 1, '"2"'),
        (3, 2, '"3"'),
    ]
    assert {(stamp.name, stamp.time) for stamp in stamps} == {("counts/A", NOW)}


def test_follow_keys_are_plain_field_names() -> None:
    """Dots and dollars do not reach MongoDB as operators, and no two names share a key."""
    names = ["a.b", "a%2Eb", "a$b", "a%b", "a/b"]
    keys = [follow_key(name) for name in names]

    assert len(set(keys)) == len(names)
    assert not any(sign in key for key in keys for sign in ".$")
