"""Opaque page tokens bound to their query: a token of one list is refused by another."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from pymongo.asynchronous.collection import AsyncCollection

from services.runtime.refusal import Refusal

T = TypeVar("T")

DEFAULT_SIZE = 50
MAX_SIZE = 200
_MAX_TOKEN = 8192


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page is asked for.

    size: items a page; 0 means 50, more than 200 means 200, less than 0 is refused.
    token: "" for the first page, else `Page.next_token` of the one before.
    bind: what identifies the query (its filters, not its page), so that a token cannot be used with another.
    """

    size: int = 0
    token: str = ""
    bind: str = ""

    def __post_init__(self) -> None:
        if self.size < 0:
            raise Refusal.invalid("page_size", "PAGE_SIZE_INVALID", "A page size is 0 (the default) or more.")
        object.__setattr__(self, "size", min(self.size or DEFAULT_SIZE, MAX_SIZE))


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page; next_token is "" on the last."""

    items: list[T] = field(default_factory=list)
    next_token: str = ""


def encode(keys: Sequence[Any], bind: str) -> str:
    """The token that continues after the row with these sort keys (str, int, float, bool, None, bytes or datetime)."""
    body = json.dumps([_bind_digest(bind), [_to_json(key) for key in keys]], separators=(",", ":"))
    return base64.urlsafe_b64encode(body.encode()).decode().rstrip("=")


def decode(token: str, bind: str, count: int) -> list[Any]:
    """The sort keys inside a token made by `encode` for the same query.

    Raises:
        Refusal: PAGE_TOKEN_INVALID, when the token is not ours, is of another query, or holds not `count` keys.
    """
    try:
        if len(token) > _MAX_TOKEN:
            raise ValueError("too long")
        body = json.loads(base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True))
        digest, keys = body
        if digest != _bind_digest(bind) or len(keys) != count:
            raise ValueError("of another query")
        return [_from_json(key) for key in keys]
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError, binascii.Error) as error:
        raise Refusal.invalid(
            "page_token", "PAGE_TOKEN_INVALID", "This page token belongs to no such list; start from the first page."
        ) from error


def after(order: Sequence[tuple[str, int]], keys: Sequence[Any]) -> list[dict[str, Any]]:
    """The MongoDB filters for the rows behind the row with these keys, one behind the other, without overlap.

    Null and missing sort first when ascending, last when descending.
    order: (path, 1 or -1), the last path unique. A path holds one type of value or nothing, and no arrays.
    """
    steps: list[dict[str, Any]] = []
    same: dict[str, Any] = {}
    for (path, direction), key in zip(order, keys, strict=True):
        # Rows that tie on more paths come first.
        steps = [{**same, **step} for step in _beyond(path, direction, key)] + steps
        same[path] = key
    return steps


async def find_page(
    collection: AsyncCollection[dict[str, Any]],
    where: Mapping[str, Any],
    order: Sequence[tuple[str, int]],
    page: PageRequest,
    *,
    projection: Mapping[str, Any] | None = None,
    hint: Sequence[tuple[str, int]] | None = None,
    most_ms: int | None = None,
) -> Page[dict[str, Any]]:
    """One page of a collection by keyset, so that page 1,000 costs what page 1 costs.

    order: (path, 1 or -1), the last path unique; see `after`. A projection must keep the paths of the order.
    hint: the keys of the index to take; None lets the store try out which is best. most_ms: how long it may look.

    Raises:
        Refusal: PAGE_TOKEN_INVALID.
        pymongo.errors.ExecutionTimeout: the store needs longer than `most_ms`.
    """
    bind = json.dumps([collection.name, list(order), page.bind])
    steps = after(order, decode(page.token, bind, len(order))) if page.token else [{}]
    rows: list[dict[str, Any]] = []
    # One after the other, not as one $or: MongoDB merges the branches of an $or by documents, in which null and
    # missing differ, and each of these is a plain walk along the index.
    for step in steps:
        filters = {"$and": [where, step]} if where and step else where or step
        found = collection.find(filters, projection, hint=list(hint) if hint else None, max_time_ms=most_ms)
        found = found.sort(list(order)).limit(page.size + 1 - len(rows))
        rows += await found.to_list()
        if len(rows) > page.size:
            break
    if len(rows) <= page.size:
        return Page(rows)
    rows = rows[: page.size]
    return Page(rows, encode([value_at(rows[-1], path) for path, _ in order], bind))


def _beyond(path: str, direction: int, key: Any) -> list[dict[str, Any]]:
    if key is None:
        return [{path: {"$ne": None}}] if direction > 0 else []
    if direction > 0:
        return [{path: {"$gt": key}}]
    return [{path: {"$lt": key}}] if path == "_id" else [{path: {"$lt": key}}, {path: None}]


def value_at(document: Mapping[str, Any], path: str) -> Any:
    """The value under a dotted path, None when it is missing."""
    value: Any = document
    for part in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(part)
    return value


def _bind_digest(bind: str) -> str:
    return hashlib.sha256(bind.encode()).hexdigest()[:16]


def _to_json(key: Any) -> Any:
    if isinstance(key, datetime):
        return {"t": key.astimezone(UTC).isoformat()}
    if isinstance(key, bytes):
        return {"b": key.hex()}
    if key is None or isinstance(key, str | int | float | bool):
        return key
    raise TypeError(f"no sort key: {type(key).__name__}")


def _from_json(key: Any) -> Any:
    if isinstance(key, dict):
        if set(key) == {"t"}:
            at = datetime.fromisoformat(key["t"])
            if at.tzinfo is None:
                raise ValueError("an instant without a zone")
            return at
        if set(key) == {"b"}:
            return bytes.fromhex(key["b"])
        raise ValueError("no sort key")
    if isinstance(key, list):
        raise TypeError("no sort key")
    return key
