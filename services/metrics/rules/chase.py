"""E12-waiting: how often the requester spoke up while nobody asked them and the ticket stood still or was late."""

from __future__ import annotations

from datetime import datetime, timedelta

from services.metrics.rules.waits import Wait

APART = timedelta(hours=1)
"""What the requester says within an hour of the filing, or of a chase, belongs to it."""
URGES_KEPT = 200

Urge = tuple[datetime, bool]
"""When the requester said something in public, and whether the ticket stood still then."""

_OURS_TO_ANSWER = frozenset({Wait.REQUESTER, Wait.EVIDENCE})


def urged(urges: tuple[Urge, ...], standing: Wait | None, at: datetime) -> tuple[Urge, ...]:
    """The urges with one more, the first 200 of them. standing: what the ticket does; None when it is not open.

    What is said while we wait for the requester's answer or for evidence is that answer, and what is said when the
    ticket has ended asks for no progress.
    """
    if standing is None or standing in _OURS_TO_ANSWER or len(urges) >= URGES_KEPT:
        return urges
    return (*urges, (at, standing is not Wait.WORK))


def chases(urges: tuple[Urge, ...], opened_at: datetime, late_since: datetime | None) -> int:
    """How many chases they are. late_since: when a promise was first broken, whenever that became known."""
    found, latest = 0, opened_at
    for at, stood_still in urges:
        late = late_since is not None and late_since <= at
        if (stood_still or late) and at - latest >= APART:
            found, latest = found + 1, at
    return found
