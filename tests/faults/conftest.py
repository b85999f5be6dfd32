"""One system a test module, with two replicas of every service and promises short enough to be broken in a test."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.faults.load import configure
from tests.faults.rig import Rig


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A system of the module's own, ready; whoever breaks something heals it."""
    rig = Rig(tmp_path_factory.mktemp("rig"))
    rig.start()
    try:
        asyncio.run(_prepare(rig))
        yield rig
    finally:
        rig.stop()


async def _prepare(rig: Rig) -> None:
    async with rig.callers() as callers:
        await configure(callers)
