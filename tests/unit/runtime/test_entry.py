"""Entries: every field that matters is in the hash, and documents keep them whole."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from services.runtime.journal.entry import Entry, fields_digest, moment

AT = datetime(2026, 3, 2, 9, 0, 0, 123000, tzinfo=UTC)
ENTRY = Entry(
    id="jars/A/2/0~1",
    resource="jars/A",
    version=2,
    n=0,
    sequence=2,
    type="throughline.probe.v1.Counted",
    cause="people/ann/r2",
    actor="people/ann",
    behalf="",
    time=AT,
    recorded_at=AT + timedelta(milliseconds=4),
    traceparent="",
    data=b"data",
    salt=b"salt",
    digest=b"d" * 32,
    prev=b"p" * 32,
    hash=b"",
)
OTHER: dict[str, Any] = {
    "id": "jars/A/3/0~1",
    "sequence": 3,
    "type": "throughline.probe.v1.Noted",
    "cause": "people/ann/r3",
    "actor": "people/eve",
    "behalf": "people/eve",
    "time": AT + timedelta(milliseconds=1),
    "recorded_at": AT,
    "digest": b"e" * 32,
    "prev": b"q" * 32,
}
NOT_HASHED = {"resource", "version", "n", "traceparent", "data", "salt", "hash", "state", "stream_sequence", "erased"}


def test_every_field_is_hashed_or_named_here() -> None:
    """A new field must be put into the hash, or into the list of those that other checks cover."""
    assert {field.name for field in fields(Entry)} == NOT_HASHED | set(OTHER)


@pytest.mark.parametrize("field", sorted(OTHER))
def test_the_hash_covers(field: str) -> None:
    """Another value gives another hash."""
    assert replace(ENTRY, **{field: OTHER[field]}).computed_hash() != ENTRY.computed_hash()


@pytest.mark.parametrize("field", ["traceparent", "data", "salt", "state", "stream_sequence", "erased"])
def test_the_hash_leaves_out(field: str) -> None:
    """Sending, sealing and erasing do not break the chain; the data is held by its digest."""
    others: dict[str, Any] = {"stream_sequence": 9, "erased": True, "data": b"", "salt": b""}
    value = others.get(field, "other")
    assert replace(ENTRY, **{field: value}).computed_hash() == ENTRY.computed_hash()


def test_the_hash_is_known() -> None:
    """A chain written by one release verifies in every later one."""
    assert ENTRY.computed_hash().hex() == "91b176ea9ae0f6711f7604e888dd56b1d9c91162fb8bcfac9bfa23702d24b87c"


@given(some.lists(some.binary(max_size=8), max_size=5), some.lists(some.binary(max_size=8), max_size=5))
def test_no_two_field_lists_share_their_bytes(one: list[bytes], other: list[bytes]) -> None:
    """Moving a byte from one field to the next is another digest."""
    assert (fields_digest(b"\x00", *one) == fields_digest(b"\x00", *other)) == (one == other)


def test_a_document_keeps_the_entry() -> None:
    """Full and empty entries come back as they were."""
    empty = replace(ENTRY, type="", sequence=0, data=b"", salt=b"", prev=b"", n=3)
    sent = replace(ENTRY, behalf="people/bob", traceparent="00-1-1-01", state="sent", stream_sequence=7, erased=True)
    for entry in (ENTRY, empty, sent):
        assert Entry.from_document(entry.to_document()) == entry


@given(some.datetimes(timezones=some.just(timezone(timedelta(hours=8)))))
def test_moments_are_utc_and_whole_milliseconds(at: datetime) -> None:
    """Never later than asked, by less than a millisecond."""
    if at.year in (1, 9999):
        return
    kept = moment(at)
    assert kept.tzinfo is UTC
    assert kept.microsecond % 1000 == 0
    assert timedelta(0) <= at - kept < timedelta(milliseconds=1)
