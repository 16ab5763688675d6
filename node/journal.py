"""What a node must not forget between two runs: its trainer's state and the residual of its last update.

Everything else is on-chain or content-addressed. Files are replaced whole, so a crash leaves the old or the new one.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from cupel.protocol.storage.port import StorageError


@dataclass(frozen=True, slots=True)
class Journal:
    """Named byte strings in a folder."""

    folder: Path

    def load(self, name: str) -> bytes | None:
        """The bytes last saved under `name`, or None."""
        try:
            return (self.folder / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            problem = f"cannot read {self.folder / name}: {error.strerror}"
            raise StorageError(problem, "check the folder's owner and mode") from error

    def save(self, name: str, data: bytes) -> None:
        """Replace what is saved under `name`."""
        temporary = self.folder / f".{name}.new"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.folder / name)
        except OSError as error:
            problem = f"cannot write {self.folder / name}: {error.strerror}"
            raise StorageError(problem, "free disk space or choose another data_dir") from error
