"""What every fault of the original begins with: a published file, complete relays, and a client to come.

Kind to it: wget gives up after 2 s instead of 30, and a shard's slow retry waits 2 s instead of 15.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import Bench
from children import Child, wait_until
from original import Original, url
from outcomes import Outcome, await_outcome
from transfers import Job

SHARDS = 26
START_SECONDS = 60.0
IMPATIENT = {"timeout_seconds": 2, "slow_retry_seconds": 2}


@dataclass
class Scene:
    """An origin that has published, complete middle nodes, and the ports they serve on."""

    bench: Bench
    nodes: Original
    job: Job
    patience_seconds: float
    origin: Child
    origin_port: int
    middles: list[Child]
    middle_ports: list[int]

    def client(self, name: str = "client", ports: list[int] | None = None) -> Child:
        """A client of all middle nodes, or of these ports; time and bytes count from its first request."""
        client = self.nodes.client(name, [url(port) for port in ports or self.middle_ports])
        self.bench.mark()
        client.tell("download")
        return client

    def reach(self, shards: int, name: str = "client") -> None:
        """Wait until a client has so many shards."""
        wait_until(lambda: self.nodes.shards_of(name) >= shards, START_SECONDS, f"{shards} shards at {name}")

    def outcome(self, client: Child, name: str = "client", patience_seconds: float | None = None) -> Outcome:
        """What became of it."""
        return await_outcome(
            self.bench,
            client,
            self.nodes.out(name),
            self.job,
            self.patience_seconds if patience_seconds is None else patience_seconds,
            lambda: f"{self.nodes.shards_of(name)} of {SHARDS} shards",
        )

    def middle_file(self, index: int, shard: int) -> Path:
        """A shard on a middle node's disk."""
        return self.bench.folder / f"middle{index}" / "v1" / f"shard_{shard:05d}.bin"


@contextmanager
def scene(job: Job, python: Path, patience_seconds: float, middles: int) -> Iterator[Scene]:
    """Everything published and relayed, before anybody downloads."""
    with Bench(job.place) as bench:
        nodes = Original(bench, python, -(-job.bytes // SHARDS), **IMPATIENT)
        port = bench.port()
        origin = nodes.origin(job.file, port)
        ports = [bench.port() for _ in range(middles)]
        relays = [nodes.middle(f"middle{i}", own, [url(port)]) for i, own in enumerate(ports)]
        origin.tell("broadcast")
        origin.event("published", START_SECONDS)
        for relay in relays:
            relay.event("complete", START_SECONDS)
        yield Scene(bench, nodes, job, patience_seconds, origin, port, relays, ports)
