"""Writes a role's folder. Nothing that is there is overwritten."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cupel.protocol.config import ConfigError
from cupel.protocol.settings import Settings
from cupel.protocol.wallet import files

ROLES: Final = ("node", "verifier", "creator")
_PASSWORD_BYTES: Final = 24
_COMMENTS: Final = {
    "rpc_url": "JSON-RPC endpoint of the chain",
    "chain_id": "the chain you mean",
    "deployment": "contract addresses of the network",
    "task": "task id, or newest",
    "keystore": "this process's hot key",
    "password_file": "readable by you alone",
    "owner": "signer of the account that stakes or pays; empty: the key above",
    "data_dir": "blocks and journal",
    "store": "files, or kubo:http://127.0.0.1:5001 for an IPFS daemon",
    "listen_host": "address that is announced: peers must reach it",
    "p2p_port": "0 takes a free one",
    "http_port": "0 takes a free one",
    "inbound": "no accepts no connections, behind NAT for example",
}


@dataclass(frozen=True, slots=True)
class RoleFolder:
    """What was made."""

    settings: Path
    address: str
    next_steps: tuple[str, ...]


def begin(role: str, folder: Path, settings: Settings) -> RoleFolder:
    """Key, password and settings file of a role. ConfigError if one of them exists or cannot be written."""
    assert role in ROLES, f"{role} is no role"
    path, keystore, password = (folder / name for name in (f"{role}.toml", "key.json", "key.password"))
    for existing in (path, keystore, password):
        if existing.exists():
            remedy = "Choose another folder; nothing was changed"
            raise ConfigError("folder", f"{existing} exists", remedy)
    drawn = secrets.token_urlsafe(_PASSWORD_BYTES)
    files.write_private(password, drawn + "\n", "folder")
    key = files.create(keystore, drawn)
    own = {"keystore": str(keystore), "password_file": str(password), "data_dir": str(folder / "data")}
    lines = [
        f"{f'{name} = {json.dumps(own.get(name, getattr(settings, name)))}':<48}  # {comment}"
        for name, comment in _COMMENTS.items()
    ]
    files.write_private(path, "\n".join(lines) + "\n", "folder")
    return RoleFolder(path, key.address, _next_steps(role, path, folder, key.address))


def _next_steps(role: str, path: Path, folder: Path, address: str) -> tuple[str, ...]:
    money = {"node": "a stake of the task's token", "verifier": "bonds of the token", "creator": "the bounty"}
    plan = folder / "task.toml"
    run = {
        "node": f"cupel node run --config {path}",
        "verifier": f"cupel verifier run --config {path}",
        "creator": f"cupel task new {plan}; cupel task run --plan {plan} --genesis CHECKPOINT --config {path}",
    }
    return (
        f"copy {folder} to a safe place: nobody can restore the key",
        f"send {address} the chain's coin for gas, and {money[role]}",
        f"cupel doctor --config {path}",
        run[role],
    )
