"""Replacing a small file as a whole: whoever reads it, after whatever crash, finds the old bytes or the new ones."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Final

from cupel.protocol.storage.port import StorageError, StorageFull

_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


def replace_file(path: Path, data: bytes, durable: bool = True, mode: int = 0o644) -> None:
    """Have `path` hold `data`; its folder is made. StorageError, and then it holds what it held.

    durable: when this returns, a power cut leaves the new bytes too, at some ms. mode: of the file.
    """
    temporary = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # A leftover may be another's, with a wider mode.
        temporary.unlink(missing_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            if durable:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(temporary, path)
        if durable:
            _keep_names(path.parent)
    except OSError as error:
        kind = StorageFull if error.errno in _FULL else StorageError
        problem = f"cannot write {path}: {error.strerror}"
        raise kind(problem, "free disk space or choose another data_dir") from error


def _keep_names(folder: Path) -> None:
    """A renamed file is found after a power cut only if its folder was written too."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
