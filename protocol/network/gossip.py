"""The libp2p side of the control plane: one host, one topic, in trio. Runs in a thread of its own.

Importing this module loads libp2p (0.7 s, 57 MB): `control.py` does so inside the thread, nobody else does.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import trio
from libp2p.peer.id import ID
from libp2p.peer.peerinfo import PeerInfo
from libp2p.pubsub.pb.rpc_pb2 import Message
from libp2p.pubsub.pubsub import Pubsub
from libp2p.tools.anyio_service import background_trio_service
from multiaddr import Multiaddr

from cupel.protocol.network.host import (
    DIAL_SECONDS,
    HEARTBEAT_SECONDS,
    contained,
    contained_tasks,
    make_host,
    make_router,
)
from cupel.protocol.network.streams import PROTOCOL, FindBlock, ask, server
from cupel.protocol.spec.shardcast.cid import Cid

logger = logging.getLogger(__name__)

FIRST_BACKOFF_SECONDS: Final = 0.5
MAX_BACKOFF_SECONDS: Final = 30.0
# How often a connection is looked at; also how long the peer that should dial first is waited for.
CHECK_SECONDS: Final = 2.0
PUBLISH_SECONDS: Final = 4.0
CLOSE_SECONDS: Final = 1.0


class Listener(Protocol):
    """Who hears of the gossip; every method is called in the trio thread and returns at once."""

    def started(self, node: GossipNode, peer_id: str, port: int) -> None:
        """The host listens on `port`; `node` takes orders until the run ends."""

    def received(self, payload: bytes) -> None:
        """A valid message by somebody else arrived, perhaps for the second time."""

    def connected(self, num_peers: int) -> None:
        """Number of peers connected, when it changed."""


@dataclass(frozen=True, slots=True)
class GossipSettings:
    """What a host is made from."""

    identity_seed: bytes
    """32-byte Ed25519 seed."""
    host: str | None
    """None listens nowhere: the host only connects to others."""
    port: int
    """0 takes a free one."""
    topic: str
    max_message_bytes: int
    is_valid: Callable[[bytes], bool]
    """Whether a payload may be delivered and forwarded; must not raise."""
    find_block: FindBlock
    """What peers get over streams."""


class GossipNode:
    """Takes orders from other threads; each method may be called from any of them."""

    def __init__(self, pubsub: Any, settings: GossipSettings, nursery: trio.Nursery) -> None:
        self._pubsub = pubsub
        self._host = pubsub.host
        self._topic = settings.topic
        self._nursery = nursery
        self._token = trio.lowlevel.current_trio_token()
        self._addresses: dict[str, tuple[str, ...]] = {}
        self._dialing: dict[str, trio.CancelScope] = {}

    def close(self) -> None:
        """End the run. RunFinishedError if it has ended."""
        self._token.run_sync_soon(self._nursery.cancel_scope.cancel)

    def publish(self, payload: bytes, done: Callable[[Exception | None], None]) -> None:
        """Publish and call `done` in the trio thread. RunFinishedError if the run has ended."""
        self._token.run_sync_soon(self._nursery.start_soon, self._publish, payload, done)

    def ask_block(
        self,
        peer_id: str,
        cid: Cid,
        max_bytes: int,
        only_have: bool,
        seconds: float,
        done: Callable[[bytes | None, Exception | None], None],
    ) -> None:
        """Ask a connected peer as `streams.ask` does, and call `done` in the trio thread. RunFinishedError as above."""
        self._token.run_sync_soon(
            self._nursery.start_soon, self._ask_block, peer_id, cid, max_bytes, only_have, seconds, done
        )

    def set_peers(self, addresses: Mapping[str, tuple[str, ...]]) -> None:
        """Keep connected to these peer ids at these addresses, and to nobody who left the list.

        A peer without an address is waited for: it connects by itself.
        """
        self._token.run_sync_soon(self._set_peers, dict(addresses))

    async def _publish(self, payload: bytes, done: Callable[[Exception | None], None]) -> None:
        try:
            with trio.fail_after(PUBLISH_SECONDS):
                await self._pubsub.publish(self._topic, payload)
        except Exception as error:
            done(error)
        else:
            done(None)

    async def _ask_block(
        self,
        peer_id: str,
        cid: Cid,
        max_bytes: int,
        only_have: bool,
        seconds: float,
        done: Callable[[bytes | None, Exception | None], None],
    ) -> None:
        try:
            with trio.fail_after(seconds):
                block = await ask(self._host, peer_id, cid, max_bytes, only_have)
        except Exception as error:
            done(None, error)
        else:
            done(block, None)

    def _set_peers(self, addresses: dict[str, tuple[str, ...]]) -> None:
        self._addresses = addresses
        for peer_id in self._dialing.keys() - addresses.keys():
            self._dialing.pop(peer_id).cancel()
        for peer_id in addresses.keys() - self._dialing.keys():
            self._dialing[peer_id] = trio.CancelScope()
            self._nursery.start_soon(self._keep_connected, peer_id, self._dialing[peer_id])

    async def _keep_connected(self, peer_id: str, scope: trio.CancelScope) -> None:
        peer = ID.from_string(peer_id)
        with scope:
            # Both ends know each other from the chain; if both dialled at once there would be two connections.
            if str(self._host.get_id()) > peer_id:
                await trio.sleep(CHECK_SECONDS)
            backoff_seconds = FIRST_BACKOFF_SECONDS
            while True:
                if self._is_connected(peer) or await self._dial(peer, self._addresses.get(peer_id, ())):
                    backoff_seconds = FIRST_BACKOFF_SECONDS
                    await trio.sleep(CHECK_SECONDS)
                else:
                    await trio.sleep(backoff_seconds)
                    backoff_seconds = min(2 * backoff_seconds, MAX_BACKOFF_SECONDS)
        if peer_id not in self._dialing:  # else it came back meanwhile
            with trio.move_on_after(DIAL_SECONDS):
                await contained(self._host.disconnect)(peer)

    async def _dial(self, peer: ID, addresses: tuple[str, ...]) -> bool:
        if not addresses:
            return False
        try:
            with trio.fail_after(DIAL_SECONDS):
                await self._host.connect(PeerInfo(peer, [Multiaddr(address) for address in addresses]))
        except Exception as error:
            # Whatever the library raises: the peer is not reached now and is tried again later.
            logger.debug("cannot reach %s: %r", peer, error)
            return False
        return True

    def _is_connected(self, peer: ID) -> bool:
        return peer in self._host.get_connected_peers()


def run_gossip(settings: GossipSettings, listener: Listener) -> None:
    """Run a host until its node is closed. OSError if it cannot listen; anything else is the library's failure."""
    # Its warnings tell of peers that misbehave or went away, at any rate they choose.
    logging.getLogger("libp2p").setLevel(logging.CRITICAL)
    try:
        trio.run(_run, settings, listener)
    except Exception as error:
        if not _is_shutdown_noise(error):
            raise


def _is_shutdown_noise(error: BaseException) -> bool:
    """Whether this is what the library raises when a message arrives while its services end."""
    if isinstance(error, BaseExceptionGroup):
        return all(_is_shutdown_noise(part) for part in error.exceptions)
    return isinstance(error, RuntimeError) and "Nursery is closed" in str(error)


async def _run(settings: GossipSettings, listener: Listener) -> None:
    host = make_host(settings.identity_seed)
    router = make_router()
    pubsub = Pubsub(host, router, strict_signing=True, allowed_topics={settings.topic})
    # Message ids are peer and counter: in seconds, a restarted host would repeat those it used and be taken for a liar.
    pubsub.counter = time.time_ns()
    network = host.get_network()
    network.set_stream_handler(contained(network.common_stream_handler))
    addresses = [] if settings.host is None else [Multiaddr(f"/ip4/{settings.host}/tcp/{settings.port}")]
    host.set_stream_handler(PROTOCOL, contained(server(settings.find_block)))
    async with host.run(addresses), background_trio_service(pubsub), background_trio_service(router):
        for service in (network, pubsub):
            manager: Any = service.manager
            manager.run_task = contained_tasks(manager.run_task)
        port = _listening_port(host) if addresses else 0
        await pubsub.wait_until_ready()
        pubsub.set_topic_validator(settings.topic, _validator(settings), is_async_validator=True)
        subscription = await pubsub.subscribe(settings.topic)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_deliver, subscription, host.get_id().to_bytes(), listener)
                nursery.start_soon(_count_peers, host, listener)
                listener.started(GossipNode(pubsub, settings, nursery), str(host.get_id()), port)
        finally:
            # Else the library leaves the sockets open and the peers waiting.
            with trio.CancelScope(deadline=trio.current_time() + CLOSE_SECONDS, shield=True):
                await contained(host.close)()


def _validator(settings: GossipSettings) -> Callable[[ID, Message], Any]:
    async def validate(_: ID, message: Message) -> bool:
        return len(message.data) <= settings.max_message_bytes and settings.is_valid(message.data)

    return validate


def _listening_port(host: Any) -> int:
    addresses = host.get_addrs()
    if not addresses:
        raise OSError("libp2p cannot listen")
    return int(addresses[0].value_for_protocol("tcp"))


async def _deliver(subscription: Any, own_id: bytes, listener: Listener) -> None:
    async for message in subscription:
        if message.from_id != own_id:
            listener.received(message.data)


async def _count_peers(host: Any, listener: Listener) -> None:
    known = 0
    while True:
        if (current := len(host.get_connected_peers())) != known:
            known = current
            listener.connected(known)
        await trio.sleep(HEARTBEAT_SECONDS)
