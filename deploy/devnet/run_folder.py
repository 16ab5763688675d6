"""The folder of one run: logs, keys, every process's data, and what stays: event log, result and report."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cupel.protocol.config import ConfigError

# A demo's data takes about 100 MB; half of that free means it would fail in the middle.
_NEEDED_BYTES: Final = 200_000_000


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Paths below one run's folder."""

    path: Path

    @property
    def logs(self) -> Path:
        """Standard error of every process."""
        return self.path / "logs"

    @property
    def keys(self) -> Path:
        """Keystores and passwords."""
        return self.path / "keys"

    @property
    def data(self) -> Path:
        """A data folder for every process."""
        return self.path / "data"

    @property
    def configs(self) -> Path:
        """A settings file for every process, the plan, the checkpoint and the deployment."""
        return self.path / "config"

    @property
    def deployment(self) -> Path:
        """Addresses of the contracts."""
        return self.configs / "deployment.json"

    def forget_secrets(self) -> None:
        """Remove keys and data; logs, settings, event log, result and report stay."""
        for folder in (self.keys, self.data):
            shutil.rmtree(folder, ignore_errors=True)


def make_run_folder(wanted: Path | None, runs: Path) -> RunFolder:
    """Make the folders of a new run: `wanted`, or one named by date and time below `runs`.

    ConfigError if it exists with something in it, cannot be written, or its disk is full.
    """
    try:
        path = _new_folder(runs) if wanted is None else wanted
        path.mkdir(parents=True, exist_ok=True)
        if any(path.iterdir()):
            raise ConfigError("run-dir", f"{path} is not empty", "Name a new folder, or leave --run-dir out")
        free = shutil.disk_usage(path).free
        if free < _NEEDED_BYTES:
            problem = f"only {free // 1_000_000} MB free on the disk of {path}"
            remedy = f"Free {_NEEDED_BYTES // 1_000_000} MB, or choose another disk with --run-dir"
            raise ConfigError("run-dir", problem, remedy)
        folder = RunFolder(path.resolve())
        for part in (folder.logs, folder.keys, folder.data, folder.configs):
            part.mkdir()
        os.chmod(folder.keys, 0o700)
    except OSError as error:
        where = wanted if wanted is not None else runs
        problem = f"cannot write to {where} ({error.strerror})"
        raise ConfigError("run-dir", problem, "Choose another folder with --run-dir") from None
    return folder


def _new_folder(runs: Path) -> Path:
    stamp = time.strftime("%Y%m%d-%H%M%S")
    candidates = [runs / stamp, *(runs / f"{stamp}-{number}" for number in range(2, 100))]
    return next(path for path in candidates if not path.exists())
