"""The collective beside torch gloo, survivors of kill -9, and a run of random joins and kills.

    python benchmarks/collective/run.py                      all of it, and benchmarks/results/collective.md
    python benchmarks/collective/run.py --churn-seconds 60   a shorter churn run

Peers are processes of this machine, over loopback. Turns alternate between ours and gloo; medians of wall (slowest
peer) and CPU seconds (mean of the peers) are compared. Gloo's links are plain; ours are encrypted, and the result is
checked and signed by all.
"""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import os
import random
import shlex
import socket
import statistics
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path

from cupel.node.collective.member import Limits
from cupel.node.collective.peers import Peer, contribution, reduce_all, start_peers
from cupel.protocol.spec.collective.reduce import Operation, Reduce

RESULTS = Path(__file__).parents[1] / "results" / "collective.md"
VALUES_PER_MIB = 1 << 18
LIMITS = Limits(start=30.0, call=10.0, frame=20.0)
KILLS_AFTER_SECONDS = (0.0, 0.2)


def gloo_peer(rank: int, peers: int, port: int, pipe: Connection) -> None:
    """A process that sums a vector whenever it is told a size, and answers with wall and CPU seconds."""
    import torch
    import torch.distributed as distributed

    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=peers)
    while True:
        values = torch.full((pipe.recv(),), float(rank + 1))
        distributed.barrier()
        wall, cpu = time.monotonic(), time.process_time()
        distributed.all_reduce(values)
        pipe.send((time.monotonic() - wall, time.process_time() - cpu))


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

    def reduce(self, size: int) -> tuple[float, float]:
        """Wall seconds of the slowest peer, CPU seconds of the mean one."""
        for pipe in self.pipes:
            pipe.send(size)
        reports = [pipe.recv() for pipe in self.pipes]
        return max(wall for wall, _ in reports), statistics.mean(cpu for _, cpu in reports)

    def end(self) -> None:
        """End the processes."""
        for process in self.processes:
            process.kill()
            process.join()


def compare(count: int, mib: int, turns: int) -> str:
    """A row of the table; the first turn warms up."""
    peers, gloo, rows, same = start_peers(range(count), LIMITS), Gloo(count), [], True
    try:
        for turn in range(turns + 1):
            size = mib * VALUES_PER_MIB
            other = gloo.reduce(size)
            reports = reduce_all(peers, Reduce(1, turn, 0, Operation.SUM, "float32", size))
            assert not any(report.problem for report in reports), reports
            same = same and len({report.digest for report in reports}) == 1
            own = max(r.wall_seconds for r in reports), statistics.mean(r.cpu_seconds for r in reports)
            rows.append((*own, *other))
    finally:
        gloo.end()
        for peer in peers:
            peer.end()
    wall, cpu, gloo_wall, gloo_cpu = (statistics.median(column) for column in zip(*rows[1:], strict=True))
    ratios = f"{wall / gloo_wall:.1f} | {cpu / gloo_cpu:.1f}"
    return (
        f"| {count} | {mib} | {wall:.2f} | {gloo_wall:.2f} | {cpu:.2f} | {gloo_cpu:.2f} | {ratios} | {same} |"
    )


def recover(after_seconds: float) -> str:
    """A row: four peers sum 16 MiB, one is killed so long after the barrier was asked for."""
    peers = start_peers(range(4), LIMITS)
    try:
        reduce_all(peers, Reduce(1, 0, 0, Operation.SUM, "float32", VALUES_PER_MIB))
        reduce = Reduce(1, 1, 0, Operation.SUM, "float32", 16 * VALUES_PER_MIB)
        for peer in peers:
            peer.begin(reduce, [peer.member for peer in peers])
        time.sleep(after_seconds)
        killed = time.monotonic()
        peers[3].kill()
        reports = [report for peer in peers[:3] if (report := peer.report()) is not None]
    finally:
        for peer in peers:
            peer.end()
    seconds = max(report.end for report in reports) - killed
    left = {len(report.survivors) for report in reports}
    right = all(_right(peers, reduce, report.survivors, report.digest) for report in reports)
    return f"| {after_seconds} | {seconds:.2f} | {left} | {right} | {max(r.attempts for r in reports)} |"


def _right(peers: list[Peer], reduce: Reduce, survivors: tuple[str, ...], digest: str) -> bool:
    inside = [peer for peer in peers if peer.member.address in survivors]
    total = sum(contribution(peer.number, reduce.size, reduce.dtype) for peer in inside)
    return len(inside) == len(survivors) and hashlib.sha256(total).hexdigest() == digest


def churn(seconds: float, seed: int) -> list[str]:
    """Random joins and kills every 0.5 to 2 s, between and during sums of 4 MiB of int64; what became of each."""
    dice, start = random.Random(seed), time.monotonic()
    peers, joining, dead = start_peers(range(5), LIMITS), [], []
    number, round_index, kills, right, explicit, wrong, longest = 5, 0, 0, 0, 0, 0, 0.0
    due = start + 1
    try:
        while time.monotonic() - start < seconds:
            peers = [peer for peer in peers if peer not in dead] + [p for p in joining if p.ready()]
            joining = [peer for peer in joining if peer not in peers]
            round_index += 1
            reduce = Reduce(1, round_index, 0, Operation.SUM, "int64", 1 << 19)
            began, roster = time.monotonic(), [peer.member for peer in peers]
            for peer in peers:
                peer.begin(reduce, roster)
            if time.monotonic() > due:
                due = time.monotonic() + dice.uniform(0.5, 2)
                if len(peers) > 3 and (dice.random() < 0.4 or len(peers) + len(joining) > 7):
                    time.sleep(dice.uniform(0, 0.3))
                    dead.append(dice.choice(peers))
                    dead[-1].kill()
                    kills += 1
                else:
                    joining.append(Peer(number, LIMITS))
                    number += 1
            reports = [report for peer in peers if (report := peer.report()) is not None]
            longest = max(longest, time.monotonic() - began)
            done = [report for report in reports if not report.problem]
            explicit += len(reports) - len(done)
            good = len({report.digest for report in done}) == 1 and all(
                _right(peers, reduce, report.survivors, report.digest) for report in done[:1]
            )
            right, wrong = right + good, wrong + (bool(done) and not good)
    finally:
        for peer in [*peers, *joining, *dead]:
            peer.end()
    return [
        f"{time.monotonic() - start:.0f} s, seed {seed}: {round_index} sums, {kills} kills, {number - 5} joins.",
        f"Sums that all survivors had right and the same: {right}. Wrong or different: {wrong}.",
        f"Peers that failed with a reason: {explicit}. The longest sum took {longest:.1f} s; none stalled.",
    ]


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mib", type=int, default=256)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--churn-seconds", type=float, default=600)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    load = os.getloadavg()[0]
    lines = ["# The collective beside gloo, and under kills", ""]
    lines += [f"Written by `python {shlex.join(sys.argv)}`; the script says what is measured.", ""]
    lines += [f"{os.cpu_count()} cores; load before the run {load:.1f}. {options.turns} turns, medians.", ""]
    columns = "peers | MiB | s | gloo s | CPU s | gloo CPU s | x wall | x CPU | same bits"
    lines += [f"| {columns} |", "|---" * 9 + "|"]
    lines += [compare(2, options.mib, options.turns), compare(4, options.mib // 4, options.turns)]
    lines += [
        "",
        "Four peers sum 16 MiB, one is killed. Seconds from the kill to the last survivor's end.",
        "",
    ]
    lines += ["| killed after s | s | members left | right sum | attempts |", "|---" * 5 + "|"]
    lines += [recover(after) for after in KILLS_AFTER_SECONDS]
    lines += ["", "Random joins and kills:", "", *churn(options.churn_seconds, seed=1)]
    lines += ["", f"Load after the run {os.getloadavg()[0]:.1f}."]
    options.out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
