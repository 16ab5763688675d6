"""TOPLOC beside the toploc package: building and verifying proofs, in one process, on the same tensors, one thread.

    tools/differential_toploc.sh --build                                   (the package, from source, once)
    PYTHONPATH=.differential/site python benchmarks/toploc_speed.py > benchmarks/results/toploc_speed.md

Without the package only our side is timed. Every number is the least CPU time of `--rounds` rounds; within a round
all run one after another, so that a busy machine disturbs them alike.

The floor of a build or a verification is reading the activations once (measured: the greatest of as many 16-bit
numbers, NumPy) and one 128 x 128 block of multiply-adds per chunk (measured: float32, BLAS, all chunks in one call).
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import platform
import sys
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from cupel.protocol import toploc_compat
from cupel.protocol.spec.toploc import build_proofs_batch, compare_batch, native
from cupel.protocol.spec.toploc.polynomial import PRIME

TOKENS = 2048
POINTS = 128
HIDDEN = (256, 1024, 4096, 5120)
CHUNK_TOKENS = 32

Work = Callable[[], Any]


@dataclass(frozen=True)
class Setting:
    """Activations and how they are cut."""

    activations: torch.Tensor
    chunk_tokens: int

    @property
    def patterns(self) -> npt.NDArray[np.uint16]:
        """The tensor's bits, [tokens, hidden]; the same memory."""
        patterns: npt.NDArray[np.uint16] = self.activations.view(torch.uint16).numpy()
        return patterns

    @property
    def chunks(self) -> int:
        """Proofs of the completion."""
        return -(-TOKENS // self.chunk_tokens)


@contextmanager
def without_kernel() -> Any:
    """NumPy only, as where there was no compiler."""
    kept, native.IS_COMPILED = native.IS_COMPILED, False
    yield
    native.IS_COMPILED = kept


def in_numpy(work: Work) -> Work:
    """The same work without the kernel."""

    def run() -> Any:
        with without_kernel():
            return work()

    return run


def package_works(package: Any, activations: Any, setting: Setting) -> dict[str, Work]:
    """Build and verify with the package's interface, whoever provides it."""
    arguments = (setting.chunk_tokens, POINTS, True)
    proofs = package.build_proofs_bytes(activations, *arguments)
    results = package.verify_proofs_bytes(activations, proofs, *arguments)
    assert len(results) == setting.chunks
    return {
        "build": lambda: package.build_proofs_bytes(activations, *arguments),
        "verify": lambda: package.verify_proofs_bytes(activations, proofs, *arguments),
    }


def strict_works(states: npt.NDArray[Any], setting: Setting) -> dict[str, Work]:
    """Build and verify as the protocol does."""
    arguments = (states[None], np.array([TOKENS]), setting.chunk_tokens, POINTS)
    proofs = build_proofs_batch(*arguments)
    assert isinstance(compare_batch(proofs, *arguments)[0], list)
    return {
        "build": lambda: build_proofs_batch(*arguments),
        "verify": lambda: compare_batch(proofs, *arguments),
    }


def floor_works(setting: Setting) -> dict[str, Work]:
    """What no implementation can leave out."""
    magnitudes = setting.patterns.view(np.int16)
    matrix = np.ones((POINTS, POINTS), np.float32)
    columns = np.ones((POINTS, setting.chunks), np.float32)
    return {"read": magnitudes.max, "multiply": lambda: matrix @ columns}


def least_milliseconds(works: dict[str, dict[str, Work]], rounds: int) -> dict[str, dict[str, float]]:
    """CPU time of each work."""
    least = {name: dict.fromkeys(group, float("inf")) for name, group in works.items()}
    for _ in range(rounds):
        for name, group in works.items():
            for kind, work in group.items():
                start = time.process_time()
                work()
                least[name][kind] = min(least[name][kind], 1000 * (time.process_time() - start))
    return least


def contestants(setting: Setting, package: ModuleType | None) -> dict[str, dict[str, Work]]:
    """Everybody who takes part at this setting; the strict protocol only where a chunk fits its field."""
    rows = setting.activations
    steps = list(rows)
    works = {"floor": floor_works(setting)}
    if package:
        works["toploc, tensor"] = package_works(package, rows, setting)
        works["toploc, list"] = package_works(package, steps, setting)
    works["compat, tensor"] = package_works(toploc_compat, rows, setting)
    works["compat, list"] = package_works(toploc_compat, steps, setting)
    works["compat, tensor, NumPy"] = {kind: in_numpy(work) for kind, work in works["compat, tensor"].items()}
    if setting.chunk_tokens * rows.shape[1] <= PRIME:
        works["strict, bfloat16"] = strict_works(setting.patterns, setting)
        works["strict, float32"] = strict_works(rows.float().numpy(), setting)
        works["strict, bfloat16, NumPy"] = {
            kind: in_numpy(work) for kind, work in works["strict, bfloat16"].items()
        }
    return works


def table(setting: Setting, package: ModuleType | None, rounds: int) -> None:
    """Print one setting."""
    hidden = setting.activations.shape[1]
    least = least_milliseconds(contestants(setting, package), rounds)
    floor = sum(least.pop("floor").values())
    print(
        f"\nHidden {hidden}, chunks of {setting.chunk_tokens} tokens: {setting.chunks} proofs, floor {floor:.2f} ms\n"
    )
    print(
        "| | build ms | x toploc | x floor | verify ms | x toploc | x floor |\n|---|---|---|---|---|---|---|"
    )
    for name, times in least.items():
        base = least.get("toploc, list" if "list" in name else "toploc, tensor", {})
        cells = []
        for kind, milliseconds in times.items():
            ratio = f"{base[kind] / milliseconds:.1f}" if base else ""
            cells += [f"{milliseconds:.2f}", ratio, f"{milliseconds / floor:.1f}"]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def processor() -> str:
    """The processor's name, if the system tells."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return next(
        (line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine()
    )


def one_thread() -> None:
    """Start again with one thread for everybody: the package starts one per processor, and OpenMP's own."""
    if os.environ.get("OMP_THREAD_LIMIT") == "1":
        return
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    limits = {
        "OMP_THREAD_LIMIT": "1",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | limits)


def main() -> None:
    """Print Markdown tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    one_thread()
    torch.set_num_threads(1)
    package = importlib.import_module("toploc") if importlib.util.find_spec("toploc") else None
    print(
        f"# TOPLOC: {TOKENS} tokens, k = {POINTS}, Gaussian bfloat16, least CPU time of {options.rounds} rounds\n"
    )
    theirs = f"toploc {package.__version__} built from source" if package else "toploc not installed"
    ours = "kernel compiled" if native.IS_COMPILED else "no kernel"
    print(f"{processor()}, one thread; Python {platform.python_version()}, torch {torch.__version__},")
    print(
        f"NumPy {np.__version__}; {theirs}; {ours}. `x toploc`: how many times faster than the package on the"
    )
    print(
        "same layout; `x floor`: how many times the floor. The floor is what no build or verification can leave out,"
    )
    print(
        "measured in the same run: reading the activations once (the greatest of as many 16-bit numbers, NumPy), and"
    )
    print(
        f"one {POINTS} x {POINTS} block of multiply-adds per chunk (float32, BLAS, all chunks in one call)."
    )
    for hidden in HIDDEN:
        generator = torch.Generator().manual_seed(hidden)
        activations = torch.randn(TOKENS, hidden, generator=generator).bfloat16()
        fitting = min(CHUNK_TOKENS, PRIME // hidden)
        for chunk_tokens in sorted({CHUNK_TOKENS, fitting}, reverse=True):
            table(Setting(activations, chunk_tokens), package, options.rounds)


if __name__ == "__main__":
    main()
