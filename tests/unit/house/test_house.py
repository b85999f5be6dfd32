"""The house's own rules hold for this tree, and each of them can fail."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import house

ROOT = Path(__file__).resolve().parents[3]
Check = Callable[[Path], list[str]]

SAYS = '"""What it promises."""\n'
PURE = f"{SAYS}from services.runtime.refusal import Refusal\nfrom services.x.rules.shape import Shape\n"
SKIP = "import pytest\n\n\n@pytest.mark.{}\ndef test_it() -> None:\n    pass\n"

# For each check: a file that it must refuse, and its nearest lawful neighbour.
EXAMPLES: list[tuple[Check, str, str, str]] = [
    (house.sizes, "deploy/long.py", SAYS + "A = 1\n" * 400, SAYS + "A = 1\n" * 399),
    (house.sizes, "services/x/rules.py", SAYS + "A = 1\n" * 250, SAYS + "A = 1\n" * 249),
    (house.module_docstrings, "services/x/wire.py", "A = 1\n", SAYS),
    (
        house.module_docstrings,
        "services/x/wire.py",
        '"""One.\n\ntwo\nthree\nfour\nfive\n"""\n',
        '"""One.\n\ntwo\nthree\nfour\n"""\n',
    ),
    (
        house.function_docstrings,
        "services/x/rules.py",
        "def open_it() -> None: ...\n",
        'def open_it() -> None:\n    """Opens."""\n',
    ),
    (
        house.function_docstrings,
        "services/runtime/door.py",
        "class Door:\n    def shut(self) -> None: ...\n",
        "class Door:\n    def _shut(self) -> None: ...\n",
    ),
    (house.names, "services/x/helpers.py", SAYS, ""),
    (house.names, "tests/support/common/y.py", SAYS, ""),
    (house.pure_rules, "services/x/rules.py", "import time\n", "import re\n"),
    (house.pure_rules, "services/x/rules/shape.py", "from services.runtime.records import Cause\n", PURE),
    (
        house.pure_rules,
        "services/x/rules.py",
        "from services.runtime import journal\n",
        "from services.runtime import actor\n",
    ),
    (house.pure_rules, "services/x/rules.py", "from services.x.store import X\n", PURE),
    (house.pure_rules, "services/x/rules.py", "NOW = datetime.now(UTC)\n", "NOW = datetime(2026, 1, 1, tzinfo=UTC)\n"),
    (house.pure_rules, "services/x/rules.py", "NOW = dt.datetime.now()\n", "def f(now): return now\n"),
    (house.no_print, "services/x/rpc.py", "print('x')\n", "log('print')\n"),
    (house.no_print, "services/x/main.py", "print('__main__')\n", "log('__main__')\n"),
    (house.no_skips, "tests/unit/test_x.py", SKIP.format("skip"), SKIP.format("row('A001')")),
    (house.no_skips, "tests/unit/test_x.py", SKIP.format("xfail(strict=True)"), SAYS),
    (house.no_mocks, "tests/unit/test_x.py", "from unittest.mock import Mock\n", "from unittest import TestCase\n"),
    (
        house.no_mocks,
        "tests/unit/test_x.py",
        "from unittest import mock\n",
        "import mockingbird_\n".replace("mock", "sing"),
    ),
    (house.nothing_foreign, "docs/map.md", "See https://" + "py" + "pi.org/x\n", "See the package index.\n"),
    (house.nothing_foreign, "Makefile", "cd /ro" + "ot/x\n", "cd root/x\n"),
    (house.nothing_foreign, "package-lock.json", '"res' + 'olved": "http://x"\n', '"integrity": "x"\n'),
]


@pytest.mark.parametrize("check", house.CHECKS, ids=lambda check: check.__name__)
def test_the_house_is_in_order(check: Check) -> None:
    """Nothing in this tree breaks a rule of the house."""
    assert "\n".join(check(ROOT)) == ""


@pytest.mark.parametrize(
    ("check", "name", "wrong", "right"), EXAMPLES, ids=lambda value: getattr(value, "__name__", "")
)
def test_a_check_refuses_what_is_wrong_and_only_that(
    tmp_path: Path, check: Check, name: str, wrong: str, right: str
) -> None:
    """In a tree with one wrong file the check names that file; its lawful neighbour passes."""
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(wrong)
    complaints = check(tmp_path)
    if right:
        path.write_text(right)
    else:
        path.unlink()

    assert len(complaints) == 1
    assert name in complaints[0]
    assert check(tmp_path) == []


def test_every_check_has_an_example_that_breaks_it() -> None:
    """A check that was never seen red is no check."""
    assert {check for check, *_ in EXAMPLES} == set(house.CHECKS)
