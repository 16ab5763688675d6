"""Command lines and settings files of the demo's children."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from cupel.devnet import liars
from cupel.devnet.options import CANARY
from cupel.devnet.presets import to_toml
from cupel.devnet.run_folder import RunFolder
from cupel.devnet.wallets import Wallet
from cupel.protocol import cli
from cupel.protocol.config import ConfigError
from cupel.protocol.settings import Settings

# All that the children import to do their work; one that is forgotten is loaded by each of them, and only slower.
PRELOADED: Final = (
    "cupel.node.app",
    "cupel.node.cli",
    "cupel.protocol.network.gossip",
    "cupel.protocol.task.cli",
    "cupel.protocol.task.creator",
    "cupel.verifier.app",
    "cupel.verifier.cli",
)


NO_CHOICES: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Command:
    """What `python -m MODULE ARGUMENTS` runs."""

    module: str
    arguments: tuple[str | Path, ...]


def child_environment() -> Mapping[str, str]:
    """The children's environment: ours without CUPEL_* settings, and one thread for each numeric library.

    The processes share the machine's cores; a pool of threads in each would only slow all of them.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CUPEL_")}
    return kept | {"OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}


def write_settings(
    folder: RunFolder, wallet: Wallet, rpc_url: str, chain_id: int, choices: Mapping[str, Any] = NO_CHOICES
) -> Path:
    """Write a process's settings file and return its path. choices: what this process's operator sets itself."""
    settings = Settings(
        rpc_url=rpc_url,
        chain_id=chain_id,
        deployment=str(folder.deployment),
        keystore=str(wallet.keystore),
        password_file=str(wallet.password_file),
        data_dir=str(folder.data / wallet.name),
        **choices,
    )
    path = folder.configs / f"{wallet.name}.toml"
    path.write_text(to_toml(settings), encoding="utf-8")
    return path


def node_command(config: Path, lie: str | None) -> Command:
    """A node; a lying one is the ordinary node with one part exchanged. A canary lies by its settings."""
    if lie is not None and lie != CANARY:
        return Command(liars.__name__, ("--lie", str(lie), "--config", config, "--json"))
    return Command(cli.__name__, ("node", "run", "--config", config, "--json"))


def verifier_command(config: Path, lie: str | None = None) -> Command:
    """A verifier; a lying one has another auditor."""
    if lie is not None:
        return Command(liars.__name__, ("--lie", lie, "--config", config, "--json"))
    return Command(cli.__name__, ("verifier", "run", "--config", config, "--json"))


def creator_command(config: Path, plan: Path, genesis: Path, start_in: int, wait_for_peers: int) -> Command:
    """The task's creator; it waits until the genesis file is there, and so many others."""
    options = ("--plan", plan, "--genesis", genesis)
    waits = ("--start-in", str(start_in), "--wait-for-peers", str(wait_for_peers))
    return Command(cli.__name__, ("task", "run", *options, *waits, "--config", config, "--json"))


def pretrain_command(root: Path, out: Path, steps: int, seed: int) -> list[str | Path]:
    """The committed script that makes the genesis checkpoint."""
    script = root / "examples" / "sorting" / "pretrain.py"
    if not script.is_file():
        raise ConfigError("pretrain", f"{script} does not exist", "Run from a complete checkout")
    return [sys.executable, script, out, "--steps", str(steps), "--seed", str(seed)]
