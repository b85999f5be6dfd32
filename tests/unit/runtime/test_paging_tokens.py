"""Page tokens: what goes in comes out, for the same query only, and nothing strange gets through."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from services.runtime.paging import PageRequest, after, decode, encode, value_at
from services.runtime.refusal import Refusal

INSTANTS = some.datetimes(min_value=datetime(1980, 1, 1), timezones=some.just(UTC)).map(  # noqa: DTZ001 - hypothesis takes it bare
    lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000)
)
KEYS = some.one_of(
    some.none(), some.booleans(), some.integers(), some.text(max_size=50), some.binary(max_size=32), INSTANTS
)


@given(some.lists(KEYS, max_size=4), some.text(max_size=20))
def test_a_token_gives_its_keys_back(keys: list[Any], bind: str) -> None:
    """Types survive: a date stays a date, bytes stay bytes."""
    assert decode(encode(keys, bind), bind, len(keys)) == keys


@given(some.text(max_size=200))
def test_rubbish_is_refused(token: str) -> None:
    """Whatever a client sends, it is a refusal that names the field, never another error."""
    with pytest.raises(Refusal) as caught:
        decode(token, "bind", 2)
    assert (caught.value.reason, caught.value.field) == ("PAGE_TOKEN_INVALID", "page_token")


@pytest.mark.parametrize("key", [{"$gt": ""}, {"t": "2026-01-01"}, {"t": 5}, {"b": "zz"}, {"t": "x", "b": ""}, ["a"]])
def test_no_operator_gets_into_the_query(key: Any) -> None:
    """A hand-made token cannot carry a MongoDB operator or a value of no known type."""
    digest = json.loads(base64.urlsafe_b64decode(encode([], "bind") + "=="))[0]
    token = base64.urlsafe_b64encode(json.dumps([digest, [key]]).encode()).decode().rstrip("=")

    with pytest.raises(Refusal, match="PAGE_TOKEN_INVALID"):
        decode(token, "bind", 1)


def test_a_token_of_another_query_or_order_is_refused() -> None:
    """Bound to its filters and to the number of its keys."""
    token = encode(["x"], "open")
    for bind, count in (("closed", 1), ("open", 2)):
        with pytest.raises(Refusal, match="PAGE_TOKEN_INVALID"):
            decode(token, bind, count)


def test_page_sizes() -> None:
    """0 is 50, too many is 200, less than 0 is refused."""
    assert [PageRequest(size).size for size in (0, 1, 200, 5000)] == [50, 1, 200, 200]
    with pytest.raises(Refusal, match="PAGE_SIZE_INVALID"):
        PageRequest(-1)


def test_the_filters_behind_the_last_row() -> None:
    """Descending dates: older ones, then those without a date, then ties by name."""
    assert after([("at", -1), ("_id", 1)], [5, "b"]) == [
        {"at": 5, "_id": {"$gt": "b"}},
        {"at": {"$lt": 5}},
        {"at": None},
    ]
    assert after([("at", -1), ("_id", -1)], [None, "b"]) == [{"at": None, "_id": {"$lt": "b"}}]
    assert after([("at", 1), ("_id", 1)], [None, "b"]) == [{"at": None, "_id": {"$gt": "b"}}, {"at": {"$ne": None}}]
    assert value_at({"state": {"at": 5}}, "state.at") == 5
    assert value_at({"state": 3}, "state.at") is None
