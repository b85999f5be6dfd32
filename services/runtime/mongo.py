"""The one way in which a service reaches MongoDB: majority, journalled, and giving up before a caller does."""

from __future__ import annotations

from typing import Any

from pymongo import AsyncMongoClient

from services.runtime.settings import Settings

_SELECT_MS = 1_500


def connect(settings: Settings) -> AsyncMongoClient[dict[str, Any]]:
    """The driver gives up well before a caller does, so that the caller hears why, also when it tries twice.

    Not timeoutMS: under it the driver would look for a primary for as long as a slow answer may take.
    """
    return AsyncMongoClient(
        settings.mongo_uri,
        appname=settings.service,
        w="majority",
        journal=True,
        readConcernLevel="majority",
        retryWrites=True,
        retryReads=True,
        tz_aware=True,
        serverSelectionTimeoutMS=_SELECT_MS,
        connectTimeoutMS=_SELECT_MS,
        waitQueueTimeoutMS=_SELECT_MS,
        socketTimeoutMS=settings.store_timeout_ms,
        maxPoolSize=64,
    )
