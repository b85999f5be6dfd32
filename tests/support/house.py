"""The rules of the house that no linter knows, each a function from a tree to its complaints.

A complaint names the file, the line where there is one, and what to do.
"""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

CODE = ("services", "deploy", "tests", "tool")
BANNED_NAMES = {"utils", "helpers", "common", "base", "manager", "misc", "impl", "core"}
LONGEST, NINE_IN_TEN = 400, 250
DOCSTRING_LINES = 4
RUNTIME_FOR_RULES = ("services.runtime.refusal", "services.runtime.actor", "services.runtime.worktime")
IMPURE = {"time", "random", "secrets", "uuid", "os", "socket", "logging", "asyncio", "subprocess", "threading"}
CLOCKS = {("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today")}
SKIPS = {"skip", "skipif", "xfail", "importorskip", "skipTest"}
# Spelt with classes of one letter, so that this file does not hold what it looks for.
FOREIGN = re.compile(
    r"p[y]pi\.org|pyth[o]nhosted\.org|registry\.n[p]mjs|n[p]mjs\.org|deb\.d[e]bian\.org|archive\.[u]buntu\.com"
    r"|/w[o]rk/|/f[a]rm/|/r[o]ot/|/h[o]me/[a-z]|/[o]pt/p[y]pi|\"r[e]solved\": \"http"
)


@dataclass(frozen=True)
class Module:
    """One parsed Python file. name: as it is imported."""

    path: Path
    relative: str
    name: str
    text: str
    tree: ast.Module


def modules(tree: Path, *folders: str) -> Iterator[Module]:
    """The Python files under the folders (all of our code when none is named), in order."""
    for folder in folders or CODE:
        for path in sorted((tree / folder).rglob("*.py")):
            relative = path.relative_to(tree)
            if "node_modules" in relative.parts or "vendor" in relative.parts:
                continue
            name = ".".join(relative.with_suffix("").parts).removesuffix(".__init__")
            text = path.read_text()
            yield Module(path, str(relative), name, text, _parsed(text))


@cache
def _parsed(text: str) -> ast.Module:
    """Every check reads every file; parsing them once is most of the time."""
    return ast.parse(text)


def files(tree: Path) -> Iterator[Path]:
    """Every file that is committed, or would be."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=tree,
        capture_output=True,
        check=False,
    )
    if listing.returncode:
        yield from sorted(path for path in tree.rglob("*") if path.is_file())
        return
    for name in listing.stdout.decode().split("\0"):
        if name and (tree / name).is_file():
            yield tree / name


def sizes(tree: Path) -> list[str]:
    """No file over 400 lines, and nine in ten of a service's files within 250."""
    lengths = {module.relative: module.text.count("\n") for module in modules(tree)}
    found = [f"{name}: {lines} lines; {LONGEST} is the most" for name, lines in lengths.items() if lines > LONGEST]
    ours = sorted(lines for name, lines in lengths.items() if name.startswith("services/") and lines)
    if ours and ours[(len(ours) * 9 - 1) // 10] > NINE_IN_TEN:
        long = sorted(name for name, lines in lengths.items() if name.startswith("services/") and lines > NINE_IN_TEN)
        found.append(f"more than one file in ten of services/ is over {NINE_IN_TEN} lines: {', '.join(long)}")
    return found


def module_docstrings(tree: Path) -> list[str]:
    """Every module says in at most four lines what it promises; the docstring of a package may be longer."""
    found = []
    for module in modules(tree):
        if not module.text.strip():
            continue
        docstring = ast.get_docstring(module.tree)
        if not docstring:
            found.append(f"{module.relative}: no module docstring; say in 1-4 lines what it promises")
        elif module.path.name != "__init__.py" and len(_filled(docstring)) > DOCSTRING_LINES:
            found.append(f"{module.relative}: a module docstring of {len(_filled(docstring))} lines; 4 are enough")
    return found


def function_docstrings(tree: Path) -> list[str]:
    """Public functions of runtime and rules state what they promise; the contract states a servicer's methods."""
    return [
        f"{module.relative}:{function.lineno}: {function.name} has no docstring"
        for module in modules(tree, "services")
        if module.name.startswith("services.runtime") or _in_rules(module)
        for function in _public_functions(module.tree)
        if not ast.get_docstring(function)
    ]


def names(tree: Path) -> list[str]:
    """No module is named for nothing in particular."""
    return [
        f"{module.relative}: {part!r} says nothing about what it holds"
        for module in modules(tree)
        for part in module.name.split(".")
        if part in BANNED_NAMES
    ]


def pure_rules(tree: Path) -> list[str]:
    """Rules know refusals, actors and business time of the runtime, and read no clock, chance, file or environment."""
    found = []
    for module in modules(tree, "services"):
        if not _in_rules(module):
            continue
        own = module.name.split(".rules")[0] + ".rules"
        for line, name in _imports(module):
            ours = name.startswith("services.")
            allowed = any(name == room or name.startswith(f"{room}.") for room in (own, *RUNTIME_FOR_RULES))
            if (ours and not allowed) or name.split(".")[0] in IMPURE:
                found.append(f"{module.relative}:{line}: rules may not import {name}")
        calls = (node for node in ast.walk(module.tree) if isinstance(node, ast.Call) and _reads_the_world(node.func))
        found += [f"{module.relative}:{call.lineno}: {ast.unparse(call.func)}() is input; pass it in" for call in calls]
    return found


def no_print(tree: Path) -> list[str]:
    """Services log; only a command of its own, run by a person with python -m, prints."""
    return [
        f"{module.relative}:{node.lineno}: print; use the log"
        for module in modules(tree, "services")
        if module.path.stem == "main" or "__main__" not in module.text
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]


def no_skips(tree: Path) -> list[str]:
    """A test runs or it is deleted: a missing tool fails with the line that installs it."""
    return [
        f"{module.relative}:{node.lineno}: {node.attr}; a test that cannot run must fail and say why"
        for module in modules(tree, "tests")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute) and node.attr in SKIPS
    ]


def no_mocks(tree: Path) -> list[str]:
    """Tests meet our own code as it is; fakes stand only at the edge of the process."""
    return [
        f"{module.relative}:{line}: {name}; put a fake at the edge of the process instead"
        for module in modules(tree, "tests")
        for line, name in _imports(module)
        if name.startswith(("unittest.mock", "mock", "pytest_mock"))
    ]


def nothing_foreign(tree: Path) -> list[str]:
    """No committed file names a package registry or a path of somebody's machine."""
    found = []
    for path in files(tree):
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        lines = enumerate(text.splitlines(), start=1)
        hits = ((number, hit[0]) for number, line in lines if (hit := FOREIGN.search(line)))
        found += [f"{path.relative_to(tree)}:{number}: {hit}" for number, hit in hits]
    return found


CHECKS: tuple[Callable[[Path], list[str]], ...] = (
    sizes,
    module_docstrings,
    function_docstrings,
    names,
    pure_rules,
    no_print,
    no_skips,
    no_mocks,
    nothing_foreign,
)


def _filled(docstring: str) -> list[str]:
    return [line for line in docstring.splitlines() if line.strip()]


def _in_rules(module: Module) -> bool:
    return re.match(r"services\.\w+\.rules(\.|$)", module.name) is not None


def _public_functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Functions of the module and methods of its public classes that do not begin with an underscore."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            yield node
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_") and not _is_servicer(node):
            for member in node.body:
                if isinstance(member, ast.FunctionDef | ast.AsyncFunctionDef) and not member.name.startswith("_"):
                    yield member


def _is_servicer(node: ast.ClassDef) -> bool:
    return any(ast.unparse(parent).split("[")[0].endswith(("Servicer", "Interceptor")) for parent in node.bases)


def _imports(module: Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif (
            isinstance(node, ast.ImportFrom)
            and node.module
            and node.module in {"services", "services.runtime", "unittest"}
        ):
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.lineno, node.module


def _reads_the_world(function: ast.expr) -> bool:
    if isinstance(function, ast.Name):
        return function.id in {"open", "input", "print"}
    if not isinstance(function, ast.Attribute):
        return False
    owner = ast.unparse(function.value).split(".")[-1]
    return (owner, function.attr) in CLOCKS
