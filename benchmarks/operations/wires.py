"""Network namespaces joined by wires of ours: real TCP stacks, and packets that are late, lost, capped or cut off.

Every namespace has a TUN device whose other end is this program, which passes packets on. So latency, loss, rate and
cuts need no kernel module (netem is not in every kernel) and follow from a seed; what TCP makes of them is real.
Needs root and Linux; `namespace.enter` of benchmarks/shardcast gives both, away from the machine's own network.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import random
import struct
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

_SET_INTERFACE, _TUN, _NO_INFORMATION = 0x400454CA, 0x1, 0x1000  # TUNSETIFF, IFF_TUN, IFF_NO_PI of Linux
_PACKET_BYTES: Final = 1 << 16
_QUEUE_SECONDS: Final = 0.5
"""Of a capped wire: what would wait longer is dropped, as by a router."""
HERE: Final = "here"
"""The name of this program's own end: where the chain is."""


@dataclass(slots=True)
class Wires:
    """Everybody's wire to everybody, by name."""

    latency_seconds: float
    loss: float
    bytes_per_second: float
    draw: random.Random
    cut: set[str] = field(default_factory=set)
    """Who is cut off from all others just now."""
    passed: int = 0
    dropped: int = 0
    _ends: dict[str, int] = field(default_factory=dict)
    _names: dict[str, str] = field(default_factory=dict)
    _free: dict[str, float] = field(default_factory=dict)

    def address(self, name: str) -> str:
        """IPv4 address of an end."""
        return f"10.77.0.{list(self._ends).index(name) + 1}"

    def prefix(self, name: str) -> Sequence[str]:
        """What a command begins with to run at this end."""
        return () if name == HERE else ("ip", "netns", "exec", f"cupel-{name}")

    def add(self, name: str) -> None:
        """A new end, with a namespace of its own unless it is HERE."""
        number = len(self._ends) + 1
        device = f"wire{number}"
        end = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(end, _SET_INTERFACE, struct.pack("16sH22x", device.encode(), _TUN | _NO_INFORMATION))
        self._ends[name] = end
        self._names[f"10.77.0.{number}"] = name
        inside: list[str] = []
        if name != HERE:
            _run("ip", "netns", "add", f"cupel-{name}")
            _run("ip", "link", "set", device, "netns", f"cupel-{name}")
            inside = ["-n", f"cupel-{name}"]
            _run("ip", *inside, "link", "set", "lo", "up")
        _run("ip", *inside, "addr", "add", f"10.77.0.{number}/24", "dev", device)
        _run("ip", *inside, "link", "set", device, "up")
        asyncio.get_running_loop().add_reader(end, self._take, name, end)

    def close(self) -> None:
        """Pull them out."""
        for name, end in self._ends.items():
            asyncio.get_running_loop().remove_reader(end)
            os.close(end)
            if name != HERE:
                subprocess.run(["ip", "netns", "del", f"cupel-{name}"], check=False)

    def _take(self, name: str, end: int) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                self._pass(name, os.read(end, _PACKET_BYTES))

    def _pass(self, sender: str, packet: bytes) -> None:
        if packet[0] >> 4 != 4:
            return
        receiver = self._names.get(".".join(str(byte) for byte in packet[16:20]))
        if receiver is None:
            return
        loop, now = asyncio.get_running_loop(), asyncio.get_running_loop().time()
        leaves = max(now, self._free.get(sender, now)) + len(packet) / self.bytes_per_second
        late = leaves - now > _QUEUE_SECONDS
        if late or self.cut & {sender, receiver} or self.draw.random() < self.loss:
            self.dropped += 1
            return
        self._free[sender] = leaves
        self.passed += 1
        delay = leaves - now + self.latency_seconds * self.draw.uniform(0.5, 1.5)
        loop.call_later(delay, self._deliver, receiver, packet)

    def _deliver(self, receiver: str, packet: bytes) -> None:
        with contextlib.suppress(OSError):  # its queue is full, or it was pulled out
            os.write(self._ends[receiver], packet)


async def forward(host: str, target_port: int) -> asyncio.Server:
    """Accept at `host` on the target's port what is meant for this machine's loopback."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            inner, outer = await asyncio.open_connection("127.0.0.1", target_port)
            await asyncio.gather(_pump(reader, outer), _pump(inner, writer), return_exceptions=True)
        writer.close()

    return await asyncio.start_server(serve, host, target_port)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()


def private_namespaces() -> None:
    """A place for namespaces of our own; after `namespace.enter`."""
    _run("mount", "-t", "tmpfs", "none", "/run")
    os.mkdir("/run/netns")


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
