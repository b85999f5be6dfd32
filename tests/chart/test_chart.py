"""The chart renders what it did, refuses what it must, and keeps what every pod is promised."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

import helm_python
import kubernetes_validate
import pytest
import yaml

from services.metrics.main import MetricsSettings
from services.portal.web.settings import WebSettings
from services.runtime.settings import Settings
from services.tickets.main import TicketsSettings
from tests.chart.rendered import CASES, CHART, GOLDENS, ROOT, VALUES, Manifest, component, of_kind, render, values

COMPONENTS = {"portal", "portal-web", "tickets", "sla", "knowledge", "changes", "metrics"}


def pod_specs(manifests: list[Manifest]) -> list[tuple[str, Manifest]]:
    return [(d["metadata"]["name"], d["spec"]["template"]["spec"]) for d in of_kind(manifests, "Deployment")]


@pytest.mark.parametrize("case", CASES)
def test_rendered_manifests_equal_the_golden(case: str) -> None:
    """A change of the chart shows in review as a change of what it renders; TL_GOLDENS=write takes the new one."""
    rendered = yaml.safe_dump_all(render(values(case)), sort_keys=True)
    golden = GOLDENS / f"{case}.yaml"
    if os.environ.get("TL_GOLDENS") == "write":
        golden.write_text(rendered)
    assert golden.read_text() == rendered


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("version", ["1.25", "1.29", "1.36"])
def test_manifests_are_valid_kubernetes(case: str, version: str) -> None:
    """Strict validation against three releases' schemas: an unknown field, type or kind fails."""
    for manifest in render(values(case)):
        kubernetes_validate.validate(manifest, version, strict=True)


def test_strict_validation_sees_an_unknown_field() -> None:
    """The check above can fail."""
    manifest = of_kind(render(values("production")), "Deployment")[0]
    manifest["spec"]["template"]["spec"]["containers"][0]["containerprot"] = 1
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(manifest, "1.36", strict=True)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"bogus": 1}, "bogus"),
        ({"services": {"tickets": {"replicas": 0}}}, "replicas"),
        ({"services": {"tickets": {"replica": 2}}}, "replica"),
        ({"keys": {"existingSecret": ""}}, "existingSecret"),
        ({"stores": {"existingSecret": ""}}, "existingSecret"),
        ({"calls": {"sla": ["tickets", "elsewhere"]}}, "calls"),
        ({"image": {"pullPolicy": "Sometimes"}}, "pullPolicy"),
        ({"ingress": {"enabled": True, "host": ""}}, "host"),
        ({"logLevel": "loud"}, "logLevel"),
        ({"otlp": {"http": True}}, "sendersSecret"),
        ({"otlp": {"fromNamespaces": [{"team": "shop"}]}}, "sendersSecret"),
        ({"traceLinks": {"jaeger": "https://jaeger.example.com/trace"}}, "traceLinks"),
        ({"stage": 0}, "stage"),
        ({"stage": 5}, "stage"),
        ({"stage": "2"}, "stage"),
    ],
)
def test_the_schema_refuses(change: dict[str, Any], named: str) -> None:
    """A wrong value stops the installation and names the key."""
    with pytest.raises(helm_python.HelmValuesError) as refused:
        render({**values("production"), **change})
    assert named in str(refused.value)


@pytest.mark.parametrize("case", CASES)
def test_every_pod_is_restricted(case: str) -> None:
    """The restricted Pod Security Standard, and beyond it: read-only root, no token, no service links, limits."""
    for name, pod in pod_specs(render(values(case))):
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["enableServiceLinks"] is False, name
        for container in pod["containers"]:
            security = container["securityContext"]
            assert security["allowPrivilegeEscalation"] is False, name
            assert security["readOnlyRootFilesystem"] is True, name
            assert security["capabilities"] == {"drop": ["ALL"]}, name
            assert container["resources"]["limits"]["memory"], name
            assert container["readinessProbe"], name
        assert all(set(volume) - {"name"} <= {"secret", "emptyDir", "configMap"} for volume in pod["volumes"]), name


def test_a_pod_sees_its_own_private_key_only() -> None:
    """One service's pod cannot sign as another."""
    for deployment in of_kind(render(values("production")), "Deployment"):
        [keys] = [v["secret"] for v in deployment["spec"]["template"]["spec"]["volumes"] if v["name"] == "keys"]
        own = component(deployment).removesuffix("-web")
        assert {item["key"] for item in keys["items"]} == {f"{own}.pem", "public.jwks.json"}


def test_selectors_and_ports_meet() -> None:
    """Each Service and each budget selects exactly one Deployment's pods, and a Service's ports exist in them."""
    manifests = render(values("production"))
    deployments = of_kind(manifests, "Deployment")
    assert {component(d) for d in deployments} == COMPONENTS
    for service in of_kind(manifests, "Service"):
        selected = [
            d
            for d in deployments
            if service["spec"]["selector"].items() <= d["spec"]["template"]["metadata"]["labels"].items()
        ]
        assert len(selected) == 1
        named = {p["name"] for c in selected[0]["spec"]["template"]["spec"]["containers"] for p in c["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= named
    assert {component(b) for b in of_kind(manifests, "PodDisruptionBudget")} == COMPONENTS


def test_every_environment_reference_exists() -> None:
    """Config maps that pods name are rendered; secrets that pods name are the ones that the operator was asked for."""
    manifests = render(values("production"))
    maps = {m["metadata"]["name"] for m in of_kind(manifests, "ConfigMap")}
    for _, pod in pod_specs(manifests):
        [container] = pod["containers"]
        assert {source["configMapRef"]["name"] for source in container["envFrom"]} <= maps
        named = [e["valueFrom"]["secretKeyRef"]["name"] for e in container.get("env", []) if "valueFrom" in e]
        assert set(named) == (set() if container["name"] == "portal-web" else {"tl-stores"})


@pytest.mark.parametrize("case", CASES)
def test_every_setting_is_one_that_its_process_knows(case: str) -> None:
    """A service refuses to start over a name that it does not know, so the chart may give it none."""
    known = {
        "portal-web": WebSettings.model_fields,
        "tickets": TicketsSettings.model_fields,
        "metrics": MetricsSettings.model_fields,
    }
    manifests = render(values(case))
    maps = {component(one): one["data"] for one in of_kind(manifests, "ConfigMap")}
    for name, data in maps.items():
        given = {key.removeprefix("TL_").partition("__")[0].lower() for key in data}
        assert given <= set(known.get(name, Settings.model_fields)), name


def test_network_follows_the_map_of_calls() -> None:
    """Who may reach a service on its gRPC port is who the maps name, and everybody reaches metrics with spans."""
    chart_values = yaml.safe_load((ROOT / "deploy/helm/throughline/values.yaml").read_text())
    calls, reads = chart_values["calls"], chart_values["reads"]
    for policy in of_kind(render(values("production")), "NetworkPolicy"):
        own = component(policy)
        allowed = {
            peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"]
            for rule in policy["spec"]["ingress"]
            if {"port": 50051, "protocol": "TCP"} in rule["ports"]
            for peer in rule["from"]
        }
        expected = {
            peer for peer in COMPONENTS - {own} if own in calls[peer] or own in reads.get(peer, []) or own == "metrics"
        }
        assert allowed == (expected if own != "portal-web" else set()), own
        assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]


def test_spans_of_others_come_in_where_they_are_let_in() -> None:
    """Unasked the door is shut to all but the release; opened, both protocols reach it, and who sends is proven."""
    shut, opened = render(values("production")), render(values("intranet"))
    ports = {}
    for name, manifests in (("shut", shut), ("opened", opened)):
        [service] = [one for one in of_kind(manifests, "Service") if component(one) == "metrics"]
        [policy] = [one for one in of_kind(manifests, "NetworkPolicy") if component(one) == "metrics"]
        let_in = [rule for rule in policy["spec"]["ingress"] if "namespaceSelector" in str(rule.get("from"))]
        ports[name] = (
            {port["port"] for port in service["spec"]["ports"]},
            {port["port"] for rule in let_in for port in rule["ports"]},
        )
    assert ports == {"shut": ({50051, 9464}, set()), "opened": ({50051, 9464, 4318}, {50051, 4318})}
    for manifests, secret in ((shut, []), (opened, ["tl-senders"])):
        [pod] = [spec for name, spec in pod_specs(manifests) if name.endswith("-metrics")]
        env = {one["name"]: one.get("valueFrom") for one in pod["containers"][0]["env"]}
        assert [one["secretKeyRef"]["name"] for key, one in env.items() if key == "TL_OTLP_SENDERS"] == secret
    web = {component(one): one["data"] for one in of_kind(opened, "ConfigMap")}["portal-web"]
    assert "{trace_id}" in json.loads(web["TL_TRACE_LINKS"])["jaeger"]
    assert web["TL_OTLP_SIGNED"] == "false"
    for policy in of_kind(opened, "NetworkPolicy"):
        assert {"ports": [{"port": 4317, "protocol": "TCP"}]} in policy["spec"]["egress"], component(policy)


def test_pages_are_told_the_stage() -> None:
    """The pages alone are told it; unasked it is the last one."""
    for case, stage in (("production", "4"), ("intranet", "2")):
        maps = {component(one): one["data"] for one in of_kind(render(values(case)), "ConfigMap")}
        assert {name: data["TL_STAGE"] for name, data in maps.items() if "TL_STAGE" in data} == {"portal-web": stage}


def test_a_single_replica_has_no_budget() -> None:
    """A disruption budget over one pod would block every drain."""
    budgets = {component(b) for b in of_kind(render(values("intranet")), "PodDisruptionBudget")}
    assert budgets == COMPONENTS - {"changes", "knowledge"}


def test_helm_itself_lints_it_strictly() -> None:
    """The command that an operator runs finds nothing, not even a warning."""
    helm = ROOT / ".local/bin/helm"
    for case in CASES:
        linted = subprocess.run(
            [str(helm), "lint", "--strict", str(CHART), "-f", str(VALUES / f"{case}.yaml")],
            capture_output=True,
            text=True,
            check=False,
        )
        assert linted.returncode == 0, linted.stdout + linted.stderr
