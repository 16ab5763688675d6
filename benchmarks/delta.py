"""Bytes and CPU time of a delta beside the whole checkpoint and the nodes' updates.

    python benchmarks/delta.py [--nodes 4] [--millions 10 30 100] [--rounds 3] > benchmarks/results/delta.md

The demo's model is trained by its recipe; the larger models are synthetic: the scale of the updates differs from row to
row as in a trained network, log-normal with sigma 1. Each receiver's result is compared with the publisher's, bit for
bit, through its digest. CPU seconds are one thread's.
"""

from __future__ import annotations

import argparse
import platform
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from simulate_training import RECIPES, Simulation, pretrained

from cupel.protocol.model.canonical import (
    CanonicalVersion,
    follow,
    make_version,
    next_version,
    read_version,
)
from cupel.protocol.model.checkpoint import genesis
from cupel.protocol.model.layout import Layout
from cupel.protocol.spec.diloco.blocks import Update, encode_update, update_to_bytes
from cupel.protocol.spec.diloco.delta import Delta, delta_to_bytes
from cupel.protocol.spec.diloco.outer import sum_updates
from cupel.protocol.spec.shardcast.manifest import TensorShape
from cupel.protocol.spec.shardcast.unixfs import file_dag
from cupel.protocol.spec.task import Aggregation

Result = TypeVar("Result")
ROW = 1000
LINK_BYTES_PER_SECOND = 10e6
AGGREGATION = Aggregation(7, 10, 9, 10)


@dataclass(frozen=True)
class Line:
    """One step from a version to the next."""

    name: str
    nodes: int
    checkpoint_bytes: int
    update_bytes: int
    """Of all nodes together."""
    delta_bytes: int
    cpu_seconds: dict[str, float]


def timed(act: Callable[[], Result]) -> tuple[Result, float]:
    """The result and its CPU seconds."""
    started = time.process_time()
    result = act()
    return result, time.process_time() - started


def step(name: str, current: CanonicalVersion, updates: Sequence[Update], aggregation: Aggregation) -> Line:
    """Publish the next version, take it by each of the ways, and compare."""
    made, publishing = timed(lambda: next_version(current, updates, aggregation))
    assert made.update is not None
    manifest, update = made.manifest.to_bytes(), made.update
    total = sum_updates(updates, current.manifest.num_parameters)
    _, encoding = timed(lambda: delta_to_bytes(Delta(total, len(updates))))
    _, hashing = timed(lambda: file_dag(made.file))
    followed, following = timed(lambda: follow(current, manifest, update, made.digest, aggregation))
    assert followed.digest == made.digest
    layout = Layout(made.manifest.tensors)
    _, reading = timed(lambda: read_version(manifest, made.file, made.digest, layout))
    cpu_seconds = {
        "make the version": publishing,
        "of it: the delta": encoding,
        "of it: hash the checkpoint": hashing,
        "take the delta": following,
        "take the checkpoint": reading,
    }
    files = sum(len(update_to_bytes(one)) for one in updates)
    return Line(name, len(updates), len(made.file), files, len(update), cpu_seconds)


def synthetic(millions: int, nodes: int) -> Line:
    """A model of so many million parameters in ten tensors."""
    generator = np.random.default_rng(millions)
    rows = millions * 1_000_000 // ROW
    layout = Layout(tuple(TensorShape(f"tensor.{index}", (rows // 10, ROW)) for index in range(10)))
    weights = generator.normal(0, 0.02, (rows, ROW)).astype(np.float32)
    current = make_version(0, None, genesis(weights.reshape(-1)), layout)
    scales = generator.lognormal(np.log(1e-4), 1, (rows, 1)).astype(np.float32)

    def one_update() -> Update:
        flat = generator.standard_normal((rows, ROW), dtype=np.float32) * scales
        return encode_update(flat.reshape(-1), 0)[0]

    return step(f"synthetic, {millions} M", current, [one_update() for _ in range(nodes)], AGGREGATION)


def trained(rounds: int) -> Iterator[Line]:
    """The demo's model, some rounds of its recipe."""
    settings = RECIPES["demo"]
    simulation = Simulation(settings, pretrained(settings.pretrain_steps, 0), 0)
    current = make_version(0, None, simulation.state, simulation.layout)
    for index in range(rounds):
        updates = [simulation._work(index, node)[0] for node in range(settings.nodes)]
        yield step(f"demo, round {index}", current, updates, simulation.spec.aggregation)
        current = next_version(current, updates, simulation.spec.aggregation)
        simulation.state = current.state


def report(lines: Sequence[Line]) -> str:
    """Two tables."""
    sizes = ["| | nodes | checkpoint MB | updates MB | delta MB | x checkpoint | x updates | s at 10 MB/s |"]
    sizes.append("|---|---|---|---|---|---|---|---|")
    for line in lines:
        megabytes = [size / 1e6 for size in (line.checkpoint_bytes, line.update_bytes, line.delta_bytes)]
        full, every, delta = megabytes
        link = f"{delta * 1e6 / LINK_BYTES_PER_SECOND:.2f} for {full * 1e6 / LINK_BYTES_PER_SECOND:.2f}"
        cells = [line.name, str(line.nodes), *(f"{size:.3f}" for size in megabytes)]
        sizes.append("| " + " | ".join([*cells, f"{full / delta:.1f}", f"{every / delta:.1f}", link]) + " |")
    names = list(lines[0].cpu_seconds)
    costs = ["| CPU seconds | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for line in lines:
        costs.append(f"| {line.name} | " + " | ".join(f"{line.cpu_seconds[one]:.2f}" for one in names) + " |")
    return "\n".join([*sizes, "", *costs])


def main() -> None:
    """Everything to standard output."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--nodes", type=int, default=4)
    parser.add_argument("--millions", type=int, nargs="*", default=[10, 30, 100])
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    lines = list(trained(arguments.rounds))
    for millions in arguments.millions:
        lines.append(synthetic(millions, arguments.nodes))
        print(f"{lines[-1].name} done", file=sys.stderr)
    print("# A delta beside the whole version\n")
    print(
        "`x checkpoint`, `x updates`: how many times smaller the delta is than the version's file, and than the\n"
        "nodes' updates together. `s at 10 MB/s`: the bytes alone over such a link, delta for checkpoint. Taking a\n"
        "delta includes making and hashing the checkpoint, by which it is checked; every result had the\n"
        "publisher's digest.\n"
    )
    print(report(lines))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(
        f"\nPython {platform.python_version()}, NumPy {np.__version__}, one thread, at most {peak:.1f} GB of memory."
    )


if __name__ == "__main__":
    main()
