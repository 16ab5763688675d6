"""One process for a key and a data folder.

Two with one key take each other's rounds, nonces and demands, and two in one folder delete each other's files. So a
folder is locked while a process uses it, and a process that works with a stake is not started while another one answers
where the chain says that this key is at work: the libp2p identity there is the other folder's, and proven by it. Who
accepts no connections cannot be asked; then the older process sees on the chain that another has announced itself.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cupel.protocol.config import ConfigError
from cupel.protocol.network.endpoint import Endpoint
from cupel.protocol.observe import Observer
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.storage.port import StorageError

if TYPE_CHECKING:
    from cupel.protocol.network import Swarm

# Only where something listens at its port; a crowded machine takes its time to answer.
ASK_SECONDS: Final = 20.0
_FILE: Final = "lock"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Have a data folder for this process alone; the kernel frees it however the process ends.

    ConfigError if another process has it, StorageError if it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / _FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StorageError(f"cannot write below {folder} ({error.strerror})", "correct data_dir") from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            problem = f"another process works in {folder}"
            raise ConfigError(
                "data_dir", problem, "End it, or give each process a folder of its own"
            ) from None
        yield
    finally:
        os.close(descriptor)


async def refuse_second(swarm: Swarm, announced: str, account: str) -> None:
    """ConfigError if another process answers at the endpoint that this account announced last."""
    if peer_of(announced) in ("", peer_of(swarm.endpoint)) or not await swarm.answers(announced, ASK_SECONDS):
        return
    problem = f"another process works with the key of {account} and answers at {announced.partition(',')[0]}"
    raise ConfigError("keystore", problem, "End that one first: two with one key take each other's rounds")


class KeyWatch:
    """Tells once when another process has announced itself with this key."""

    def __init__(self, observer: Observer, ours: str, replaced: str) -> None:
        """Endpoints. replaced: the one before ours, which a reorganisation may bring back."""
        self._observer = observer
        self._known = {"", peer_of(ours), peer_of(replaced)}

    def look(self, announced: str) -> None:
        """Take in what the chain says of this account now."""
        if peer_of(announced) not in self._known:
            self._known.add(peer_of(announced))
            message = f"another process works with this key and announced itself at {announced}: end both, start one"
            self._observer.emit("error", message=message)


def peer_of(endpoint: str) -> str:
    """The libp2p identity that an endpoint names; empty for what is none."""
    try:
        return Endpoint.parse(endpoint).peer_id
    except Rejected:
        return ""
