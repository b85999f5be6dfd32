"""Who calls whom and who reads whose journal: the map that feeds the network policy is what the code does."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import yaml

from deploy.local.system import SERVICES

ROOT = Path(__file__).resolve().parents[2]
VALUES = yaml.safe_load((ROOT / "deploy" / "helm" / "throughline" / "values.yaml").read_text())
WEB = "portal-web"


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Each module of a service with the name of its process; the portal's pages are a process of their own."""
    for service in SERVICES:
        for path in sorted((ROOT / "services" / service).rglob("*.py")):
            parts = path.relative_to(ROOT / "services").parts
            process = WEB if parts[:2] == ("portal", "web") else service
            yield process, ast.parse(path.read_text())


def stubs(tree: ast.Module) -> set[str]:
    """The services whose stub the module makes: it imports their contract's calls and names a Stub of them."""
    owners: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("throughline."):
            owner = (node.module or "").split(".")[1]
            owners |= {alias.asname or alias.name: owner for alias in node.names if alias.name.endswith("_pb2_grpc")}
    return {
        owners[node.value.id]
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in owners
        and node.attr.endswith("Stub")
    }


def heard(tree: ast.Module) -> set[str]:
    """The streams that a composition root listens to: the first argument of each run.hear(...)."""
    return {
        str(node.args[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "hear"
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }


def test_calls_are_the_stubs() -> None:
    """Each process makes stubs of exactly the services that the map lets it call."""
    made: dict[str, set[str]] = {process: set() for process in (*SERVICES, WEB)}
    for process, tree in modules():
        made[process] |= stubs(tree)
    assert made == {process: set(callees) for process, callees in VALUES["calls"].items()}


def test_reads_are_the_streams_heard() -> None:
    """A service may read the journal of each service that it listens to, and of no other; its own is at home."""
    listening = {
        service: heard(ast.parse((ROOT / "services" / service / "main.py").read_text())) - {service}
        for service in SERVICES
    }
    expected = {reader: set(owners) for reader, owners in VALUES["reads"].items()}
    assert {service: streams for service, streams in listening.items() if streams} == expected


def test_nobody_calls_the_portal_within_a_request() -> None:
    """Only the portal's own pages ask its service; the others keep what its events tell."""
    assert [process for process, callees in VALUES["calls"].items() if "portal" in callees] == [WEB]


def test_a_stub_is_seen() -> None:
    """A module that makes a stub under another name is found, one that only serves is not."""
    calling = "from throughline.sla.v1 import sla_service_pb2_grpc as door\nx = door.SlaServiceStub(channel)\n"
    serving = (
        "from throughline.sla.v1 import sla_service_pb2_grpc\nclass A(sla_service_pb2_grpc.SlaServiceServicer): ...\n"
    )
    assert stubs(ast.parse(calling)) == {"sla"}
    assert stubs(ast.parse(serving)) == set()
