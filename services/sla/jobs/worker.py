"""The judging of a batch, in a process of its own: it shares no memory with the calls that the service answers."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.sla.rules import tally
from services.sla.rules.history import whole
from services.sla.rules.judgement import judge
from services.sla.rules.trial import Trial
from services.sla.store import past
from services.sla.store.judgements import Found
from services.sla.wire import judgement as wire


@dataclass(frozen=True, slots=True)
class Given:
    """What all batches of a judgement are judged by. now: up to when clocks that still run are judged."""

    trial: Trial
    now: datetime


_given: list[Given] = []


def prepare(given: Given) -> None:
    """Takes what batches are judged by; ends this process with the one that started it, even if that is killed."""
    _given[:] = [given]
    parent = multiprocessing.parent_process()
    if parent is not None:

        def follow() -> None:
            parent.join()
            os._exit(1)

        threading.Thread(target=follow, daemon=True).start()


def judged(data: bytes) -> tuple[Found, list[dict[str, Any]]]:
    """What a batch of past tickets comes to, and the rows of its flips."""
    return judge_batch(_given[0], data)


def judge_batch(given: Given, data: bytes) -> tuple[Found, list[dict[str, Any]]]:
    """The same, with what it is judged by."""
    found, rows = Found({}), []
    for document in past.decoded(data):
        _sum(found, document)
        filed = past.filed(document, given.now)
        if not whole(filed.history):
            found.unjudged += 1
            continue
        after, flips = judge(filed, given.trial, given.now)
        found.unconcerned += after is filed.outcomes
        tally.add(found.tally, filed, after)
        rows += [wire.row(flip) for flip in flips]
    return found, rows


def summed(data: bytes) -> Found:
    """Only the sums over a batch, without judging it."""
    found = Found({})
    for document in past.decoded(data):
        _sum(found, document)
    return found


def add(found: Found, parts: Sequence[Found]) -> None:
    """Adds what other batches came to."""
    for part in parts:
        tally.merge(found.tally, part.tally)
        found.tickets += part.tickets
        found.unconcerned += part.unconcerned
        found.unjudged += part.unjudged
        found.digest += part.digest
        found.versions += part.versions


def _sum(found: Found, document: dict[str, Any]) -> None:
    found.tickets += 1
    found.versions += document["version"]
    found.digest += past.digest(document)
