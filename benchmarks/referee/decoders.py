"""The referee beside float engines of a Llama- and Qwen-style decoder with random weights, and beside cheats on it.

    python benchmarks/referee/decoders.py [--device cuda] [width ...]

Prints a section of benchmarks/results/referee_calibration.md for each width (256, 512 and 1024). With a device, every
row of an engine or cheat is of that device, and float32 with products in TF32 comes on top.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from collections.abc import Iterator

import numpy as np
import torch
from llama_engine import engine_states, random_tensors, to_torch
from measures import HEADER, population

from cupel.protocol.spec.referee.fixed import Integers, to_patterns
from cupel.protocol.spec.referee.llama import LlamaShape, hidden_states
from cupel.protocol.spec.referee.trace import Silent
from cupel.protocol.spec.task import Thresholds
from cupel.protocol.spec.toploc import build_proofs_batch, compare_batch
from cupel.protocol.spec.toploc.activations import MAX_ELEMENTS

LAYERS, TOKENS, SEQUENCES, VOCABULARY, POINTS = 4, 64, 4, 512, 128
# INTELLECT-2's published limits for bfloat16 engines.
PUBLISHED = Thresholds(38, 10_000, 8_000)


def shape_of(width: int) -> LlamaShape:
    """Heads of 64, one key head for four queries, as the small Llama and Qwen models."""
    return LlamaShape(LAYERS, width, width // 64, max(1, width // 256), 64, 4 * width, 1_000_000, 1000)


def coarse(tensors: dict[str, Integers], bits: int) -> dict[str, Integers]:
    """Every row of the weights rounded to 2^bits - 1 levels."""
    steps = 2 ** (bits - 1) - 1
    rounded = {}
    for name, value in tensors.items():
        scale = np.maximum(np.abs(value).max(axis=-1, keepdims=True), 1) / steps
        rounded[name] = np.round(np.round(value / scale) * scale).astype(np.int64)
    return rounded


def claims(
    shape: LlamaShape, tensors: dict[str, Integers], tokens: list[Integers], device: str
) -> Iterator[tuple[str, list[torch.Tensor]]]:
    """States [T, width] of each sequence, by engine or cheat."""
    moved = {
        key: value + np.random.default_rng(9).integers(-3, 4, value.shape) for key, value in tensors.items()
    }
    cases = [
        (f"honest: {str(dtype).removeprefix('torch.')}", shape, tensors, dtype)
        for dtype in (torch.float64, torch.float32, torch.bfloat16, torch.float16)
    ]
    cases += [
        (f"weights of {bits} bits, {name}", shape, coarse(tensors, bits), dtype)
        for bits in (4, 6, 8)
        for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16))
    ]
    cases += [
        ("every weight within 3e-6, float32", shape, moved, torch.float32),
        (
            "the last layer left out, bfloat16",
            dataclasses.replace(shape, layers=LAYERS - 1),
            tensors,
            torch.bfloat16,
        ),
        ("other weights, bfloat16", shape, random_tensors(shape, VOCABULARY, 1), torch.bfloat16),
    ]
    for name, used, values, dtype in cases:
        weights = to_torch(values, dtype, device)
        yield name, [engine_states(used, weights, row) for row in tokens]
    if device != "cpu":
        weights = to_torch(tensors, torch.float32, device)
        torch.backends.cuda.matmul.allow_tf32 = True
        yield "honest: float32, products in TF32", [engine_states(shape, weights, row) for row in tokens]
        torch.backends.cuda.matmul.allow_tf32 = False


def main() -> None:
    """Print the sections."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("widths", type=int, nargs="*", default=[256, 512, 1024])
    parser.add_argument("--device", default="cpu", help="where engines and cheats run")
    given = parser.parse_args()
    torch.set_num_threads(1)
    machine = given.device if given.device == "cpu" else torch.cuda.get_device_name(given.device)
    for width in given.widths:
        shape, chunk = shape_of(width), min(32, MAX_ELEMENTS // width)
        tensors = random_tensors(shape, VOCABULARY, 0)
        tokens = list(np.random.default_rng(2).integers(0, VOCABULARY, (SEQUENCES, TOKENS)))
        begun = time.process_time()
        integers = [hidden_states(shape, tensors, row, Silent()) for row in tokens]
        spent = time.process_time() - begun
        exact = (
            engine_states(shape, to_torch(tensors, torch.float64, given.device), tokens[0]).double().numpy()
        )
        print(
            f"## Llama-style, width {width}, on {machine}\n\n{shape}, {SEQUENCES} x {TOKENS} tokens,"
            f" referee {spent:.1f} CPU s."
        )
        print(f"Greatest distance from float64: {np.abs(integers[0] / 2**24 - exact).max():.1e}.\n\n{HEADER}")
        patterns = np.stack([to_patterns(value) for value in integers])
        lengths = np.full(SEQUENCES, TOKENS)
        for name, states in claims(shape, tensors, tokens, given.device):
            proofs = build_proofs_batch(torch.stack(states).numpy(), lengths, chunk, POINTS)
            results = compare_batch(proofs, patterns, lengths, chunk, POINTS)
            print(population(name, results).row(PUBLISHED), flush=True)
        print()


if __name__ == "__main__":
    main()
