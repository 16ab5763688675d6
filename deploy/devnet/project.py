"""Where the project's own files are: built contracts, binaries from npm, the pre-training script."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

from cupel.protocol.config import ConfigError

_MARKS: Final = ("foundry.toml", "package.json")


def project_root() -> Path:
    """Folder of the checkout: CUPEL_ROOT, the nearest one above the current folder, or the one this file is in.

    ConfigError if none of them is one.
    """
    candidates = [Path(os.environ["CUPEL_ROOT"])] if "CUPEL_ROOT" in os.environ else []
    candidates += [Path.cwd(), *Path.cwd().parents, Path(__file__).resolve().parents[2]]
    for folder in candidates:
        if all((folder / mark).is_file() for mark in _MARKS):
            return folder.resolve()
    raise ConfigError(
        "project folder",
        "the contracts and the Foundry binaries were not found from here",
        "Run from a checkout of Cupel, or set CUPEL_ROOT to one",
    )


def find_binary(root: Path, name: str) -> Path:
    """A Foundry program: from the checkout's npm packages, else from PATH. ConfigError if it is in neither.

    The npm launcher of the same name is passed over: a program started through it survives the launcher's end.
    """
    found = sorted((root / "node_modules" / "@foundry-rs").glob(f"{name}-*/bin/{name}"))
    on_path = shutil.which(name)
    candidates = found + ([Path(on_path)] if on_path else [])
    for path in candidates:
        if os.access(path, os.X_OK) and not _is_script(path):
            return path.resolve()
    raise ConfigError(
        name, "the program was not found", "Run `make setup` in the checkout: it installs Foundry from npm"
    )


def artefacts(root: Path) -> Path:
    """Folder of the built contracts. ConfigError if they were not built."""
    folder = root / "out"
    if not (folder / "Hub.sol" / "Hub.json").is_file():
        raise ConfigError(
            "contracts", f"no built Hub in {folder}", "Run `make setup` in the checkout: it builds them"
        )
    return folder


def _is_script(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"#!"
