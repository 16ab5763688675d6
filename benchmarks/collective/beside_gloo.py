"""Sums of ours in turn with torch gloo's, and what a cipher alone would add to gloo (see run.py)."""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import os
import socket
import statistics
import time
from multiprocessing.connection import Connection

from churn import LIMITS
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cupel.node.collective.frames import TAG_BYTES, new_key
from cupel.node.collective.peers import contribution, digest_of, reduce_all, start_peers, waited_for_a_core
from cupel.protocol.spec.collective.reduce import CHUNK_BYTES, Operation, Reduce

VALUES_PER_MIB = 1 << 18

Seconds = tuple[float, float, float]
"""Wall seconds of the slowest peer, CPU and waited seconds of the mean one."""


def gloo_peer(rank: int, peers: int, port: int, pipe: Connection) -> None:
    """A process that sums a vector whenever it is told a size, and answers with wall, CPU and waited seconds."""
    import torch
    import torch.distributed as distributed

    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=peers)
    while True:
        size, dtype = pipe.recv()
        values = torch.from_numpy(
            contribution(rank, size, dtype)
        )  # the same work before and after it as ours
        distributed.barrier()
        waited, cpu, wall = waited_for_a_core(), time.process_time(), time.monotonic()
        distributed.all_reduce(values)
        end, used, waited = time.monotonic(), time.process_time() - cpu, waited_for_a_core() - waited
        pipe.send(((end - wall, used, waited), digest_of(values.numpy())))


class Gloo:
    """Processes that reduce with torch's gloo."""

    def __init__(self, peers: int) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        context = multiprocessing.get_context("spawn")
        self.pipes, self.processes = [], []
        for rank in range(peers):
            ours, theirs = context.Pipe()
            process = context.Process(target=gloo_peer, args=(rank, peers, port, theirs), daemon=True)
            process.start()
            self.pipes.append(ours)
            self.processes.append(process)

    def reduce(self, size: int, dtype: str) -> tuple[Seconds, set[str]]:
        """What it took, and the digests of what the peers have."""
        for pipe in self.pipes:
            pipe.send((size, dtype))
        reports = [pipe.recv() for pipe in self.pipes]
        return means([seconds for seconds, _ in reports]), {digest for _, digest in reports}

    def end(self) -> None:
        """End the processes."""
        for process in self.processes:
            process.kill()
            process.join()


def means(reports: list[Seconds]) -> Seconds:
    """The slowest wall, the mean of CPU and of waited seconds."""
    walls, cpus, waits = zip(*reports, strict=True)
    return max(walls), statistics.mean(cpus), statistics.mean(waits)


def cipher(count: int, mib: int) -> Seconds:
    """CPU seconds of nothing but sealing what a peer sends and opening what it receives, a chunk at a time."""
    aes, chunk, opened = AESGCM(new_key()), os.urandom(CHUNK_BYTES), bytearray(CHUNK_BYTES)
    sealed = bytearray(CHUNK_BYTES + TAG_BYTES)
    before = time.thread_time()
    for number in range(2 * (count - 1) * mib // count):
        nonce = number.to_bytes(12, "big")
        aes.encrypt_into(nonce, chunk, None, sealed)
        aes.decrypt_into(nonce, sealed, None, opened)
    return 0.0, time.thread_time() - before, 0.0


def compare(count: int, mib: int, dtype: str, turns: int) -> list[str]:
    """Rows of the table, of turns that alternate; the first turn warms up."""
    rings = {
        "ours, in the clear": start_peers(range(count), LIMITS, plain=True),
        "ours, sealed": start_peers(range(count), LIMITS),
    }
    gloo, size, same = Gloo(count), mib * VALUES_PER_MIB, True
    measured: dict[str, list[Seconds]] = {"gloo": [], "the cipher alone": [], **{kind: [] for kind in rings}}
    try:
        for turn in range(turns + 1):
            seconds, digests = gloo.reduce(size, dtype)
            measured["gloo"].append(seconds)
            measured["the cipher alone"].append(cipher(count, mib))
            for kind, peers in rings.items():
                reports = reduce_all(peers, Reduce(1, turn, 0, Operation.SUM, dtype, size))
                assert not any(report.problem for report in reports), reports
                same = same and {report.digest for report in reports} == digests
                measured[kind].append(
                    means([(r.wall_seconds, r.cpu_seconds, r.waited_seconds) for r in reports])
                )
    finally:
        gloo.end()
        for peer in itertools.chain(*rings.values()):
            peer.end()
    rows = {
        kind: tuple(map(statistics.median, zip(*turns_[1:], strict=True)))
        for kind, turns_ in measured.items()
    }
    wall, cpu, _ = rows["gloo"]
    sealing = rows.pop("the cipher alone")[1]
    gib = 2 * (count - 1) * mib / count / 1024
    lines = [
        f"| {count} | {mib} | {dtype} | {kind} | {row[0]:.3f} | {min(turn[0] for turn in measured[kind]):.3f} "
        f"| {row[2]:.3f} | {row[1]:.3f} | {row[0] / wall:.2f} | {row[1] / cpu:.2f} "
        f"| {'' if kind == 'gloo' else 'yes' if same else 'NO'} |"
        for kind, row in rows.items()
    ]
    floor = f"gloo + AES-128-GCM at {2 * gib / sealing:.1f} GiB/s"
    floor_cpu = cpu + sealing
    return [
        *lines,
        f"| {count} | {mib} | {dtype} | {floor} | | | | {floor_cpu:.3f} | | {floor_cpu / cpu:.2f} | |",
    ]


def beside_gloo(options: argparse.Namespace) -> list[str]:
    """Float and integer sums beside gloo."""
    columns = "peers | MiB | values | links | s | best s | waited s | CPU s | x gloo's wall | x gloo's CPU | same bits"
    lines = [
        f"{options.turns} turns, medians. Bits are compared with gloo's too. The last row of each kind is the least "
        "that sealed links could cost: gloo's own CPU, and the cipher's for what is sent and received.",
        "",
        f"| {columns} |",
        "|---" * 11 + "|",
    ]
    for dtype in ("float32", "int32"):
        lines += compare(2, options.mib, dtype, options.turns)
    return [*lines, *compare(4, options.mib // 4, "float32", options.turns)]
