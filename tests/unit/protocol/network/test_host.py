"""What a hostile libp2p peer can and cannot do to our host."""

import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("libp2p")

import trio
from libp2p import new_host
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.custom_types import TProtocol
from libp2p.peer.id import ID
from libp2p.peer.peerinfo import PeerInfo
from libp2p.pubsub.pb import rpc_pb2
from libp2p.security.insecure.transport import PLAINTEXT_PROTOCOL_ID, InsecureTransport
from libp2p.utils.varint import encode_uvarint
from multiaddr import Multiaddr

from cupel.protocol.network.gossip import GossipNode, GossipSettings, run_gossip
from cupel.protocol.network.host import GOSSIPSUB, make_host, make_router
from cupel.protocol.network.streams import PROTOCOL, ask
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.testing.waiting import HANG_SECONDS

TOPIC = "cupel-test"
BLOCKS = {Cid.raw_of(b"a block"): b"a block"}


class Victim:
    """A host in its thread, and what it heard."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.ended: list[BaseException | None] = []
        self._ready = threading.Event()
        self._arrival = threading.Event()
        settings = GossipSettings(
            bytes([1]) * 32, "127.0.0.1", 0, TOPIC, 4096, lambda payload: payload != b"invalid", BLOCKS.get
        )
        self._thread = threading.Thread(target=self._run, args=(settings,), daemon=True)
        self._thread.start()
        assert self._ready.wait(HANG_SECONDS)

    def _run(self, settings: GossipSettings) -> None:
        try:
            run_gossip(settings, self)
        except BaseException as error:
            self.ended.append(error)
        else:
            self.ended.append(None)

    def started(self, node: GossipNode, peer_id: str, port: int) -> None:
        self.node, self.peer_id, self.port = node, peer_id, port
        self._ready.set()

    def received(self, payload: bytes) -> None:
        self.heard.append(payload)
        self._arrival.set()

    def connected(self, num_peers: int) -> None:
        pass

    @property
    def info(self) -> PeerInfo:
        return PeerInfo(ID.from_string(self.peer_id), [Multiaddr(f"/ip4/127.0.0.1/tcp/{self.port}")])

    def close(self) -> list[BaseException | None]:
        self.node.close()
        self._thread.join(HANG_SECONDS)
        return self.ended


@pytest.fixture
def victim() -> Iterator[Victim]:
    host = Victim()
    yield host
    assert host.close() == [None]


def attack(host: Any, behaviour: Callable[[Any], Awaitable[None]]) -> None:
    """Run `behaviour` from a host of the attacker's, before anybody takes it for a hang."""

    async def main() -> None:
        with trio.fail_after(HANG_SECONDS):
            async with host.run([Multiaddr("/ip4/127.0.0.1/tcp/0")]):
                try:
                    await behaviour(host)
                finally:
                    await host.close()

    trio.run(main)


def framed(rpc: rpc_pb2.RPC) -> bytes:
    encoded = rpc.SerializeToString()
    return bytes(encode_uvarint(len(encoded))) + encoded


def unsigned_message(payload: bytes) -> bytes:
    message = rpc_pb2.Message(data=payload, topicIDs=[TOPIC], from_id=b"\0", seqno=b"1")
    return framed(rpc_pb2.RPC(publish=[message]))


def broken_control() -> bytes:
    rpc = rpc_pb2.RPC()
    have = rpc.control.ihave.add()
    have.topicID = TOPIC
    have.messageIDs.append(b"(garbage")
    rpc.control.iwant.add().messageIDs.append(b"][")
    rpc.control.graft.add().topicID = "another topic"
    peer = rpc.control.prune.add().peers.add()
    peer.peerID, peer.signedPeerRecord = b"\1\2", b"junk"
    return framed(rpc)


@pytest.mark.parametrize(
    "frame",
    [
        bytes(encode_uvarint(5)) + b"\xff" * 5,
        bytes(encode_uvarint(1 << 30)) + b"x" * 100,
        b"\xff" * 20,
        b"\0",
        unsigned_message(b"unsigned"),
        broken_control(),
        framed(rpc_pb2.RPC(senderRecord=b"junk")),
    ],
    ids=["no protobuf", "huge", "endless varint", "empty", "unsigned", "broken control", "broken record"],
)
def test_no_frame_ends_the_host(victim: Victim, frame: bytes) -> None:
    async def behaviour(host: Any) -> None:
        await host.connect(victim.info)
        stream = await host.new_stream(ID.from_string(victim.peer_id), [GOSSIPSUB])
        await stream.write(frame)
        # A second stream is answered only by a host that survived the first.
        await trio.sleep(0.2)
        await host.new_stream(ID.from_string(victim.peer_id), [GOSSIPSUB])

    attack(make_host(bytes([2]) * 32), behaviour)
    assert victim.ended == []
    assert victim.heard == []


@pytest.mark.parametrize("request_", [b"", b"!\xff", b"x\x02ab", b"!\x02\xff\xfe", b"?" * 5000])
def test_no_request_for_a_block_ends_the_host(victim: Victim, request_: bytes) -> None:
    async def behaviour(host: Any) -> None:
        await host.connect(victim.info)
        stream = await host.new_stream(ID.from_string(victim.peer_id), [PROTOCOL])
        await stream.write(request_)
        await stream.reset()
        (cid,) = BLOCKS
        assert await ask(host, victim.peer_id, cid, 100, only_have=False) == BLOCKS[cid]
        assert await ask(host, victim.peer_id, Cid.raw_of(b"another"), 100, only_have=False) is None

    attack(make_host(bytes([2]) * 32), behaviour)
    assert victim.ended == []


def test_a_peer_without_encryption_is_refused(victim: Victim) -> None:
    key_pair = create_new_key_pair(bytes([2]) * 32)
    plain = new_host(
        key_pair=key_pair, sec_opt={TProtocol(PLAINTEXT_PROTOCOL_ID): InsecureTransport(key_pair)}
    )

    async def behaviour(host: Any) -> None:
        with pytest.raises(Exception, match="unable to connect"):
            await host.connect(victim.info)

    attack(plain, behaviour)


def test_the_router_does_not_remember_when_messages_came() -> None:
    times = make_router().recent_message_deliveries["topic"]
    for second in range(3):
        times.append(float(second))
    assert len(times) == 1
