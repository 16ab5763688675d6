"""Which store the setting `store` names, and opening it.

files                           blocks as files in the data folder (the default)
kubo:http://127.0.0.1:5001      blocks in the IPFS daemon whose RPC is at this address
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from cupel.protocol.config import ConfigError
from cupel.protocol.storage.filesystem import FilesystemStore
from cupel.protocol.storage.kubo import KuboStore
from cupel.protocol.storage.port import BlockStore

FILES: Final = "files"
_KUBO: Final = "kubo:"
_REMEDY: Final = "Use `files`, or `kubo:` and the address of an IPFS daemon's RPC: kubo:http://127.0.0.1:5001"


@contextmanager
def open_store(store: str, data_folder: Path) -> Iterator[BlockStore]:
    """The store that the setting names, closed at the end; what it keeps on this machine is in `data_folder`.

    ConfigError for a setting or a daemon that cannot work, StorageError for a folder or a daemon that does not.
    """
    url = kubo_url(store)
    if url is None:
        yield FilesystemStore(data_folder)
        return
    kubo = KuboStore(url, data_folder / "kubo")
    try:
        yield kubo
    finally:
        kubo.close()


def kubo_url(store: str) -> str | None:
    """Address of the daemon's RPC, without a slash at its end; None for files. ConfigError for anything else."""
    if store == FILES:
        return None
    url = store.removeprefix(_KUBO)
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if url == store or not usable or parts.path.strip("/") or parts.query or parts.fragment:
        raise ConfigError("store", f"{store!r} names no store", _REMEDY)
    if parts.username is not None:
        # Settings are printed and logged.
        raise ConfigError("store", "an address with a password in it", "Let the daemon listen on loopback")
    return url.rstrip("/")
