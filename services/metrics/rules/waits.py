"""What a ticket does while it is open, second by second: it waits for somebody, or it is worked on."""

from __future__ import annotations

from enum import StrEnum


class Wait(StrEnum):
    """Each second of an open ticket is one of them. QUEUE: nobody of its team, or of the service desk, took it up."""

    QUEUE = "QUEUE"
    WORK = "WORK"
    REQUESTER = "REQUESTER"
    VENDOR = "VENDOR"
    PROBLEM = "PROBLEM"
    CHANGE = "CHANGE"
    EVIDENCE = "EVIDENCE"
    OTHER = "OTHER"


Waits = tuple[tuple[Wait, int], ...]
"""Whole seconds of wall time by kind, in the order of the names; without those of which there were none."""


def with_wait(waits: Waits, wait: Wait, seconds: int) -> Waits:
    """The waits with some more of one; less than a second adds nothing."""
    if seconds <= 0:
        return waits
    found = dict(waits)
    found[wait] = found.get(wait, 0) + seconds
    return tuple(sorted(found.items()))
