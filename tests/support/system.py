"""The whole system for tests that need all six services: started once a test file, in a folder of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deploy.local.system import System


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Both stores, the six services and the pages, ready and empty, on free ports; no file sees another's tickets."""
    whole = System(tmp_path_factory.mktemp("system"))
    whole.start()
    yield whole
    whole.abandon()  # Nothing of it is read again; how processes end well is the subject of tests of its own.
