"""Keeps how each test that claims a row of the mission ended, for `make rows` and `make mutations`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

import pytest

FILE = ".local/outcomes.json"
ROW = "row"


def pytest_addoption(parser: pytest.Parser) -> None:
    """--outcomes names another file, as the mutation runs do."""
    parser.addoption("--outcomes", default=FILE, help="where to keep how tests with a row ended")


def pytest_configure(config: pytest.Config) -> None:
    """The process that reports also keeps; the workers of xdist do not."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Keeper(config), "row-outcomes")


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    """Rows travel with the report, also from a worker of xdist."""
    for item in items:
        for mark in item.iter_markers(ROW):
            item.user_properties.extend((ROW, row) for row in mark.args)


class _Keeper:
    """Merges this run into the file: a test counts as passed when all its cases passed in its last run."""

    def __init__(self, config: pytest.Config) -> None:
        self._path = config.rootpath / config.getoption("outcomes")
        self._root = config.rootpath
        self._seen: dict[str, dict[str, object]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        rows = sorted({str(value) for name, value in report.user_properties if name == ROW})
        if not rows:
            return
        test = report.nodeid.partition("[")[0]
        kept = self._seen.setdefault(test, {"rows": rows, "outcome": "passed", "source": digest(self._root, test)})
        if report.outcome != "passed" and kept["outcome"] != "failed":
            kept["outcome"] = "failed" if report.when == "call" and report.failed else "error"

    def pytest_sessionfinish(self) -> None:
        if not self._seen:
            return
        before = json.loads(self._path.read_text()) if self._path.exists() else {}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(json.dumps(before | self._seen, indent=1, sort_keys=True))


def digest(root: Path, test: str) -> str:
    """What the file of a test holds now, so that an outcome of another text does not count."""
    return hashlib.sha256((root / test.partition("::")[0]).read_bytes()).hexdigest()
