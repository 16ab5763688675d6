"""Content-addressed blocks: the port, the folder and the IPFS daemon that implement it, and files on top.

The daemon's half is in `kubo` and `opening`, which load an HTTP client; nothing here does. The names below load their
modules when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from cupel.protocol.storage.files import BlockMissing, file_leaves, put_file, read_file, write_file
    from cupel.protocol.storage.filesystem import FilesystemStore
    from cupel.protocol.storage.port import BlockStore, StorageError, StorageFull
    from cupel.protocol.storage.shelf import VersionShelf

__all__ = [
    "BlockMissing",
    "BlockStore",
    "FilesystemStore",
    "StorageError",
    "StorageFull",
    "VersionShelf",
    "file_leaves",
    "put_file",
    "read_file",
    "write_file",
]

_HOMES: Final = {
    "files": ("BlockMissing", "file_leaves", "put_file", "read_file", "write_file"),
    "filesystem": ("FilesystemStore",),
    "port": ("BlockStore", "StorageError", "StorageFull"),
    "shelf": ("VersionShelf",),
}


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
