"""The swarm as every process uses it: announcements by gossip, blocks and files by HTTP, peers from the chain."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Final, Self

from cupel.protocol.network.announcement import Announcement
from cupel.protocol.network.client import BlockClient
from cupel.protocol.network.control import ControlPlane, ControlSettings
from cupel.protocol.network.dial_back import DialBack
from cupel.protocol.network.endpoint import Endpoint
from cupel.protocol.network.errors import BlockUnavailable, PeerSilent
from cupel.protocol.network.exchange.engine import NotFetched
from cupel.protocol.network.exchange.exchange import Exchange
from cupel.protocol.network.exchange.wire import Wire
from cupel.protocol.network.fetching import fetch_each, fetch_file, fetch_nodes, leaf_starts
from cupel.protocol.network.finding import BlockFinder
from cupel.protocol.network.server import BlockServer
from cupel.protocol.network.statistics import PeerStatistics, TransferStatistics
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.spec.shardcast.unixfs import MAX_BLOCK_BYTES, Link, root_link
from cupel.protocol.storage.files import BlockMissing, file_leaves
from cupel.protocol.storage.port import BlockStore, StorageError

logger = logging.getLogger(__name__)

# Gossip reaches everybody over a few neighbours; connections beyond that only cost memory.
MAX_GOSSIP_PEERS: Final = 32
_NOTHING: Final = Cid.from_digest(bytes(32))


class Swarm:
    """This process among its peers. An async context manager, and bound to the event loop it was entered on.

    Every method that waits has a deadline of its own or takes the caller's, and raises NetworkError when it passes.
    """

    def __init__(
        self,
        store: BlockStore,
        identity_key: bytes,
        topic: str,
        listen_host: str = "127.0.0.1",
        p2p_port: int = 0,
        http_port: int = 0,
        accepts: bool = True,
    ) -> None:
        """accepts: False listens nowhere, for a machine that cannot be reached: it connects to others, and they ask it
        for blocks over that connection."""
        self._store = store
        self._listen_host = listen_host
        self._http_port = http_port
        self._accepts = accepts
        control_host = listen_host if accepts else None
        self._control = ControlPlane(ControlSettings(identity_key, control_host, p2p_port, topic), self._give)
        self._client = BlockClient(random.Random(), self._control.ask_block)
        self._finder = BlockFinder(self._client, store)
        wire = Wire(self._client.request, self._client.request_many, self._client.post)
        self._exchange = Exchange(wire, random.Random(), self._find)
        self._server = BlockServer(store, [self._exchange.route, DialBack().route])
        self._accounts: dict[str, str] = {}
        self._blocks_streamed = self._bytes_streamed = 0
        self._closing = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Listen on both planes, or on none. PortTaken, LibraryMissing or ControlPlaneDown if that is impossible."""
        async with AsyncExitStack() as closing:
            http_port = 0
            if self._accepts:
                closing.push_async_callback(self._server.close)
                http_port = await self._server.start(self._listen_host, self._http_port)
            await closing.enter_async_context(self._client)
            closing.callback(self._finder.close)
            await closing.enter_async_context(self._exchange)
            closing.push_async_callback(self._control.close)
            if self._accepts:
                self._exchange.serve_at(http_port)
            peer_id, p2p_port = await self._control.start()
            self._endpoint = (
                Endpoint(self._listen_host, p2p_port, peer_id, self._listen_host, http_port)
                if self._accepts
                else Endpoint.outbound(peer_id)
            )
            self._closing = closing.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop within three seconds, whatever state the peers are in."""
        await self._closing.aclose()

    @property
    def endpoint(self) -> str:
        """Where peers reach this process: what to put on the chain."""
        return str(self._endpoint)

    def set_peers(self, endpoints: Mapping[str, str]) -> None:
        """Know exactly these peers, by account: connect to new ones in the background, drop those that left.

        The strings are whatever their accounts wrote on the chain: what is no endpoint, and our own, is left out.
        ControlPlaneDown if the gossip thread has ended.
        """
        peers = {
            account: endpoint
            for account, text in endpoints.items()
            if (endpoint := self._parse(account, text))
        }
        self._accounts = {endpoint.data_url: account for account, endpoint in peers.items()}
        self._client.set_sources(frozenset(self._accounts))
        addresses: dict[str, tuple[str, ...]] = {}
        for endpoint in peers.values():
            # Accounts may name the same peer id, rightly or not; only the right address proves to hold its key.
            told = (endpoint.control_address,) if endpoint.accepts else ()
            addresses[endpoint.peer_id] = (*addresses.get(endpoint.peer_id, ()), *told)
        self._control.set_peers(_neighbours(self._endpoint.peer_id, addresses))

    async def answers(self, endpoint: str, deadline_seconds: float) -> bool:
        """Whether whoever holds an endpoint's libp2p key answers there now. False for one that accepts no connections.

        Peers are those of the next `set_peers` again. ControlPlaneDown if the gossip thread has ended.
        """
        peer = Endpoint.parse(endpoint)
        if not peer.accepts or not await _connects(peer.control_host, peer.control_port, deadline_seconds):
            return False
        self._control.set_peers({peer.peer_id: (peer.control_address,)})
        loop = asyncio.get_running_loop()
        deadline = loop.time() + deadline_seconds
        while loop.time() < deadline:
            with contextlib.suppress(PeerSilent):
                # What it has does not matter: over the stream it has proven who it is.
                await self._control.ask_block(peer.peer_id, _NOTHING, 1, deadline_seconds / 4, only_have=True)
                return True
            await asyncio.sleep(0.1)
        return False

    async def announce(self, announcement: Announcement) -> None:
        """Tell the peers. Returns when it is on its way; ControlPlaneDown if the gossip thread has ended or stalls."""
        await self._control.publish(announcement)

    def announcements(self) -> AsyncIterator[Announcement]:
        """What others announce, each once; for one reader. Ends with ControlPlaneDown if the gossip thread ends."""
        return self._control.announcements()

    async def fetch_block(self, cid: Cid, deadline_seconds: float, max_bytes: int = MAX_BLOCK_BYTES) -> bytes:
        """The block, from here, a peer or IPFS; it is stored and served from here then.

        BlockUnavailable if nobody delivers at most `max_bytes` of it in time; peers that lack it are asked again.
        """
        block = await asyncio.to_thread(self._store.get, cid)
        if block is None or len(block) > max_bytes:
            block = await self._finder.fetch(cid, deadline_seconds, max_bytes)
            await asyncio.to_thread(self._store.put, block, cid)
        return block

    async def fetch_file(
        self, root: Cid, max_bytes: int, deadline_seconds: float, superseded: asyncio.Event | None = None
    ) -> bytes:
        """The file, from here, from peers or IPFS; all of it is stored and served from here then, its root last.

        BlockUnavailable at the deadline. Superseded if that is set before most of a file of eight leaves or more is
        here. Rejected(SIZE) above `max_bytes`, Rejected(DAG, CID) for what is no file
        of ours: both found out before its leaves are fetched, and the publisher's doing.
        """

        async def fetch(cid: Cid, max_block_bytes: int) -> bytes:
            return await self._finder.fetch(cid, deadline_seconds, max_block_bytes)

        async def fetch_anywhere(cid: Cid, max_block_bytes: int) -> bytes:
            return await self._finder.fetch_anywhere(cid, deadline_seconds, max_block_bytes)

        async def fetch_leaves(root: Cid, leaves: Sequence[Link]) -> None:
            alone, sources = self._finder.peers_alone_seconds(deadline_seconds), list(self._accounts)
            try:
                await self._exchange.fetch(
                    root, leaves, self._store, sources, superseded=superseded, give_up_seconds=alone
                )
            except NotFetched:
                if alone is None:
                    raise
                await fetch_each(self._store, fetch_anywhere, leaves)

        try:
            async with asyncio.timeout(deadline_seconds):
                return await fetch_file(self._store, fetch, fetch_leaves, root, max_bytes)
        except TimeoutError:
            raise BlockUnavailable(root, deadline_seconds, len(self._accounts)) from None

    async def missing_spans(
        self, root: Cid, max_bytes: int, deadline_seconds: float
    ) -> tuple[range, ...] | None:
        """Bytes of a file in leaves that are not here; asked after `fetch_file`, in leaves that nobody delivered.

        None where nobody delivers what tells of the leaves, or it tells of no file of at most `max_bytes`.
        """

        async def obtain(cid: Cid) -> bytes:
            block = await asyncio.to_thread(self._store.get, cid)
            return block or await self._finder.fetch(cid, deadline_seconds, MAX_BLOCK_BYTES)

        try:
            block = await obtain(root)
            link = root_link(root, block)
            if link.file_bytes > max_bytes:
                return None
            nodes, _ = await fetch_nodes(link, block, obtain)
            starts = list(leaf_starts(link, dict(nodes)))
        except (BlockUnavailable, Rejected):
            return None
        absent = [leaf for leaf in starts if not await asyncio.to_thread(self._store.has, leaf[0].cid)]
        return tuple(range(start, start + leaf.file_bytes) for leaf, start in absent)

    def _give(self, cid: Cid) -> bytes | None:
        """A block for a peer that asks over a stream, in a thread."""
        block = self._store.get(cid)
        if block is not None:
            self._blocks_streamed += 1
            self._bytes_streamed += len(block)
        return block

    async def _find(self, root: Cid) -> int | None:
        """Leaves of a file that is complete here, for peers that fetch it: its root was stored last."""
        try:
            return len(set(await asyncio.to_thread(file_leaves, self._store, root)))
        except (BlockMissing, Rejected, StorageError):
            return None

    async def holders(self, cid: Cid) -> int:
        """How many peers say they hold this block (for a file's root: the file); answers within two seconds."""
        return await self._client.holders(cid)

    def statistics(self) -> TransferStatistics:
        """What moved so far and what moves now."""
        return TransferStatistics(
            bytes_in=self._client.bytes_in,
            bytes_out=self._server.bytes_out + self._bytes_streamed,
            blocks_in=self._client.blocks_in,
            blocks_out=self._server.blocks_out + self._blocks_streamed,
            downloads=self._client.downloads,
            uploads=self._server.uploads,
            connected_peers=self._control.num_peers,
            peers=tuple(
                PeerStatistics(account, url, source.success, source.goodput, source.bad_blocks)
                for url, account in sorted(self._accounts.items())
                if (source := self._client.sources.get(url)) is not None
            ),
            files=self._exchange.in_flight,
        )

    def _parse(self, account: str, text: str) -> Endpoint | None:
        try:
            endpoint = Endpoint.parse(text)
        except Rejected as rejected:
            logger.info("%s has no usable endpoint: %s", account, rejected)
            return None
        return None if endpoint.peer_id == self._endpoint.peer_id else endpoint


def _neighbours(own: str, addresses: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """The peers to stay connected to: all of a few; of many, a choice that differs from node to node.

    One without an address is waited for, and counts: it connects to its own choice.

    Each node's own pseudo-random choice of 32 keeps the graph of all connected with overwhelming probability.
    """
    nearest = sorted(addresses, key=lambda peer_id: sha256(f"{own},{peer_id}".encode()))
    return {peer_id: addresses[peer_id] for peer_id in nearest[:MAX_GOSSIP_PEERS]}


async def _connects(host: str, port: int, deadline_seconds: float) -> bool:
    try:
        async with asyncio.timeout(deadline_seconds):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
