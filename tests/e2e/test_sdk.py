"""The examples of the SDK run, against a real chain."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cupel.devnet.deployment import deploy, fund
from cupel.devnet.presets import CANONICAL, DATA, FULL
from cupel.devnet.project import artefacts, project_root
from cupel.devnet.wallets import create_wallet
from cupel.protocol.config import ConfigError
from cupel.protocol.model.checkpoint import checkpoint_to_bytes, genesis
from cupel.protocol.model.layout import layout_of
from cupel.protocol.task.plan import load_plan
from cupel.protocol.testing.waiting import HANG_SECONDS

EXAMPLES = project_root() / "examples"
BOUNTY = 1_000_000
# A life of eleven seconds.
QUICK = {
    "round_seconds": "1",
    "commit_seconds": "1",
    "rounds": "2",
    "challenge_window": "1",
    "dispute_seconds": "1",
    "exit_margin": "1",
    "bounty": f'"{BOUNTY}"',
    "rate": '"1000"',
    "stake": '"5000"',
    "bond": '"100"',
}


def run(*arguments: str | Path) -> list[str]:
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, timeout=2 * HANG_SECONDS
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_task_from_its_plan_to_its_refund(start_anvil: Callable[..., Any], tmp_path: Path) -> None:
    text = (EXAMPLES / "sorting" / "task.toml").read_text()
    for key, value in QUICK.items():
        text = re.sub(rf"^{key} = .*$", f"{key} = {value}", text, flags=re.MULTILINE)
    plan = tmp_path / "task.toml"
    plan.write_text(text)
    layout = layout_of(load_plan(plan).spec.model)
    weights = checkpoint_to_bytes(genesis(np.zeros(layout.num_parameters, np.float32)), layout)
    (tmp_path / "genesis.safetensors").write_bytes(weights)
    wallet = create_wallet("creator", tmp_path)
    with start_anvil("--block-time", "1") as anvil:
        try:
            deployment = asyncio.run(
                deploy(anvil.rpc_url, 31337, artefacts(project_root()), FULL.jury, DATA, CANONICAL)
            )
        except ConfigError as missing:
            pytest.skip(str(missing))
        asyncio.run(fund(anvil.rpc_url, deployment, {wallet.address: BOUNTY}))
        deployment.write(tmp_path / "deployment.json")
        settings = tmp_path / "creator.toml"
        settings.write_text(
            f'rpc_url = "{anvil.rpc_url}"\ndeployment = "{tmp_path}/deployment.json"\n'
            f'keystore = "{wallet.keystore}"\npassword_file = "{wallet.password_file}"\n'
            f'data_dir = "{tmp_path}/data"\n'
        )
        policy = tmp_path / "policy.safetensors"
        told = run(EXAMPLES / "creator" / "life.py", settings, plan, tmp_path / "genesis.safetensors", policy)
    assert told[0].startswith(f"Price(bounty={BOUNTY}, units=1000,")
    rounds = [re.findall(r"round=(\w+)", line)[0] for line in told if line.startswith("Progress")]
    assert (rounds[0], rounds[-1]) == ("None", "None")
    assert told[-2:] == ["version 0", f"refund {BOUNTY}"]
    assert policy.read_bytes() == weights


def test_prices_of_plans() -> None:
    plans = [EXAMPLES / "llama" / "task.toml", EXAMPLES / "sorting" / "task.toml"]
    told = run(EXAMPLES / "creator" / "price.py", *plans)
    assert len(told) == 2
    assert all(" rollouts, " in line for line in told)
