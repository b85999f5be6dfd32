"""`make rows`: which rows of the mission are proved, and what each of the others lacks.

A row is proved when a test of tests/service or tests/e2e claims it, passed in its last run as it stands, and was seen
red under the mutation that tests/mutations.toml names for it, with the rule as it stands.
"""

from __future__ import annotations

import ast
import hashlib
import json
import tomllib
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from deploy.local.servers import ROOT

PLACES = ("tests/service", "tests/e2e")
OUTCOMES = Path(".local/outcomes.json")
SEEN_RED = Path(".local/mutations.json")


@dataclass(frozen=True)
class Mutation:
    """A change of the rule that `row` asks for: `find`, once in `file`, becomes `replace`, and `test` must fail."""

    row: str
    name: str
    file: str
    find: str
    replace: str
    test: str

    def key(self, tree: Path) -> str:
        """Names the mutation with the rule and the test as they stand: a verdict about others does not count."""
        state = hashlib.sha256(repr(self).encode())
        for file in (self.file, self.test.partition("::")[0]):
            path = tree / file
            state.update(path.read_bytes() if path.exists() else b"")
        return state.hexdigest()


def titles(tree: Path = ROOT) -> dict[str, str]:
    """The rows by id."""
    rows: dict[str, str] = tomllib.loads((tree / "docs" / "rows.toml").read_text())["rows"]
    return rows


def mutations(tree: Path = ROOT) -> list[Mutation]:
    """The mutations in the order of their file."""
    listed = tomllib.loads((tree / "tests" / "mutations.toml").read_text()).get("mutation", [])
    return [Mutation(**one) for one in listed]


def claims(tree: Path = ROOT) -> dict[str, list[str]]:
    """Row id -> the tests that claim it by @pytest.mark.row, wherever they lie."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted((tree / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                for row in _marked(node):
                    found[row].append(f"{path.relative_to(tree)}::{node.name}")
    return dict(found)


def state(tree: Path, row: str, tests: list[str]) -> str:
    """ "proved", or the first thing that the best of the row's tests lacks."""
    outcomes: dict[str, dict[str, str]] = _read(tree / OUTCOMES)
    red: dict[str, str] = _read(tree / SEEN_RED)
    guards = [mutation for mutation in mutations(tree) if mutation.row == row]
    verdicts = [_verdict(tree, test, outcomes, red, guards) for test in tests if test.startswith(PLACES)]
    order = ["proved", "its mutation was not seen red", "no mutation is named", "its test did not pass", "not run"]
    return min(verdicts, key=order.index, default="no test acts it out")


def _verdict(
    tree: Path, test: str, outcomes: dict[str, dict[str, str]], red: dict[str, str], guards: list[Mutation]
) -> str:
    outcome = outcomes.get(test)
    if (
        outcome is None
        or outcome["source"] != hashlib.sha256((tree / test.partition("::")[0]).read_bytes()).hexdigest()
    ):
        return "not run"
    if outcome["outcome"] != "passed":
        return "its test did not pass"
    own = [mutation for mutation in guards if mutation.test == test]
    if not own:
        return "no mutation is named"
    return (
        "proved" if any(red.get(mutation.key(tree)) == "red" for mutation in own) else "its mutation was not seen red"
    )


def _marked(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    marks = (node for node in function.decorator_list if isinstance(node, ast.Call))
    named = (mark for mark in marks if ast.unparse(mark.func) == "pytest.mark.row")
    return [str(argument.value) for mark in named for argument in mark.args if isinstance(argument, ast.Constant)]


def _read(path: Path) -> Any:
    return json.loads(path.read_text()) if path.exists() else {}


def main() -> None:
    """Prints every row with its state, and the count."""
    claimed = claims()
    table = Table("row", "what", "state", "tests", box=None, pad_edge=False)
    proved = 0
    for row, title in titles().items():
        tests = claimed.get(row, [])
        found = state(ROOT, row, tests)
        proved += found == "proved"
        style = {"proved": "green", "no test acts it out": "dim"}.get(found, "yellow")
        table.add_row(row, title, found, "\n".join(tests), style=style)
    console = Console(soft_wrap=False)
    console.print(table)
    console.print(f"{proved} of {len(titles())} rows are proved.")


if __name__ == "__main__":
    main()
