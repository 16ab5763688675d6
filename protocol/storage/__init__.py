"""Content-addressed blocks on this machine: the port, the folder that implements it, and files on top."""

from cupel.protocol.storage.files import BlockMissing, put_file, read_file
from cupel.protocol.storage.filesystem import FilesystemStore
from cupel.protocol.storage.port import BlockStore, StorageError, StorageFull

__all__ = [
    "BlockMissing",
    "BlockStore",
    "FilesystemStore",
    "StorageError",
    "StorageFull",
    "put_file",
    "read_file",
]
