"""Content-addressed blocks: the port, the folder and the IPFS daemon that implement it, and files on top.

The daemon's half is in `kubo` and `opening`, which load an HTTP client; nothing here does.
"""

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
