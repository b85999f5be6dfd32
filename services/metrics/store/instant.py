"""Several reads that agree: all from one snapshot, taken again when the store cannot give it yet."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import OperationFailure

# A new index hides a collection from snapshots before it, until the majority's commit point has passed it: that takes
# milliseconds on a quiet store and up to a second on a busy one.
_PAUSES = (0.02, 0.04, 0.08, 0.16, 0.32, 0.64)
# SnapshotUnavailable, SnapshotTooOld
_NOT_AT_THIS_INSTANT = (246, 239)

T = TypeVar("T")


async def at_one_instant(db: AsyncDatabase[dict[str, Any]], read: Callable[[AsyncClientSession], Awaitable[T]]) -> T:
    """What `read` returns, given a session whose every read sees one instant; it may be called more than once.

    Raises OperationFailure when the store could not show one instant for over a second.
    """
    for pause in (*_PAUSES, None):
        try:
            async with db.client.start_session(snapshot=True) as session:
                return await read(session)
        except OperationFailure as error:
            if error.code not in _NOT_AT_THIS_INSTANT or pause is None:
                raise
            await asyncio.sleep(pause)
    raise AssertionError("unreachable: the last try returns or raises")
