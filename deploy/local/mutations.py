"""`make mutations`: breaks each rule as tests/mutations.toml says, in a scratch copy of the tree.

The test that the mutation names must then fail by its own assertions.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from rich.progress import track

from deploy.local.rows import SEEN_RED, Mutation, mutations
from deploy.local.servers import ROOT

# Made by `make setup`, not committed, and not changed by a mutation.
LINKED = (".venv", "node_modules", ".local/bin", ".local/debian", "services/portal/web/static/vendor")

VERDICTS = {"failed": "red", "passed": "its test stayed green"}


def copy(tree: Path, scratch: Path) -> None:
    """The tree as it stands, with links to what `make setup` installed."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=tree, check=True, capture_output=True, text=True).stdout.split("\0")
    for name in names:
        if name and (tree / name).is_file():
            (scratch / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(tree / name, scratch / name)
    shutil.copytree(tree / "proto" / "gen", scratch / "proto" / "gen", dirs_exist_ok=True)
    for name in LINKED:
        if (tree / name).exists():
            (scratch / name).parent.mkdir(parents=True, exist_ok=True)
            (scratch / name).symlink_to(tree / name)


def judge(scratch: Path, mutation: Mutation) -> str:
    """ "red" when the test fails under the mutation; else what is wrong with the one or the other."""
    path = scratch / mutation.file
    rule = path.read_text() if path.exists() else ""
    if rule.count(mutation.find) != 1:
        return f"its find occurs {rule.count(mutation.find)} times in {mutation.file}"
    path.write_text(rule.replace(mutation.find, mutation.replace))
    try:
        outcome = run(scratch, [mutation.test]).get(mutation.test, "not run")
    finally:
        path.write_text(rule)
    return VERDICTS.get(outcome, f"its test could not judge: {outcome}")


def run(scratch: Path, tests: Iterable[str]) -> dict[str, str]:
    """Runs the tests in the scratch copy; test -> passed, failed (by its own assertions) or error."""
    outcomes = scratch / "outcomes.json"
    outcomes.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--outcomes={outcomes}", *tests]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run(
        command, cwd=scratch, env=environment, check=False, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL
    )
    kept = json.loads(outcomes.read_text()) if outcomes.exists() else {}
    return {test: kept[test]["outcome"] for test in kept}


def main() -> None:
    """Judges every mutation that was not seen red as it stands; fails when one of them is not red."""
    path = ROOT / SEEN_RED
    path.parent.mkdir(exist_ok=True)
    known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    listed = mutations()
    fresh = [mutation for mutation in listed if known.get(mutation.key(ROOT)) != "red"]
    verdicts = {mutation.key(ROOT): known.get(mutation.key(ROOT), "") for mutation in listed}
    with tempfile.TemporaryDirectory(prefix="mutations-") as name:
        scratch = Path(name)
        copy(ROOT, scratch)
        before = run(scratch, sorted({mutation.test for mutation in fresh})) if fresh else {}
        for mutation in track(fresh, "Breaking rules"):
            green = before.get(mutation.test) == "passed"
            verdict = judge(scratch, mutation) if green else "its test is not green without it"
            verdicts[mutation.key(ROOT)] = verdict
            print(f"{mutation.row}  {verdict}: {mutation.name}")
            # Broken off, it goes on from here.
            path.write_text(json.dumps(verdicts, indent=1))
    path.write_text(json.dumps(verdicts, indent=1))
    red = sum(verdict == "red" for verdict in verdicts.values())
    print(f"{red} of {len(listed)} mutations turn their test red.")
    raise SystemExit(red != len(listed))


if __name__ == "__main__":
    main()
