"""TOPLOC where the states lie: selecting there beside copying the states, for batches and for decodes.

    python benchmarks/toploc_device.py > benchmarks/results/toploc_device.md

Measures the CPU, and CUDA where there is a device; every table says which gave it. On the CPU times are the least CPU
time of `--rounds` rounds with one thread, on CUDA the least time until the host has what it needs.

The floor of a selection is reading the states once (measured there: the greatest of integers of
their size); that of a build adds one 128 x 128 block of multiply-adds per chunk (measured on the host: float32, BLAS).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from toploc_speed import one_thread, processor

from cupel.protocol.model.recorder import ChunkRecorder
from cupel.protocol.model.selection import select_on_device, select_states
from cupel.protocol.spec.toploc import native, prove, select
from cupel.protocol.spec.toploc.polynomial import PRIME
from cupel.protocol.spec.toploc.selection import Selection

COMPLETIONS = 8
TOKENS = 512
POINTS = 128
CHUNK_TOKENS = 32
HIDDEN = (1024, 4096)
TYPES = (torch.bfloat16, torch.float32)

Work = Callable[[], Any]


@dataclass(frozen=True)
class Setting:
    """Ragged completions on a device."""

    states: torch.Tensor
    lengths: npt.NDArray[np.int64]
    chunk_tokens: int

    @property
    def arguments(self) -> tuple[npt.NDArray[np.int64], int, int]:
        """What every selection takes besides the states."""
        return self.lengths, self.chunk_tokens, POINTS

    @property
    def chunks(self) -> int:
        """Proofs of all completions."""
        return int((-(-self.lengths // self.chunk_tokens)).sum())


def make_setting(device: torch.device, dtype: torch.dtype, hidden: int) -> Setting:
    """The same numbers on every device."""
    generator = torch.Generator().manual_seed(hidden)
    states = torch.randn(COMPLETIONS, TOKENS, hidden, generator=generator).to(dtype)
    lengths = np.linspace(TOKENS // 2, TOKENS, COMPLETIONS).astype(np.int64)
    return Setting(states.to(device), lengths, min(CHUNK_TOKENS, PRIME // hidden))


def in_torch(setting: Setting) -> Selection:
    """Selected on the device; the points are copied."""
    points = select_on_device(setting.states, *setting.arguments)()
    return Selection(*points, setting.lengths, setting.chunk_tokens, setting.states.shape[2])


def copied(setting: Setting) -> Selection:
    """All states are copied, then selected by the kernel."""
    host = setting.states.cpu()
    array = host.view(torch.uint16).numpy() if host.dtype == torch.bfloat16 else host.numpy()
    return select(array, *setting.arguments)


def chosen(setting: Setting) -> Selection:
    """What a node and a verifier do."""
    return select_states(setting.states, *setting.arguments)


def recorded(setting: Setting, running: torch.Tensor) -> Selection:
    """A decode whose states are selected as its chunks fill. running: bool [T, N]."""
    recorder = ChunkRecorder(setting.chunk_tokens, POINTS)
    for step in range(TOKENS):
        recorder.append(setting.states[:, step], running[step])
    return recorder.finish(setting.lengths)


def copied_each_step(setting: Setting) -> Selection:
    """A decode whose states are copied at every step, and selected at the end."""
    hidden = torch.zeros(setting.states.shape, dtype=setting.states.dtype)
    for step in range(TOKENS):
        hidden[:, step] = setting.states[:, step].cpu()
    array = hidden.view(torch.uint16).numpy() if hidden.dtype == torch.bfloat16 else hidden.numpy()
    return select(array, *setting.arguments)


def works_of(setting: Setting) -> dict[str, Work]:
    """All that is timed at a setting, after checking that it proves the same."""
    steps = torch.arange(TOKENS)[:, None] < torch.from_numpy(setting.lengths)
    running = steps.to(setting.states.device)
    selected = chosen(setting)
    proofs = prove(selected)
    ways: dict[str, Callable[[], Selection]] = {
        "torch": lambda: in_torch(setting),
        "copied": lambda: copied(setting),
        "chosen": lambda: chosen(setting),
        "recorded": lambda: recorded(setting, running),
        "copied each step": lambda: copied_each_step(setting),
    }
    assert all(prove(way()) == proofs for way in ways.values())
    live = int(setting.lengths.sum()) * setting.states.shape[2]
    dtype = torch.int16 if setting.states.itemsize == 2 else torch.int32
    numbers = torch.zeros(live, dtype=dtype, device=setting.states.device)
    matrix, columns = np.ones((POINTS, POINTS), np.float32), np.ones((POINTS, setting.chunks), np.float32)
    return {
        **ways,
        "prove": lambda: prove(selected),
        "read": lambda: numbers.max().cpu(),
        "multiply": lambda: matrix @ columns,
    }


def least_milliseconds(works: dict[str, Work], device: torch.device, rounds: int) -> dict[str, float]:
    """Time of each work; within a round all run one after another."""
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    least = dict.fromkeys(works, float("inf"))
    for _ in range(rounds):
        for name, work in works.items():
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            start = clock()
            work()
            least[name] = min(least[name], 1000 * (clock() - start))
    return least


def tables(device: torch.device, rounds: int) -> None:
    """Print one device's tables."""
    name = processor() if device.type == "cpu" else torch.cuda.get_device_name(device)
    print(f"\n## {device.type}: {name}\n")
    print(
        "| states | proofs | torch | copied, kernel | used | x floor | prove | build, x floor | MB copied |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    decodes = []
    for dtype in TYPES:
        for hidden in HIDDEN:
            setting = make_setting(device, dtype, hidden)
            least = least_milliseconds(works_of(setting), device, rounds)
            label = f"{str(dtype).removeprefix('torch.')}, hidden {hidden}"
            build = (least["chosen"] + least["prove"]) / (least["read"] + least["multiply"])
            states, points = setting.states.nbytes / 1e6, setting.chunks * POINTS * 4 / 1e6
            moved = "none" if device.type == "cpu" else f"{points:.2f} of {states:.1f}"
            cells = [f"{least[kind]:.2f}" for kind in ("torch", "copied", "chosen")]
            cells += [
                f"{least['chosen'] / least['read']:.1f}",
                f"{least['prove']:.2f}",
                f"{build:.1f}",
                moved,
            ]
            print(f"| {label} | {setting.chunks} | {' | '.join(cells)} |", flush=True)
            per_step = [1000 * least[kind] / TOKENS for kind in ("recorded", "copied each step")]
            decodes.append(f"| {label} | {per_step[0]:.1f} | {per_step[1]:.1f} |")
    print("\n| decode, µs a step | recorded | copied each step |\n|---|---|---|")
    print("\n".join(decodes))


def main() -> None:
    """Print Markdown tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    one_thread()
    torch.set_num_threads(1)
    devices = [torch.device("cpu")] + [torch.device("cuda")] * torch.cuda.is_available()
    print(
        f"# TOPLOC on the device: {COMPLETIONS} completions of {TOKENS // 2} to {TOKENS} tokens, k = {POINTS}\n"
    )
    print(f"torch {torch.__version__}, NumPy {np.__version__}, {'' if native.IS_COMPILED else 'no '}kernel;")
    print(
        f"measured on: {', '.join(device.type for device in devices)}. Milliseconds for all completions, the"
    )
    print(
        f"least of {options.rounds} rounds. `torch`: selected on the device, points copied; `copied, kernel`:"
    )
    print(
        "states copied, selected on the host; `used`: what nodes and verifiers do there. Floors: reading the"
    )
    print("states once, and for a build 128 x 128 multiply-adds per chunk besides.")
    for device in devices:
        tables(device, options.rounds)


if __name__ == "__main__":
    main()
