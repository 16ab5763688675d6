"""Blocks in an IPFS daemon (Kubo) through its RPC; whoever knows an address can then fetch it from the whole of IPFS.

    <folder>/held/ab/<cid>    one empty file for each block that this process put and has not deleted
    <folder>/pins/ab/<cid>    one empty file a pin of the port

The daemon belongs to its operator and holds other content too, so this store knows its own blocks by its marks, lists
and deletes only those, and never removes a block: `delete` takes our pin away, and the daemon's garbage collection
frees the space when no one else pins the block. Each block is pinned directly, by itself: a recursive pin of a root
would be undone for shared leaves with the first of two files, and cannot be made before the last leaf is there.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from cupel.protocol.config import ConfigError
from cupel.protocol.spec.shardcast.car import car_bytes
from cupel.protocol.spec.shardcast.cid import BytesLike, Cid
from cupel.protocol.spec.shardcast.unixfs import MAX_BLOCK_BYTES
from cupel.protocol.storage.checking import checked_address
from cupel.protocol.storage.files import BlockMissing
from cupel.protocol.storage.kubo_rpc import DaemonRefused, KuboRpc, WrongApi
from cupel.protocol.storage.marks import Marks
from cupel.protocol.storage.port import StorageError

# The first whose `dag/import` takes blocks above 1 MiB (2022).
MIN_VERSION: Final = (0, 13)
QUERY_SECONDS: Final = 10.0
# A batch of at most 16 MiB and one block more, onto a slow disk that others use as well.
IMPORT_SECONDS: Final = 60.0
MAX_BATCH_BYTES: Final = 16 << 20
# Their addresses go in one request line, which other servers than Go's bound at 8 kB.
MAX_BATCH_BLOCKS: Final = 64
MAX_ANSWER_BYTES: Final = 64 * 1024

_OFFLINE: Final = ("offline", "true")
_DIRECT: Final = ("recursive", "false")
# Kubo's errors have no codes, only words: "ipld: could not find bafk...".
_ABSENT: Final = ("not find", "not found")
_A_ROOT: Final = "pinned recursively"


class KuboStore:
    """A BlockStore in the daemon whose RPC is at `url`; its marks are in `folder`, which it creates."""

    def __init__(self, url: str, folder: Path) -> None:
        """ConfigError for an address or a daemon that cannot serve; StorageError if no daemon answers."""
        self._held = Marks(folder / "held")
        self._pins = Marks(folder / "pins")
        self._rpc = KuboRpc(url)
        try:
            self.version = self._checked_version(url)
            """The daemon's version, as it tells it."""
        except BaseException:
            self._rpc.close()
            raise

    def close(self) -> None:
        """End the connections to the daemon; no call may follow."""
        self._rpc.close()

    def has(self, cid: Cid) -> bool:
        """See BlockStore."""
        return cid in self._held and self._ask_for(cid, "block/stat", MAX_ANSWER_BYTES) is not None

    def get(self, cid: Cid) -> bytes | None:
        """See BlockStore; what the daemon holds for others, or could fetch, is absent here: see `fetch`."""
        block = self._ask_for(cid, "block/get", MAX_BLOCK_BYTES) if cid in self._held else None
        return block if block is not None and cid.addresses(block) else None

    def put(self, block: BytesLike, cid: Cid | None = None) -> Cid:
        """See BlockStore."""
        address = checked_address(block, cid)
        if not self.has(address):
            self._import(((address, bytes(block)),))
        return address

    def put_blocks(self, blocks: Iterable[tuple[Cid, bytes]]) -> None:
        """See BulkStore; a request brings up to 64 blocks or 16 MiB, and a failure leaves the batches before it."""
        checked = ((checked_address(block, cid), block) for cid, block in blocks)
        for batch in _batches((cid, block) for cid, block in checked if not self.has(cid)):
            self._import(batch)

    def delete(self, cid: Cid) -> bool:
        """See BlockStore; the daemon keeps the block until its next garbage collection."""
        if cid in self._pins or cid not in self._held:
            return False
        try:
            self._call("pin/rm", ("arg", str(cid)), _DIRECT)
        except DaemonRefused as refused:
            # Its operator pins it too, or has taken our pin away.
            if not _tells(refused, "pinned"):
                raise
        return self._held.discard(cid)

    def cids(self) -> Iterator[Cid]:
        """See BlockStore."""
        return iter(self._held)

    def pin(self, cid: Cid) -> None:
        """See BlockStore."""
        self._pins.add(cid)

    def unpin(self, cid: Cid) -> None:
        """See BlockStore."""
        self._pins.discard(cid)

    def pinned(self) -> frozenset[Cid]:
        """See BlockStore."""
        return frozenset(self._pins)

    def fetch(self, cid: Cid, deadline_seconds: float, max_bytes: int = MAX_BLOCK_BYTES) -> bytes:
        """The block, from the daemon or whatever peers it finds, checked; it is not put here.

        BlockMissing at the deadline, or if the daemon has no peers to ask; StorageError for a daemon that is away,
        answers other bytes or more than `max_bytes`.
        """
        arguments = (("arg", str(cid)), ("timeout", f"{deadline_seconds:g}s"))
        try:
            # The daemon's own limit comes first, and its words with it.
            block = self._rpc.call("block/get", arguments, deadline_seconds + QUERY_SECONDS, max_bytes)
        except DaemonRefused as refused:
            if _tells(refused, *_ABSENT, "deadline exceeded", "timed out"):
                raise BlockMissing(cid) from None
            raise
        if not cid.addresses(block):
            raise StorageError(
                f"the IPFS daemon answered other bytes than {cid}",
                "check its repository (`ipfs repo verify`)",
            )
        return block

    def _import(self, batch: tuple[tuple[Cid, bytes], ...]) -> None:
        """Blocks into the daemon, then our pins on them, then our marks: a crash in between leaves no mark."""
        options = (("pin-roots", "false"), ("allow-big-block", "true"), _OFFLINE)
        self._rpc.call(
            "dag/import", options, IMPORT_SECONDS, MAX_ANSWER_BYTES, upload=car_bytes(batch[-1][0], batch)
        )
        addresses = [("arg", str(cid)) for cid, _ in batch]
        try:
            self._call("pin/add", *addresses, _DIRECT, _OFFLINE)
        except DaemonRefused as refused:
            if not _tells(refused, _A_ROOT):
                raise
            self._pin_one_by_one(addresses)
        for cid, _ in batch:
            self._held.add(cid)

    def _pin_one_by_one(self, addresses: list[tuple[str, str]]) -> None:
        """Pin those that the operator does not keep as roots already."""
        for address in addresses:
            try:
                self._call("pin/add", address, _DIRECT, _OFFLINE)
            except DaemonRefused as refused:
                if not _tells(refused, _A_ROOT):
                    raise

    def _ask_for(self, cid: Cid, command: str, max_bytes: int) -> bytes | None:
        """The answer about a block that the daemon holds now; None if it does not."""
        try:
            return self._rpc.call(command, (("arg", str(cid)), _OFFLINE), QUERY_SECONDS, max_bytes)
        except DaemonRefused as refused:
            if _tells(refused, *_ABSENT):
                return None
            raise

    def _call(self, command: str, *arguments: tuple[str, str]) -> None:
        self._rpc.call(command, arguments, QUERY_SECONDS, MAX_ANSWER_BYTES)

    def _checked_version(self, url: str) -> str:
        remedy = "Set it to the address that `ipfs config Addresses.API` prints"
        try:
            answer = self._rpc.call("version", (), QUERY_SECONDS, MAX_ANSWER_BYTES)
            version = str(json.loads(answer)["Version"])
        except (WrongApi, ValueError, KeyError, TypeError):
            raise ConfigError("store", f"what answers at {url} is not Kubo's RPC", remedy) from None
        numbers = re.match(r"(\d+)\.(\d+)", version)
        if numbers is None:
            raise ConfigError("store", f"the daemon at {url} says it has version {version!r}", remedy)
        if (int(numbers[1]), int(numbers[2])) < MIN_VERSION:
            oldest = ".".join(map(str, MIN_VERSION))
            raise ConfigError(
                "store", f"the daemon at {url} is Kubo {version}", f"Upgrade it to {oldest} or newer"
            )
        return version


def _tells(refused: DaemonRefused, *words: str) -> bool:
    return any(word in refused.message.lower() for word in words)


def _batches(blocks: Iterable[tuple[Cid, bytes]]) -> Iterator[tuple[tuple[Cid, bytes], ...]]:
    """Groups of at most MAX_BATCH_BLOCKS, each closed by the block that brings it to MAX_BATCH_BYTES."""
    waiting = iter(blocks)
    while first := next(waiting, None):
        batch, size = [first], len(first[1])
        while size < MAX_BATCH_BYTES and len(batch) < MAX_BATCH_BLOCKS:
            following = list(itertools.islice(waiting, 1))
            if not following:
                break
            batch += following
            size += len(following[0][1])
        yield tuple(batch)
