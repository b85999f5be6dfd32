"""A system of its own for each test: two replicas of every service, and promises that are broken within seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.load import configure
from tests.faults.rig import Rig


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """A system, ready."""
    rig = Rig(tmp_path)
    rig.start()
    try:
        asyncio.run(_prepare(rig))
        yield rig
    finally:
        rig.stop()


async def _prepare(rig: Rig) -> None:
    async with rig.callers() as callers:
        await configure(callers)
