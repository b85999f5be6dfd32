"""What `make rows` counts: a passing test of the right layer that its named mutation turns red, and nothing less."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deploy.local import mutations, rows

ROOT = Path(__file__).resolve().parents[3]
TEST = "tests/service/test_sum.py::test_it_adds"
CODE = '"""Adds."""\n\n\ndef add(one: int, other: int) -> int:\n    return one + other\n'
CLAIM = """import pytest
from adder import add
@pytest.mark.row("A001")
@pytest.mark.parametrize("one", [1, 2])
def test_it_adds(one):
    assert add(one, 2) == one + 2
"""
MUTATION = f"""[[mutation]]
row = "A001"
name = "takes away"
file = "adder.py"
find = "one + other"
replace = "one - other"
test = "{TEST}"
"""


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree with one rule, one test that claims a row, and the mutation of the rule."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # the tests inside are plain, and start faster so
    written = {
        "adder.py": CODE,
        "conftest.py": 'pytest_plugins = ["outcomes"]\n',
        "outcomes.py": (ROOT / "tests" / "support" / "outcomes.py").read_text(),
        "pyproject.toml": '[tool.pytest.ini_options]\npythonpath = ["."]\nmarkers = ["row(id): claims"]\n',
        "docs/rows.toml": '[rows]\nA001 = "It adds"\n',
        "tests/mutations.toml": MUTATION,
        "tests/service/test_sum.py": CLAIM,
    }
    for name, text in written.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def _run(tree: Path) -> None:
    mutations.run(tree, [TEST])
    (tree / ".local").mkdir(exist_ok=True)
    (tree / "outcomes.json").replace(tree / rows.OUTCOMES)


def _see_red(tree: Path) -> str:
    mutation = rows.mutations(tree)[0]
    verdict = mutations.judge(tree, mutation)
    (tree / rows.SEEN_RED).write_text(json.dumps({mutation.key(tree): verdict}))
    return verdict


def _state(tree: Path) -> str:
    return rows.state(tree, "A001", rows.claims(tree).get("A001", []))


def test_a_row_is_proved_by_a_green_test_that_was_seen_red(tree: Path) -> None:
    """Each step is missed until it was taken; the last one proves the row."""
    before = _state(tree)
    _run(tree)
    green = _state(tree)
    verdict = _see_red(tree)

    assert (before, green, verdict) == ("not run", "its mutation was not seen red", "red")
    assert _state(tree) == "proved"
    assert (tree / "adder.py").read_text() == CODE


def test_a_proof_ends_when_the_rule_changes(tree: Path) -> None:
    """What was seen red says nothing about another text of the rule."""
    _run(tree)
    _see_red(tree)
    (tree / "adder.py").write_text(CODE + "\n\nLIMIT = 3\n")

    assert _state(tree) == "its mutation was not seen red"


def test_a_proof_ends_when_the_test_changes(tree: Path) -> None:
    """The outcome of another text of the test does not count."""
    _run(tree)
    _see_red(tree)
    (tree / "tests/service/test_sum.py").write_text(CLAIM + "    assert True\n")

    assert _state(tree) == "not run"


def test_a_mutation_that_the_test_survives_is_not_red(tree: Path) -> None:
    """A change that nobody notices proves nothing."""
    (tree / "tests/mutations.toml").write_text(MUTATION.replace('"one - other"', '"other + one"'))
    _run(tree)

    assert _see_red(tree) == "its test stayed green"
    assert _state(tree) == "its mutation was not seen red"


def test_a_mutation_that_only_breaks_the_program_is_not_red(tree: Path) -> None:
    """A module that cannot be imported is no wrong rule."""
    (tree / "tests/mutations.toml").write_text(MUTATION.replace('"one - other"', '"one +"'))
    _run(tree)

    assert _see_red(tree) == "its test could not judge: not run"


def test_a_mutation_must_find_its_place(tree: Path) -> None:
    """A rule that moved away is named, not passed over."""
    (tree / "tests/mutations.toml").write_text(MUTATION.replace('find = "one + other"', 'find = "one * other"'))
    _run(tree)

    assert _see_red(tree) == "its find occurs 0 times in adder.py"


def test_a_failing_test_proves_nothing(tree: Path) -> None:
    """One failing case of several is a failure."""
    (tree / "tests/service/test_sum.py").write_text(CLAIM.replace("one + 2", "3"))
    _run(tree)

    assert _state(tree) == "its test did not pass"


def test_a_row_claimed_in_another_layer_is_not_acted_out(tree: Path) -> None:
    """A unit test shows that a function exists, not that a user can do it."""
    (tree / "tests/unit").mkdir()
    (tree / "tests/service/test_sum.py").rename(tree / "tests/unit/test_sum.py")

    assert _state(tree) == "no test acts it out"


def test_claims_and_mutations_name_what_exists() -> None:
    """A row id, a rule's text or a test that is gone is found here, not when somebody counts."""
    known, claimed = rows.titles(), rows.claims()
    tests = {test for listed in claimed.values() for test in listed}
    listed = rows.mutations()

    assert [row for row in claimed if row not in known] == []
    assert [one.name for one in listed if one.test not in claimed.get(one.row, [])] == []
    assert [one.name for one in listed if (ROOT / one.file).read_text().count(one.find) != 1] == []
    assert [test for test in tests if not test.startswith(rows.PLACES)] == []
