"""Command lines and settings files of the demo's children."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

from cupel.devnet.presets import to_toml
from cupel.devnet.run_folder import RunFolder
from cupel.devnet.story.state import Lie
from cupel.devnet.wallets import Wallet
from cupel.protocol.config import ConfigError
from cupel.protocol.settings import Settings

Command = list[str | Path]


def cupel_program() -> Path:
    """The `cupel` command of the running Python's environment. ConfigError if it is not installed there."""
    path = Path(sysconfig.get_path("scripts")) / "cupel"
    if not path.is_file():
        raise ConfigError(
            "cupel", f"{path} does not exist", "Install the package: pip install -e . in the checkout"
        )
    return path


def child_environment() -> Mapping[str, str]:
    """The children's environment: ours without CUPEL_* settings, and one thread for each numeric library.

    The processes share the machine's cores; a pool of threads in each would only slow all of them.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CUPEL_")}
    return kept | {"OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}


def write_settings(folder: RunFolder, wallet: Wallet, rpc_url: str, chain_id: int) -> Path:
    """Write a process's settings file and return its path."""
    settings = Settings(
        rpc_url=rpc_url,
        chain_id=chain_id,
        deployment=str(folder.deployment),
        keystore=str(wallet.keystore),
        password_file=str(wallet.password_file),
        data_dir=str(folder.data / wallet.name),
    )
    path = folder.configs / f"{wallet.name}.toml"
    path.write_text(to_toml(settings), encoding="utf-8")
    return path


def node_command(program: Path, config: Path, lie: Lie | None) -> Command:
    """A node; a lying one is the ordinary node with one part exchanged."""
    start: Command = [program, "node", "run"]
    if lie is not None:
        start = [sys.executable, "-m", "cupel.devnet.liars", "--lie", lie.value]
    return [*start, "--config", config, "--json"]


def verifier_command(program: Path, config: Path) -> Command:
    """A verifier."""
    return [program, "verifier", "run", "--config", config, "--json"]


def creator_command(
    program: Path, config: Path, plan: Path, genesis: Path, start_in: int, wait_for_peers: int
) -> Command:
    """The task's creator; it waits until the genesis file is there, and so many others."""
    task: Command = [
        program,
        "task",
        "run",
        "--plan",
        plan,
        "--genesis",
        genesis,
        "--start-in",
        str(start_in),
        "--wait-for-peers",
        str(wait_for_peers),
    ]
    return [*task, "--config", config, "--json"]


def pretrain_command(root: Path, out: Path, steps: int, seed: int) -> Command:
    """The committed script that makes the genesis checkpoint."""
    script = root / "examples" / "sorting" / "pretrain.py"
    if not script.is_file():
        raise ConfigError("pretrain", f"{script} does not exist", "Run from a complete checkout")
    return [sys.executable, script, out, "--steps", str(steps), "--seed", str(seed)]
