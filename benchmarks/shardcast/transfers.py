"""One file from one origin to its receivers, timed: by the original and by ours. Every received file is verified.

Wall time runs from the command to publish until the last receiver has its verified file. The original's processes are
up by then and its servers measured; ours start within it. CPU time is that of all processes from their start to
their end, Python's start included.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import Bench, sha256_of
from original import VERSION, Original, url
from ours import Ours, url_of
from proxy import start as start_proxy

THEIRS = f"shardcast {VERSION}"
OURS = "cupel"
# One transfer of the original at 1 GiB takes a minute or two here.
TRANSFER_SECONDS = 600.0


class WrongBytes(Exception):
    """A receiver said it was done and its file is not the published one."""


@dataclass(frozen=True)
class Job:
    """What is sent: a file, its SHA-256, and the folder on whose disk everything happens."""

    file: Path
    digest: str
    place: Path

    @property
    def bytes(self) -> int:
        """Of the file."""
        return self.file.stat().st_size


@dataclass(frozen=True)
class Transfer:
    """One measurement. `receivers` end with a file of their own; relays are not counted."""

    system: str
    layout: str
    receivers: int
    relays: int
    file_bytes: int
    seconds: float
    cpu_seconds: float
    wire_bytes: int
    start_seconds: float = 0.0
    """How much of the time passed until the first node that receives was up."""
    stagger_seconds: float = 0.0
    """From then until the last one was."""

    @property
    def copies(self) -> int:
        """How often the whole file has to be sent."""
        return self.receivers + self.relays

    @property
    def megabytes_per_second(self) -> float:
        """At one receiver."""
        return self.file_bytes / self.seconds / 1e6

    @property
    def megabytes_per_cpu_second(self) -> float:
        """Delivered to all receivers, by the CPU time of all processes."""
        return self.receivers * self.file_bytes / self.cpu_seconds / 1e6


def original_transfer(
    job: Job,
    python: Path,
    receivers: int,
    relayed: bool,
    upload_limit: int | None = None,
    shard_bytes: int = 50_000_000,
) -> Transfer:
    """Origin to clients, directly or through one middle node; with a limit, through a proxy that keeps to it.

    The clients start when their server is complete: when they start before, shards that are not there yet sit in
    pauses of 2 and 15 s.
    """
    with Bench(job.place) as bench:
        nodes = Original(bench, python, shard_bytes)
        port = bench.port()
        origin = nodes.origin(job.file, port)
        if upload_limit:
            port, _ = start_proxy(bench, port, ["--limit", str(upload_limit)])
        source = url(port)
        middle = None
        if relayed:
            port = bench.port()
            middle = nodes.middle("middle", port, [source])
            source = url(port)
        names = [f"client{index}" for index in range(receivers)]
        clients = [nodes.client(name, [source]) for name in names]
        bench.mark()
        origin.tell("broadcast")
        origin.event("published", TRANSFER_SECONDS)
        if middle:
            middle.event("complete", TRANSFER_SECONDS)
        for client in clients:
            client.tell("download")
        for client in clients:
            client.event("done", TRANSFER_SECONDS)
        seconds, wire = bench.seconds, bench.wire_bytes
        check([nodes.out(name) for name in names], job)
        cpu = bench.end_all()
    layout = "through 1 relay" if relayed else "star"
    return Transfer(THEIRS, layout, receivers, int(relayed), job.bytes, seconds, cpu, wire)


def our_chain(job: Job) -> Transfer:
    """Origin to a relay to one receiver that knows only the relay; until both have all of it."""
    with Bench(job.place) as bench:
        nodes = Ours(bench)
        bench.mark()
        origin = nodes.publish("origin", job.file)
        relay = nodes.serving("relay", origin.cid, [origin.url], out=False)
        source = url_of(relay)
        start_seconds = bench.seconds
        receiver = nodes.fetch("receiver", origin.cid, [source])
        receiver.event("done", TRANSFER_SECONDS)
        relay.event("done", TRANSFER_SECONDS)
        seconds, wire = bench.seconds, bench.wire_bytes
        check([nodes.out("receiver")], job)
        cpu = bench.end_all()
    return Transfer(OURS, "through 1 relay", 1, 1, job.bytes, seconds, cpu, wire, start_seconds)


def our_swarm(job: Job, receivers: int, upload_limit: int | None = None) -> Transfer:
    """Receivers that know only the origin, and serve each other; all start when the origin serves."""
    with Bench(job.place) as bench:
        nodes = Ours(bench, upload_limit)
        bench.mark()
        started = time.monotonic()
        origin = nodes.publish("origin", job.file)
        names = [f"receiver{index}" for index in range(receivers)]
        children = [nodes.serving(name, origin.cid, [origin.url]) for name in names]
        up = [child.event("serving", TRANSFER_SECONDS).at_seconds for child in children]
        ended = max(child.event("done", TRANSFER_SECONDS).at_seconds for child in children)
        wire = bench.wire_bytes
        check([nodes.out(name) for name in names], job)
        cpu = bench.end_all()
    return Transfer(
        OURS,
        "swarm",
        receivers,
        0,
        job.bytes,
        ended - started,
        cpu,
        wire,
        start_seconds=min(up) - started,
        stagger_seconds=max(up) - min(up),
    )


def check(files: Sequence[Path], job: Job) -> None:
    """All are the published file. WrongBytes."""
    for file in files:
        if sha256_of(file) != job.digest:
            raise WrongBytes(f"{file.name} is not what was published")
