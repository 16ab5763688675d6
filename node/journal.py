"""Named byte strings in a folder: what a node must not forget between two runs, and what its processes hand each other.

Files are replaced whole, so a crash leaves the old or the new one.
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

    def save(self, name: str, data: bytes, durable: bool = True) -> None:
        """Replace what is saved under `name`. durable: so that a power cut leaves it too, at some ms."""
        temporary = self.folder / f".{name}.new"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                if durable:
                    os.fsync(file.fileno())
            temporary.replace(self.folder / name)
            if durable:
                self._keep_names()
        except OSError as error:
            problem = f"cannot write {self.folder / name}: {error.strerror}"
            raise StorageError(problem, "free disk space or choose another data_dir") from error

    def remove(self, name: str) -> None:
        """Forget what is saved under `name`, if anything is."""
        (self.folder / name).unlink(missing_ok=True)

    def _keep_names(self) -> None:
        """A renamed file is found after a power cut only if its folder was written too."""
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
