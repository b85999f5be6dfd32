"""The contracts on imports in pyproject.toml: a tree in order passes, and each way to break the plan is refused."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SERVICES = ("tickets", "sla", "knowledge", "changes", "metrics")
ROOMS = {
    "__init__": "",
    "main": "from services.{0} import rpc\nfrom services.runtime import records\n",
    "rpc": "from services.{0} import rules, store\nimport grpc\n",
    "store": "from services.{0} import wire\nimport pymongo\n",
    "wire": "from services.{0}.rules import shape\nimport google.protobuf\n",
    "rules/__init__": "from services.runtime.actor import Actor\nfrom services.{0}.rules.shape import Shape\n",
    "rules/shape": "from services.runtime.refusal import Refusal\nfrom services.runtime.worktime.span import Span\n",
}
PORTAL = ROOMS | {"web/__init__": "import flask\nimport grpc\n"}
RUNTIME = {
    "__init__": "",
    "actor": "",
    "refusal": "",
    "worktime/__init__": "",
    "worktime/span": "",
    "records": "import pymongo\n",
}

# Where, what is written there, and the contract that must refuse it.
BREACHES = [
    ("tickets/rules/shape", "from services.tickets import store\n", "The rooms of a service"),
    ("sla/wire", "from services.sla import store\n", "The rooms of a service"),
    ("changes/rpc", "from services.changes import events\n", "The rooms of a service"),
    ("metrics/extras", "", "The rooms of a service"),
    ("portal/extras", "", "The rooms of the portal"),
    ("portal/web/pages", "from services.portal import store\n", "The pages know the services"),
    ("knowledge/wire", "from services.sla import wire\n", "The six services meet"),
    ("portal/rpc", "from services.tickets.rules import shape\n", "The six services meet"),
    ("runtime/records", "from services.tickets import rules\n", "The runtime knows no service"),
    ("tickets/rules/shape", "import time\n", "Rules do no input and output"),
    ("tickets/rules/shape", "from google.protobuf import message\n", "Rules do no input and output"),
    ("portal/rules/shape", "from services.runtime.records import Records\n", "Of the runtime, rules know"),
]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Six services in order, under the contracts of this tree."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    rooms = {f"{name}/{room}": text.format(name) for name in SERVICES for room, text in ROOMS.items()}
    rooms |= {f"portal/{room}": text.format("portal") for room, text in PORTAL.items()}
    rooms |= {f"runtime/{room}": text for room, text in RUNTIME.items()}
    for room, text in (rooms | {"__init__": "", "changes/events": ""}).items():
        _write(tmp_path, room, text)
    return tmp_path


def test_the_planned_rooms_are_kept(tree: Path) -> None:
    """A service built to the plan breaks no contract."""
    status, said = _lint(tree)

    assert status == 0, said


@pytest.mark.parametrize(("room", "text", "contract"), BREACHES)
def test_a_breach_is_refused(tree: Path, room: str, text: str, contract: str) -> None:
    """One import, or one room that nobody declared, breaks the contract that guards it."""
    _write(tree, room, text)

    status, said = _lint(tree)

    broken = [line for line in said.splitlines() if " BROKEN" in line]
    assert status == 1, said
    assert any(line.startswith(contract) for line in broken), said


def _write(tree: Path, room: str, text: str) -> None:
    path = tree / "services" / f"{room}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text((path.read_text() if path.exists() else "") + text)


def _lint(tree: Path) -> tuple[int, str]:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [linter, "--no-cache"],
        cwd=tree,
        env={**os.environ, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout
