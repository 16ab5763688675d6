"""Files of the deployments: they parse, name settings that exist, and keep their doors closed.

What has to run them (a container runtime, a cluster) is not here; systemd examines its units where it is installed.
"""

from __future__ import annotations

import dataclasses
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from cupel.protocol.settings import Settings

yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).resolve().parents[3]
DEPLOY = ROOT / "deploy"
VARIABLES = {f"CUPEL_{field.name.upper()}" for field in dataclasses.fields(Settings)}
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))


def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((DEPLOY / "docker" / "compose.yml").read_text())
    return document


def test_the_compose_file_has_the_whole_economy() -> None:
    services = compose()["services"]
    assert {"chain", "creator", "kubo", "node1", "node2", "node3", "verifier1", "verifier2"} <= set(services)
    assert {"prometheus", "grafana"} <= set(services)
    for name, service in services.items():
        assert name == "chain" or service["network_mode"] == "service:chain"
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))


def test_roles_in_containers_have_no_rights_and_keys_of_their_own() -> None:
    roles = {name: one for name, one in compose()["services"].items() if re.match(r"node|verifier", name)}
    for service in roles.values():
        assert service["cap_drop"] == ["ALL"]
        assert service["read_only"] is True
        assert set(service["environment"]) <= VARIABLES
    for name in ("CUPEL_KEYSTORE", "CUPEL_METRICS"):
        assert len({service["environment"][name] for service in roles.values()}) == len(roles)


def test_prometheus_asks_where_the_roles_answer() -> None:
    told = {
        service["environment"]["CUPEL_METRICS"]
        for service in compose()["services"].values()
        if "CUPEL_METRICS" in service.get("environment", {})
    }
    document = yaml.safe_load((DEPLOY / "monitoring" / "prometheus.yml").read_text())
    asked = {
        target
        for job in document["scrape_configs"]
        for configuration in job["static_configs"]
        for target in configuration["targets"]
    }
    assert asked == told


def test_files_that_images_and_services_name_are_there() -> None:
    for service in compose()["services"].values():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert not source.startswith(".") or (DEPLOY / "docker" / source).is_file()
    text = (DEPLOY / "docker" / "Dockerfile").read_text()
    targets = set(re.findall(r"^FROM .* AS (\w+)$", text, re.M))
    assert {"node", "verifier", "devnet"} <= targets
    for line in re.findall(r"^COPY (?!--from)(.*)$", text, re.M):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), source
    wanted = {one["build"]["target"] for one in compose()["services"].values() if "build" in one}
    assert wanted <= targets


def test_the_cluster_s_pod_has_no_rights() -> None:
    documents = list(yaml.safe_load_all((DEPLOY / "kubernetes" / "node.yml").read_text()))
    (workload,) = [one for one in documents if one["kind"] == "StatefulSet"]
    assert workload["spec"]["replicas"] == 1
    pod = workload["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert "@sha256:" in container["image"]
    assert {one["name"] for one in container["env"]} <= VARIABLES
    assert {mount["name"] for mount in container["volumeMounts"]} == {
        *(volume["name"] for volume in pod["volumes"]),
        *(claim["metadata"]["name"] for claim in workload["spec"]["volumeClaimTemplates"]),
    }


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_takes_the_units(unit: Path, tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd is not installed")
    # The program's own place is not installed here.
    text = unit.read_text().replace("/opt/cupel/bin/cupel", "/bin/true")
    copy = tmp_path / unit.name
    copy.write_text(text)
    done = subprocess.run([program, "verify", "--man=no", copy], capture_output=True, text=True, check=False)
    ours = [line for line in done.stderr.splitlines() if unit.stem.split("@")[0] in line]
    assert not ours
    assert done.returncode == 0


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_units_restart_what_may_pass_and_nothing_else(unit: Path) -> None:
    lines = unit.read_text().splitlines()
    for line in (
        "Type=notify",
        "WatchdogSec=120",
        "Restart=on-failure",
        "RestartPreventExitStatus=2 3",
        "NoNewPrivileges=yes",
        "CapabilityBoundingSet=",
        "ProtectSystem=strict",
        # What the environment's process asks for: limits, and namespaces without network.
        "RestrictNamespaces=user net",
    ):
        assert line in lines
