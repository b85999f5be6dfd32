"""Crash points: silent unless asked for, dead on the n-th arrival, loud about a name that is none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
_SCRIPT = """
from services.runtime.crashpoint import reach
for turn in range(4):
    print(turn, flush=True)
    reach("after-write-before-ack")
    reach("after-write-before-relay")
"""


@pytest.mark.parametrize(
    ("wanted", "code", "printed"),
    [
        ("", 0, "0 1 2 3"),
        ("after-write-before-relay:3", 9, "0 1 2"),
        ("after-write-before-ack", 9, "0"),
        ("after-publish-before-mark:1", 0, "0 1 2 3"),
        ("no-such-point:1", 1, ""),
    ],
)
def test_it_dies_where_asked(wanted: str, code: int, printed: str) -> None:
    """The process ends with 9 at the wanted arrival and nowhere else."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TL_CRASH_AT": wanted}
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT], env=environment, capture_output=True, text=True, timeout=30, check=False
    )

    assert (done.returncode, " ".join(done.stdout.split())) == (code, printed)
