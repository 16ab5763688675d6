"""What was measured so far, on disk: an interrupted calibration goes on where it stopped."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any, Final

import numpy as np

from cupel.protocol.config import ConfigError
from cupel.protocol.storage import StorageError
from cupel.protocol.storage.replacing import replace_file
from cupel.verifier.calibration.evidence import Integers

_IDENTITY: Final = "run.json"


class Parts:
    """One file per measured batch, in a folder that belongs to one calibration."""

    def __init__(self, folder: Path, identity: dict[str, Any]) -> None:
        """Open or make the folder. ConfigError if it holds the parts of another calibration."""
        self._folder = folder
        text = json.dumps(identity, sort_keys=True, indent=1)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / _IDENTITY
            if path.exists() and path.read_text(encoding="utf-8") != text:
                remedy = "Remove the folder, or name another --out"
                raise ConfigError("out", f"{folder} holds the parts of another calibration", remedy)
        except OSError as error:
            raise _problem(folder, error) from None
        replace_file(path, text.encode())

    def load(self, name: str, columns: int) -> Integers | None:
        """A batch measured before: int64 [C, columns]; None if there is none, or a file that no run finished."""
        try:
            values = np.load(self._folder / f"{name}.npy", allow_pickle=False)
        except (FileNotFoundError, ValueError, EOFError):
            return None
        except OSError as error:
            raise _problem(self._folder, error) from None
        return values if values.dtype == np.int64 and values.shape[1:] == (columns,) else None

    def save(self, name: str, values: Integers) -> None:
        """Keep a batch. StorageError."""
        file = io.BytesIO()
        np.save(file, values)
        replace_file(self._folder / f"{name}.npy", file.getvalue())

    def remove(self) -> None:
        """Everything is in the result."""
        shutil.rmtree(self._folder, ignore_errors=True)


def _problem(folder: Path, error: OSError) -> StorageError:
    return StorageError(f"cannot keep what is measured in {folder} ({error.strerror})", "check the disk")
