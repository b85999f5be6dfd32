"""APScheduler with its MongoDB store, the peer of our timers, where it is installed."""

from __future__ import annotations

import importlib
import importlib.util
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

from pymongo import MongoClient, WriteConcern

from tests.load.rounds import percentile

NAME = "APScheduler"
INSTALL = "pip install apscheduler"
_START_S = 3.0

# Jobs are kept by the name of their function, so what they work with must be found from a module.
_effects: list[Callable[[datetime], None]] = []


def present() -> bool:
    """Whether it can be imported here."""
    return importlib.util.find_spec("apscheduler") is not None


def act(due: datetime) -> None:
    """The job."""
    _effects[-1](due)


def burst(uri: str, count: int) -> float:
    """Jobs a second, all due at once, each with one journalled write."""
    moment = datetime.now(UTC) + timedelta(seconds=_START_S)
    began, ended, _ = _run(uri, [moment] * count)
    return count / (ended - began)


def lag(uri: str, count: int, a_second: int) -> float:
    """The lag in seconds that 95 of 100 jobs do not pass at so many a second."""
    first = datetime.now(UTC) + timedelta(seconds=_START_S)
    return percentile(_run(uri, [first + timedelta(seconds=number / a_second) for number in range(count)])[2], 0.95)


def _run(uri: str, moments: Sequence[datetime]) -> tuple[float, float, list[float]]:
    """When the first was due and the last done (seconds of one clock), and the lags."""
    stores: Any = importlib.import_module("apscheduler.jobstores.mongodb")
    schedulers: Any = importlib.import_module("apscheduler.schedulers.background")
    lags: list[float] = []
    done = Event()
    with MongoClient[dict[str, Any]](uri) as client:
        name = f"peer_{uuid.uuid4().hex[:8]}"
        effects = client.get_database(name, write_concern=WriteConcern("majority", j=True)).effects

        def effect(due: datetime) -> None:
            lags.append((datetime.now(UTC) - due).total_seconds())
            effects.insert_one({"due": due})
            if effects.estimated_document_count() >= len(moments):
                done.set()

        _effects.append(effect)
        # It closes its client when it stops, so it gets one of its own.
        store = stores.MongoDBJobStore(database=name, client=MongoClient(uri))
        scheduler = schedulers.BackgroundScheduler(jobstores={"default": store}, timezone=UTC)
        scheduler.start(paused=True)
        for moment in moments:
            scheduler.add_job(act, "date", run_date=moment, args=(moment,), misfire_grace_time=600)
        began = max(time.time(), moments[0].timestamp())
        scheduler.resume()
        done.wait(60)
        ended = time.time()
        scheduler.pause()
        scheduler.shutdown()
        client.drop_database(name)
    return began, ended, lags
