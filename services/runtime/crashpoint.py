"""Named places at which a test may kill the process, to prove that the next one finishes the work."""

from __future__ import annotations

import itertools
import os

POINTS = (
    "after-write-before-relay",
    "after-journal-before-publish",
    "after-publish-before-mark",
    "after-write-before-ack",
)

_wanted, _, _times = os.environ.get("TL_CRASH_AT", "").partition(":")
_arrivals = itertools.count(1)
if _wanted and _wanted not in POINTS:
    raise ValueError(f"TL_CRASH_AT names no crash point: {_wanted!r}; one of {', '.join(POINTS)}")


def reach(point: str) -> None:
    """Dies at once, as by kill -9, when TL_CRASH_AT is "<point>:<n>" and this is the n-th time here."""
    if point == _wanted and next(_arrivals) == int(_times or "1"):
        os._exit(9)
