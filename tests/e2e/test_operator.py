"""An operator's questions before and beside the work, asked of a real chain by the real commands."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from cupel.protocol.testing.waiting import HANG_SECONDS

CUPEL = Path(sysconfig.get_path("scripts")) / "cupel"


@pytest.fixture(scope="module")
def devnet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    folder = tmp_path_factory.mktemp("devnet")
    command = [CUPEL, "devnet", "up", "--port", "0", "--wallets", "2", "--dir", folder]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        first = process.stdout.readline()
        found = re.findall(r"http://\S+?(?=;|\s|$)", first)
        assert found, first
        for line in process.stdout:
            if "cupel node run" in line:
                break
        yield found[0], folder
        process.send_signal(signal.SIGINT)
        assert process.wait(HANG_SECONDS) == 0
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def cupel(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CUPEL_")}
    return subprocess.run(
        [CUPEL, *arguments], capture_output=True, text=True, timeout=2 * HANG_SECONDS, env=kept
    )


def test_doctor_status_and_why_on_a_chain_without_a_task(devnet: tuple[str, Path], tmp_path: Path) -> None:
    url, folder = devnet
    config = tmp_path / "node.toml"
    config.write_text(
        f'rpc_url = "{url}"\ndeployment = "{folder}/deployment.json"\nkeystore = "{folder}/wallet-1.json"\n'
        f'password_file = "{folder}/wallet-1.password"\ndata_dir = "{tmp_path}/data"\n'
    )
    doctor = cupel("doctor", "--config", config, "--json")
    levels = {one["subject"]: one["level"] for one in json.loads(doctor.stdout)["findings"]}
    assert (doctor.returncode, "bad" in levels.values()) == (0, False)
    assert {levels[name] for name in ("keystore", "chain", "contracts", "gas", "stake")} == {"good"}
    status = cupel("status", "--config", config, "--json")
    assert (status.returncode, json.loads(status.stdout)["tasks"]) == (0, [])
    why = cupel("why", "--config", config)
    assert (why.returncode, why.stderr.count("\n")) == (2, 1)
    assert "cupel task run" in why.stderr


def test_a_dry_run_prices_a_creator_s_life_and_sends_nothing(
    devnet: tuple[str, Path], tmp_path: Path
) -> None:
    url, folder = devnet
    given = [
        *("--rpc-url", url, "--deployment", folder / "deployment.json", "--data-dir", tmp_path / "data"),
        *("--keystore", folder / "wallet-2.json", "--password-file", folder / "wallet-2.password"),
    ]
    plan = tmp_path / "task.toml"
    assert cupel("task", "new", plan).returncode == 0
    asked = ("task", "run", "--plan", plan, "--genesis", "none", *given, "--dry-run")
    told = cupel(*asked, "--json")
    bill = json.loads(told.stdout)
    steps = {one["action"]: one for one in bill["steps"]}
    assert [one for one in steps if steps[one]["estimated"]] == ["set endpoint", "approve"]
    assert 40_000 < steps["approve"]["gas"] < 60_000
    assert (bill["enough"], bill["tokens"]) == (True, "1024000000000000000000")
    assert "nothing was sent" in cupel(*asked).stdout
    assert json.loads(cupel("status", *given[:4], "--json").stdout)["tasks"] == []


def test_the_doctor_names_a_chain_that_is_not_the_one_meant(devnet: tuple[str, Path], tmp_path: Path) -> None:
    url, folder = devnet
    config = tmp_path / "node.toml"
    config.write_text(f'rpc_url = "{url}"\ndeployment = "{folder}/deployment.json"\nchain_id = 1\n')
    doctor = cupel("doctor", "--config", config, "--json")
    bad = [one["subject"] for one in json.loads(doctor.stdout)["findings"] if one["level"] == "bad"]
    assert doctor.returncode == 1
    assert {"keystore", "deployment"} <= set(bad)
