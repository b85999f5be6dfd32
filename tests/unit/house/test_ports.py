"""Ports that are given away: to one process each, and never one that the kernel may give to somebody's connection."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from deploy.local.ports import BLOCK, FIRST, LAST, free_ports

ROOT = Path(__file__).resolve().parents[3]
ASK = "from deploy.local.ports import free_ports; print(*free_ports(50)); input()"


def test_two_processes_are_given_different_ports() -> None:
    """Also while nobody listens on them yet."""
    asking = [
        subprocess.Popen(
            [sys.executable, "-c", ASK], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    told = [one.stdout.readline().split() for one in asking if one.stdout is not None]
    for one in asking:
        one.communicate("\n", timeout=60)

    assert [len(one) for one in told] == [50, 50]
    assert set(told[0]).isdisjoint(told[1])


def test_what_was_given_last_is_not_given_again_soon() -> None:
    """Half a block at a time: two halves have no port in common, and all lie where connections have none."""
    first, second = free_ports(BLOCK // 2), free_ports(BLOCK // 4)

    assert set(first).isdisjoint(second)
    assert all(FIRST <= port < LAST for port in first + second)
