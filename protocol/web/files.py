"""The pages as files: what ships with the package, and what is made for one network. Any static host serves them."""

from __future__ import annotations

import dataclasses
import json
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from cupel.protocol.chain.deployments import Deployment
from cupel.protocol.config import ConfigError, EnvironmentProblem
from cupel.protocol.settings import Settings
from cupel.protocol.web.schema import plan_schema

KINDS: Final = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".json": "application/json",
    ".toml": "text/plain",
}
"""Content types by a file's ending."""


def network_of(settings: Settings, local: dict[str, str] | None = None) -> dict[str, Any]:
    """What network.json holds: addresses and endpoint, and what a process on this machine serves.

    ConfigError as `Deployment.read`.
    """
    deployment = Deployment.read(Path(settings.deployment), settings.chain_id)
    return {**dataclasses.asdict(deployment), "rpc_url": settings.rpc_url, "local": local}


def page_files(network: dict[str, Any]) -> dict[str, bytes]:
    """Every file of the pages by its name."""
    site = files("cupel.protocol.web").joinpath("site")
    found = {one.name: one.read_bytes() for one in site.iterdir() if Path(one.name).suffix in KINDS}
    return found | {
        "plan.json": json.dumps(plan_schema()).encode(),
        "template.toml": files("cupel.protocol.task").joinpath("template.toml").read_bytes(),
        "network.json": (json.dumps(network, indent=2) + "\n").encode(),
    }


def write_pages(folder: Path, network: dict[str, Any]) -> None:
    """Put the pages into a new or empty folder. ConfigError if it is neither, EnvironmentProblem if it cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise ConfigError("out", f"{folder} is not empty", "Name a new folder; nothing was overwritten")
        for name, content in page_files(network).items():
            (folder / name).write_bytes(content)
    except OSError as error:
        raise EnvironmentProblem(
            f"cannot write {folder} ({error.strerror}); choose another folder"
        ) from error
