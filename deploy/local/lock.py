"""`make lock`: every requirement pinned and hashed, one file a service and one for all; no index is named in them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXTRAS = ("tickets", "sla", "knowledge", "changes", "metrics", "portal", "tool", "proto")
FLAGS = ("--universal", "--fork-strategy", "fewest", "--python-version", "3.11")
FORM = ("--generate-hashes", "--no-header", "--no-annotate", "--quiet")


def main() -> None:
    """dev first; the services take its versions, so that tests and images hold the same."""
    dev = ROOT / "requirements" / "dev.txt"
    _compile("pyproject.toml", "--all-extras", "--output-file", str(dev))
    for extra in EXTRAS:
        out = dev.with_name(f"{extra}.txt")
        _compile("pyproject.toml", "--extra", extra, "--constraints", str(dev), "--output-file", str(out))
    _compile("requirements/mongod.in", "--no-deps", "--output-file", str(dev.with_name("mongod.txt")))
    _compile("requirements/node.in", "--output-file", str(dev.with_name("node.txt")))


def _compile(*arguments: str) -> None:
    uv = Path(sys.executable).with_name("uv")
    subprocess.run([str(uv), "pip", "compile", *FLAGS, *FORM, *arguments], check=True, cwd=ROOT)


if __name__ == "__main__":
    main()
