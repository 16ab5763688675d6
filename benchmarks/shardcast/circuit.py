"""What libp2p's circuit relay can do for two hosts that accept no connections, with the version installed here.

    python benchmarks/shardcast/circuit.py --blocks 8

Three hosts in one process: one listens, two connect to it and listen nowhere. A block of 1 MiB is asked for over a
connection that its holder made (what `inbound = "no"` does), then by the other hidden host through the relay. CPU time
is the process's: of all hosts that take part.
"""

from __future__ import annotations

import argparse
import time
from contextlib import AsyncExitStack
from typing import Any

import trio
from libp2p.peer.peerinfo import PeerInfo
from libp2p.relay.circuit_v2.config import RelayConfig, RelayRole
from libp2p.relay.circuit_v2.protocol import PROTOCOL_ID, CircuitV2Protocol
from libp2p.relay.circuit_v2.resources import RelayLimits
from libp2p.relay.circuit_v2.transport import CircuitV2Transport
from libp2p.tools.anyio_service import background_trio_service
from multiaddr import Multiaddr

from cupel.protocol.network.host import make_host
from cupel.protocol.network.streams import PROTOCOL, ask, server
from cupel.protocol.spec.shardcast.cid import Cid

BLOCK = bytes(range(256)) * 4096
CID = Cid.raw_of(BLOCK)
LIMITS = RelayLimits(duration=3600, data=1 << 40, max_circuit_conns=8, max_reservations=8)
SECONDS = 120.0


async def measure(asker: Any, holder: Any, blocks: int) -> str:
    """Ask for the block so often."""
    started, cpu = time.perf_counter(), time.process_time()
    for _ in range(blocks):
        assert await ask(asker, str(holder.get_id()), CID, len(BLOCK), only_have=False) == BLOCK
    seconds, used = time.perf_counter() - started, time.process_time() - cpu
    megabytes = blocks * len(BLOCK) / 1e6
    return f"{seconds:.2f} s, {used:.2f} CPU s, {megabytes / used:.1f} MB per CPU s"


async def main(blocks: int) -> None:
    """Connect the three and measure both ways."""
    middle, holder, asker = (make_host(bytes([number]) * 32) for number in (1, 2, 3))
    holder.set_stream_handler(PROTOCOL, server({CID: BLOCK}.get))
    with trio.fail_after(SECONDS):
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(middle.run([Multiaddr("/ip4/127.0.0.1/tcp/0")]))
            transports = []
            for host in (middle, holder, asker):
                if host is not middle:
                    await stack.enter_async_context(host.run([]))
                hop = RelayRole.HOP if host is middle else RelayRole.STOP
                protocol = CircuitV2Protocol(host, LIMITS, allow_hop=host is middle)
                await stack.enter_async_context(background_trio_service(protocol))
                await protocol.event_started.wait()
                roles = hop | RelayRole.STOP | RelayRole.CLIENT
                transports.append(CircuitV2Transport(host, protocol, RelayConfig(roles=roles, limits=LIMITS)))
            relay = PeerInfo(middle.get_id(), middle.get_addrs())
            for host in (holder, asker):
                await host.connect(relay)
            print(
                f"listening: {len(middle.get_addrs())}, {len(holder.get_addrs())}, {len(asker.get_addrs())}"
            )
            print(f"over the holder's own connection: {await measure(middle, holder, blocks)}", flush=True)
            async with trio.open_nursery() as nursery:
                stream = await holder.new_stream(middle.get_id(), [PROTOCOL_ID])
                assert await transports[1].reserve(stream, middle.get_id(), nursery), "no reservation"
                await transports[2].dial(
                    Multiaddr(f"{middle.get_addrs()[0]}/p2p-circuit/p2p/{holder.get_id()}")
                )
                print(f"through the relay: {await measure(asker, holder, blocks)}", flush=True)
                nursery.cancel_scope.cancel()
            for host in (asker, holder, middle):
                await host.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--blocks", type=int, default=8)
    trio.run(main, parser.parse_args().blocks)
