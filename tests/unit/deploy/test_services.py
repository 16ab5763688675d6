"""Files of the deployments: they parse, name settings and commands that exist, and keep their doors closed.

tests/containers/ runs them where there is podman; the programs that examine them do so here, where they are installed.
"""

from __future__ import annotations

import ast
import dataclasses
import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer.main

from cupel.protocol.cli import command_tree
from cupel.protocol.settings import Settings

yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).resolve().parents[3]
DEPLOY = ROOT / "deploy"
VARIABLES = {f"CUPEL_{field.name.upper()}" for field in dataclasses.fields(Settings)}
DOCKERFILE = (DEPLOY / "docker" / "Dockerfile").read_text()
EXAMINERS = {
    "hadolint": ("--failure-threshold", "error", "deploy/docker/Dockerfile"),
    "docker-compose": ("--file", "deploy/docker/compose.yml", "config", "--quiet"),
    "kubernetes-validate": ("--strict", "deploy/kubernetes/node.yml"),
}
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
    targets = set(re.findall(r"^FROM .* AS (\w+)$", DOCKERFILE, re.M))
    assert {"node", "verifier", "devnet"} <= targets
    for source in copied():
        assert (ROOT / source).exists(), source
    wanted = {one["build"]["target"] for one in compose()["services"].values() if "build" in one}
    assert wanted <= targets


def copied() -> list[str]:
    """What the images take from the repository."""
    lines = re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.M)
    return [source for line in lines for source in line.split()[:-1]]


def test_images_get_every_folder_that_the_package_is_built_from() -> None:
    tree = ast.parse((ROOT / "setup.py").read_text())
    (components,) = (
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "COMPONENTS"
    )
    assert set(components.values()) <= set(copied())
    allowed = (DEPLOY / "docker" / "Dockerfile.dockerignore").read_text().splitlines()
    assert [source for source in copied() if f"!{source}" not in allowed] == []


def test_whoever_uses_an_image_of_ours_can_build_it() -> None:
    # Compose would ask a registry for it otherwise.
    for service in compose()["services"].values():
        assert service["image"].startswith("cupel-") is ("build" in service)
        assert "build" in service or re.search(r":v?\d+\.\d+\.\d+$", service["image"])


def started() -> list[str]:
    """The `cupel` command lines of images, services and units."""
    (steps,) = compose()["services"]["creator"]["command"]
    found = re.findall(r"(?:^|&& (?:exec )?)(cupel .*?)(?= &&|$)", steps)
    for stage in re.split(r"^FROM ", DOCKERFILE, flags=re.M):
        words = re.findall(r"^(?:ENTRYPOINT|CMD) (\[.*\])$", stage, re.M)
        if words:
            found.append(shlex.join(word for part in words for word in json.loads(part)))
    for unit in UNITS:
        found += re.findall(r"^ExecStart=/opt/cupel/bin/(.*)$", unit.read_text(), re.M)
    return found


def test_commands_and_options_that_are_started_exist() -> None:
    lines = started()
    assert len(lines) == 3 + 3 + len(UNITS)
    for line in lines:
        command: Any = typer.main.get_command(command_tree([]))
        words = shlex.split(line)[1:]
        while words and hasattr(command, "commands"):
            command = command.commands[words.pop(0)]
        command.make_context(line, words)


@pytest.mark.parametrize("name", EXAMINERS)
def test_programs_that_know_these_files_take_them(name: str) -> None:
    program = shutil.which(name)
    if program is None:
        pytest.skip(f"{name} is not installed")
    if name == "docker-compose" and b" version 1." in subprocess.check_output([program, "version"]):
        pytest.skip("docker-compose 1 knows no `name`")
    done = subprocess.run([program, *EXAMINERS[name]], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


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
    # It does not have a load balancer's address, and a process announces what it listens on.
    assert {"name": "CUPEL_INBOUND", "value": "no"} in container["env"]
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
        "SuccessExitStatus=130",
        "NoNewPrivileges=yes",
        "CapabilityBoundingSet=",
        "ProtectSystem=strict",
        # What the environment's process asks for: limits, and namespaces without network.
        "RestrictNamespaces=user net",
    ):
        assert line in lines
