"""The economy of deploy/docker/compose.yml in real containers: it starts, works, and a killed node comes back.

    python tests/containers/economy.py                               everything, with `docker compose`
    python tests/containers/economy.py --compose podman-compose --podman --local

Images are built before (images.sh). What it sees, it reads from the economy's own Prometheus at 127.0.0.1:9090, and
writes as JSON lines. A default round takes five minutes, so it all takes a quarter of an hour. Exit code 1 if something
does not happen in time; all containers and volumes are removed at the end.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
FILES: Final = ("-f", "deploy/docker/compose.yml")
LOCAL: Final = ("-f", "tests/containers/local.yml")
NODES: Final = ("127.0.0.1:9461", "127.0.0.1:9462", "127.0.0.1:9463")
VERIFIERS: Final = ("127.0.0.1:9464", "127.0.0.1:9465")
WITHOUT_REGISTRY: Final = ("creator", "node1", "node2", "node3", "verifier1", "verifier2", "prometheus")
KILLED: Final = "node2"
KILLED_AT: Final = NODES[1]
START_SECONDS: Final = 300.0
ROUND_SECONDS: Final = 400.0


def prometheus(path: str, **asked: str) -> Any:
    """What Prometheus answers; None while it does not."""
    url = f"http://127.0.0.1:9090/api/v1/{path}?{urllib.parse.urlencode(asked)}"
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)["data"]
    except OSError:
        return None


def ask(query: str) -> dict[str, float]:
    """An instant query: by instance. Empty while Prometheus does not answer."""
    found = prometheus("query", query=query)
    results = [] if found is None else found["result"]
    return {one["metric"].get("instance", ""): float(one["value"][1]) for one in results}


def unshown() -> list[str]:
    """The dashboard's expressions for which there is no number, or no answer at all."""
    dashboard = json.loads((ROOT / "deploy" / "monitoring" / "grafana" / "cupel.json").read_text())
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    return [one for one in asked if not ask(one.replace("$__rate_interval", "5m"))]


def alarms() -> dict[str, str]:
    """Of each alarm rule, how its evaluation went."""
    groups = prometheus("rules")["groups"]
    return {rule["name"]: rule["health"] for group in groups for rule in group["rules"]}


def until(what: str, reached: Callable[[], bool], seconds: float) -> None:
    """Wait for it, and tell of it. TimeoutError."""
    began = time.monotonic()
    while not reached():
        if time.monotonic() > began + seconds:
            raise TimeoutError(f"not seen within {seconds:.0f} s: {what}")
        time.sleep(2)
    print(json.dumps({"seen": what, "after_seconds": round(time.monotonic() - began, 1)}), flush=True)


def committed() -> bool:
    """Whether every node has committed to a round since its process began."""
    counts = ask('cupel_node_rounds_total{outcome="committed"}')
    return all(counts.get(node, 0) >= 1 for node in NODES)


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--compose", default="docker compose", help="the program that reads the compose file")
    parser.add_argument("--podman", action="store_true", help="podman is what runs them, not docker")
    parser.add_argument("--local", action="store_true", help="without images of a registry: see bases.sh")
    given = parser.parse_args()
    runtime = "podman" if given.podman else "docker"
    compose = [*shlex.split(given.compose), *FILES, *(LOCAL if given.local else ())]

    def call(*command: str, check: bool = True) -> None:
        subprocess.run(command, cwd=ROOT, check=check, stdout=sys.stderr)

    def container(service: str) -> str:
        # Each program that reads compose files names containers in its own way.
        wanted = ("--filter", f"label=com.docker.compose.service={service}")
        command = [runtime, "ps", "--all", "--quiet", *wanted]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()

    def is_healthy() -> bool:
        # podman asks by a timer of systemd, and so never where there is none.
        ready = ("test", "-f", "/net/files/wallet-8.json")
        return subprocess.run([runtime, "exec", container("chain"), *ready]).returncode == 0

    try:
        call(*compose, "up", "-d", "--no-build", "chain")
        until("the chain is healthy", is_healthy, START_SECONDS)
        call(*compose, "up", "-d", "--no-build", *(WITHOUT_REGISTRY if given.local else ()))
        until(
            "Prometheus reads all",
            lambda: all(ask("up").get(one) == 1 for one in NODES + VERIFIERS),
            START_SECONDS,
        )
        until("every node has committed", committed, ROUND_SECONDS)
        call(runtime, "kill", container(KILLED))
        until("a node is down", lambda: ask("up").get(KILLED_AT) != 1, START_SECONDS)
        call(runtime, "start", container(KILLED))
        until("it is back", lambda: ask("up").get(KILLED_AT) == 1, START_SECONDS)
        # Its count began again with its process.
        until("it has committed too", committed, ROUND_SECONDS)
        failed = ask('sum by (instance) (cupel_verifier_verdicts_total{outcome="failed"})')
        checked = ask('sum by (instance) (cupel_verifier_verdicts_total{outcome="passed"})')
        missed = ask('cupel_node_rounds_total{outcome="missed"}')
        report = {"checks_passed": checked, "checks_failed": failed, "rounds_missed": missed}
        print(json.dumps(report | {"alarms": alarms(), "panels_without_numbers": unshown()}), flush=True)
    except (TimeoutError, subprocess.CalledProcessError) as error:
        print(json.dumps({"failed": str(error)}), flush=True)
        return 1
    finally:
        call(*compose, "down", "--volumes", check=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
