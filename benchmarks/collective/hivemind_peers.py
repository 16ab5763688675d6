"""Two hivemind peers average a vector; run by the interpreter of an environment that has hivemind (see run.py).

    python benchmarks/collective/hivemind_peers.py --mib 64 --turns 3

Prints one JSON object: per turn wall seconds and CPU seconds per peer, of the vector and of one of a single value,
which shows what finding each other costs. A peer is a process with its helpers, libp2p's daemon among them. Its links
are encrypted. Written for hivemind 1.1.12.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import os
import signal
import statistics
import time
from multiprocessing.connection import Connection
from pathlib import Path

SECONDS_A_TICK = 1 / os.sysconf("SC_CLK_TCK")


def family(root: int) -> dict[int, float]:
    """CPU seconds of a process and of each of its descendants."""
    parents, used = {}, {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(entry.name)] = int(fields[1])
            used[int(entry.name)] = (int(fields[11]) + int(fields[12])) * SECONDS_A_TICK
    inside = {root}
    while more := {pid for pid, parent in parents.items() if parent in inside} - inside:
        inside |= more
    return {pid: used.get(pid, 0.0) for pid in inside}


def cpu_seconds(root: int) -> float:
    """CPU seconds of a process and all its descendants."""
    return sum(family(root).values())


def peer(number: int, peers: int, mib: int, pipe: Connection) -> None:
    """Average when told which of the two vectors; answers with wall and CPU seconds."""
    import hivemind
    import torch

    torch.set_num_threads(1)
    first = [] if number == 0 else pipe.recv()
    dht = hivemind.DHT(start=True, initial_peers=first, host_maddrs=["/ip4/127.0.0.1/tcp/0"])
    pipe.send([str(address) for address in dht.get_visible_maddrs()])
    averagers = {}
    for name, size in (("vector", mib << 18), ("nothing", 1)):
        values = (torch.full((size,), float(number + 1)),)
        averagers[name] = hivemind.DecentralizedAverager(
            values, dht, start=True, prefix=name, target_group_size=peers, min_group_size=peers,
            min_matchmaking_time=2.0, request_timeout=2.0, allreduce_timeout=120.0,
        )  # fmt: skip
    pipe.send("ready")
    while True:
        averager = averagers[pipe.recv()]
        with averager.get_tensors() as (values,):
            values.fill_(float(number + 1))
        wall, cpu = time.monotonic(), cpu_seconds(os.getpid())
        averager.step(timeout=180)
        seconds = time.monotonic() - wall, cpu_seconds(os.getpid()) - cpu
        with averager.get_tensors() as (values,):
            right = bool((values == (peers + 1) / 2).all())
        pipe.send((*seconds, right))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mib", type=int, default=64)
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    # Peers fork helpers of their own, which spawning would not let them.
    pipes, context = [], multiprocessing.get_context("fork")
    for number in range(2):
        ours, theirs = context.Pipe()
        context.Process(target=peer, args=(number, 2, options.mib, theirs)).start()
        pipes.append(ours)
    addresses = pipes[0].recv()
    pipes[1].send(addresses)
    pipes[1].recv()
    for pipe in pipes:
        pipe.recv()
    found: dict[str, list[tuple[float, float]]] = {"vector": [], "nothing": []}
    for turn in range(options.turns + 1):
        for name, rows in found.items():
            for pipe in pipes:
                pipe.send(name)
            answers = [pipe.recv() for pipe in pipes]
            assert all(right for _, _, right in answers), answers
            if turn:  # the first one warms up
                rows.append((max(a[0] for a in answers), statistics.mean(a[1] for a in answers)))
    print(json.dumps(found), flush=True)
    for helper in set(family(os.getpid())) - {os.getpid()}:
        with contextlib.suppress(ProcessLookupError):
            os.kill(helper, signal.SIGKILL)


if __name__ == "__main__":
    main()
