"""Named byte strings in a folder: what a node must not forget between two runs, and what its processes hand each other.

Files are replaced whole, so a crash leaves the old or the new one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cupel.protocol.storage.port import StorageError
from cupel.protocol.storage.replacing import replace_file


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
        """Replace what is saved under `name`. durable: so that a power cut leaves it too, at some ms. StorageError."""
        replace_file(self.folder / name, data, durable)

    def remove(self, name: str) -> None:
        """Forget what is saved under `name`, if anything is."""
        (self.folder / name).unlink(missing_ok=True)
