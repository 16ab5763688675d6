"""Content-addressed blocks: the port, the folder and the IPFS daemon that implement it, and files on top."""

from cupel.protocol.storage.files import BlockMissing, put_file, read_file
from cupel.protocol.storage.filesystem import FilesystemStore
from cupel.protocol.storage.kubo import KuboStore
from cupel.protocol.storage.opening import open_store
from cupel.protocol.storage.port import BlockStore, StorageError, StorageFull
from cupel.protocol.storage.shelf import VersionShelf

__all__ = [
    "BlockMissing",
    "BlockStore",
    "FilesystemStore",
    "KuboStore",
    "StorageError",
    "StorageFull",
    "VersionShelf",
    "open_store",
    "put_file",
    "read_file",
]
