"""What a dispute about one chunk costs as the model grows: python benchmarks/referee/dispute_cost.py

Prints benchmarks/results/dispute_cost.md. Depths are counted from shapes, gas and bytes follow from `snapshots/` and
from the ABI, hours from the clocks that deploy/networks/template.toml ships, traces from a run of what fits here: the
built-in policy whole, and one layer of the 0.5B shape. The page says by what model the rest follows.
"""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from growth import SHAPES
from trace_time import TOKENS, measured, scaled, seconds_of_cpu

from cupel.protocol.chain.bindings import structs
from cupel.protocol.model.layout import ARCHITECTURE, layout_of
from cupel.protocol.spec.referee import layout, tiny
from cupel.protocol.spec.referee.fixed import BLOCK
from cupel.protocol.spec.referee.growth import growth
from cupel.protocol.spec.referee.llama import LlamaShape
from cupel.protocol.spec.referee.trace import Commitment
from cupel.protocol.spec.referee.tree import BLOCK_ENTRIES, ENTRY_BYTES, depth
from cupel.protocol.spec.referee.weights_tree import WEIGHT_BYTES
from cupel.protocol.spec.task import ModelShape
from cupel.protocol.testing.game_case import tensors_of

ROOT: Final = Path(__file__).resolve().parents[2]
LENGTHS: Final = (64, 2_048)
VOCABULARY: Final = 151_936
"""Of Qwen2.5; it counts in the weights tree alone."""
WORD: Final = 32
NODE_BYTES: Final = 512
MANIFEST_BYTES: Final = 450
FLOOR: Final = 40
"""Gas of a byte of calldata that is not zero, EIP-7623: what a transaction of openings pays."""
TRANSACTION: Final = 21_000
LARGEST_TRANSACTION: Final = 16_777_216
"""Gas, EIP-7825."""
BLOCK_SECONDS: Final = 12
POINTS: Final = 128
LEAVES: Final = 512
"""Rollouts of a commitment."""
MEASURED_SUM: Final = 80
MEASURED_LEVELS: Final = 3
"""Of the dispute in snapshots/CanonicalJudge.json: width 72, feed-forward 80; of the trace as of the weights."""


@dataclass(frozen=True)
class Descent:
    """How far it is from a trace's root to one step."""

    trace_levels: int
    row_levels: int
    sum_levels: int
    weight_levels: int
    longest: int
    """Products of the longest sum."""

    @property
    def rounds(self) -> int:
        """The accused opens, the challenger picks."""
        return self.trace_levels + self.row_levels + self.sum_levels

    @property
    def moves(self) -> int:
        """With the challenge, the answer, the descent's begin, the block's opening and the step."""
        return 2 * self.rounds + 5

    def worst_seconds(self, clock: int, grace: int) -> int:
        """Both clocks, each move in its last second, and a grace to end the game."""
        return 2 * (clock + (self.rounds + 2) * grace) + grace


@dataclass(frozen=True)
class Move:
    """One transaction of a dispute."""

    name: str
    is_accuseds: bool
    gas: int
    bytes: int


def descent_of(shape: LlamaShape | ModelShape, tokens: int) -> Descent:
    """Of a decoder, or of the built-in policy."""
    if isinstance(shape, ModelShape):
        longest = max(shape.width, shape.feed_forward)
        assert longest <= BLOCK, "one step computes a sum of the built-in policy"
        rows = layout.row_count(shape, tokens)
        return Descent(depth(rows), 1, 0, depth(layout.weight_row_count(shape)), longest)
    counted = growth(shape, tokens)
    return Descent(
        counted.trace_levels,
        counted.row_levels,
        counted.sum_levels,
        depth(weight_rows(shape)),
        max(shape.feed_forward, tokens),
    )


def weight_rows(shape: LlamaShape) -> int:
    """Rows of a decoder's weights tree: a row for each output of a map, one for each norm and bias."""
    inner, keys = shape.heads * shape.head_width, shape.key_heads * shape.head_width
    of_layer = inner + 2 * keys + 2 * shape.width + 2 * shape.feed_forward + 5
    return shape.layers * of_layer + VOCABULARY + 1


def moves_of(descent: Descent, gas: dict[str, int], verdict: int) -> Iterator[Move]:
    """In order. gas: of the measured dispute, by move; verdict: of 128 points."""
    challenge, game, chunk = (
        words(abi) for abi in (structs.CHALLENGE_ABI, structs.CANONICAL_GAME_ABI, structs.CANONICAL_CHUNK_ABI)
    )
    matter, leaf = words(structs.CANONICAL_MATTER_ABI), words(structs.ROLLOUT_LEAF_ABI)
    params = words(structs.TASK_PARAMS_ABI) + 3 * 2
    opened = params + 1 + words(structs.COMMITMENT_ABI) + 1 + 2 + 2
    yield Move("challenge", False, gas["challenge"], size(opened))
    proofs = 2 * 1 + depth_of_pairs(LEAVES) + 5
    answer = (
        challenge + game + matter + 1 + leaf + 5 + proofs + 2 + -(-(2 * POINTS + 2) // WORD) + POINTS // 8
    )
    # The verdict is a transaction of its own in snapshots/ToplocVerdict.json, and the answer's has one of 16 points.
    yield Move("answer", True, gas["answer"] + verdict - TRANSACTION, size(answer))
    yield Move("descend", False, gas["descend"], size(1 + game + chunk))
    node = Move("open a node", True, gas["openNode"], size(1 + game + 16))
    pick = Move("pick a child", False, gas["pickChild"], size(1 + game + 16 + 1))
    for _ in range(descent.trace_levels):
        yield from (node, pick)
    yield Move("open the row", True, gas["openRow"], size(challenge + game + 4 + 16))
    yield Move("pick a block", False, gas["pickBlock"], size(1 + game + 3 + 16))
    for _ in range(descent.row_levels - 1):
        yield from (node, pick)
    block = BLOCK_ENTRIES * ENTRY_BYTES
    yield Move("open the block", True, gas["openBlock"], size(challenge + game + 2 + -(-block // WORD)))
    for _ in range(descent.sum_levels):
        # Sixteen partial sums of 16 bytes would be half of it; which is not built.
        yield from (node, pick)
    more = opened_bytes(descent) - opened_bytes(MEASURED)
    # Lengths and offsets: 7 and 6 of the step, 5 of each opening.
    step = challenge + game + chunk + 1 + 7 + 6 + 2 * 5 + -(-(block + MANIFEST_BYTES) // WORD)
    step_bytes = size(step) + opened_bytes(descent)
    yield Move("execute", False, gas["execute"] + FLOOR * more, step_bytes)


MEASURED: Final = Descent(MEASURED_LEVELS, 1, 0, MEASURED_LEVELS, MEASURED_SUM)


def opened_bytes(descent: Descent) -> int:
    """Of a row's part and of as many weights, each with the nodes above it, for one partial sum."""
    products = min(descent.longest, BLOCK)
    # A row of up to 16 blocks is opened whole, of a longer one four blocks and the nodes above them.
    within = descent.row_levels if descent.longest > BLOCK else 0
    nodes = descent.trace_levels + descent.weight_levels + 2 * within
    return products * (ENTRY_BYTES + WEIGHT_BYTES) + nodes * NODE_BYTES


def words(abi: str) -> int:
    """Of a static struct."""
    return abi.count(",") + 1


def size(static: int) -> int:
    """Bytes of a call with so many words."""
    return 4 + WORD * static


def depth_of_pairs(leaves: int) -> int:
    """Siblings of a leaf in a binary tree."""
    return (leaves - 1).bit_length()


def snapshot(group: str) -> dict[str, int]:
    """The measured gas of one group."""
    read: dict[str, str] = json.loads((ROOT / "snapshots" / f"{group}.json").read_text(encoding="utf-8"))
    return {name: int(value) for name, value in read.items()}


def shipped() -> tuple[ModelShape, int, int]:
    """Policy, clock and grace of the judge that a new network gets."""
    terms: dict[str, Any] = tomllib.loads(
        (ROOT / "deploy" / "networks" / "template.toml").read_text(encoding="utf-8")
    )["canonical"]
    names = ("vocabulary", "layers", "width", "heads", "feed_forward", "positions")
    shape = ModelShape(ARCHITECTURE, *(terms[name] for name in names))
    return shape, terms["clock_seconds"], terms["grace_seconds"]


def tiny_seconds(shape: ModelShape) -> float:
    """CPU time of a whole trace of the built-in policy, as long as its positions."""
    parameters = np.random.default_rng(1).integers(-30_000, 30_000, layout_of(shape).num_parameters)
    tensors = tensors_of(shape, parameters.astype(np.int32))
    tokens = np.arange(shape.positions) % shape.vocabulary
    return seconds_of_cpu(lambda: tiny.hidden_states(shape, tensors, tokens, Commitment()))


def row(
    name: str, tokens: int, descent: Descent, moves: list[Move], clocks: tuple[int, int], trace: str
) -> str:
    """One line of the table."""
    accused = sum(move.gas for move in moves if move.is_accuseds)
    challenger = sum(move.gas for move in moves if not move.is_accuseds)
    levels = f"{descent.trace_levels}, {descent.row_levels}, {descent.sum_levels}"
    hours = descent.worst_seconds(*clocks) / 3_600
    at_once = len(moves) * BLOCK_SECONDS / 60
    posted = sum(move.bytes for move in moves) / 1_000
    return (
        f"| {name} | {tokens:,} | {levels} | {len(moves)} | {posted:.1f} kB | {moves[-1].gas:,} | {accused:,} "
        f"| {challenger:,} | {accused + challenger:,} | {at_once:.1f} min | {hours:.0f} h | {trace} |"
    )


def main() -> None:
    """Print the page."""
    of_moves = {
        name.removeprefix("linear map, "): gas
        for name, gas in snapshot("CanonicalJudge").items()
        if name.startswith("linear map, ")
    }
    verdict = snapshot("ToplocVerdict")["judge, k = 128"]
    policy, *clocks = shipped()
    one_layer = dataclasses.replace(SHAPES["0.5B"], layers=1)
    three, longer = dataclasses.replace(one_layer, layers=3), 2 * TOKENS
    alone, hashing = measured(one_layer)
    checked = sum(measured(three, longer))
    run = growth(one_layer, TOKENS)
    expected = scaled(alone, hashing, run, growth(three, longer))

    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.0f}\n")
    print("| move | who | gas | calldata |\n|---|---|---:|---:|")
    tiny_descent = descent_of(policy, policy.positions)
    tiny_moves = list(moves_of(tiny_descent, of_moves, verdict))
    for name, move in {move.name: move for move in tiny_moves}.items():
        who = "accused" if move.is_accuseds else "challenger"
        print(f"| {name} | {who} | {move.gas:,} | {move.bytes:,} B |")
    print(
        "\n| shape | tokens | levels: trace, row, sum | moves | calldata | gas: the step | accused | challenger "
        "| in all | a move a block | clocks at their worst | one trace, CPU |"
    )
    print("|---|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    print(
        row("tiny", policy.positions, tiny_descent, tiny_moves, (clocks[0], clocks[1]),
            f"{tiny_seconds(policy):.1f} s")
    )  # fmt: skip
    for name, shape in SHAPES.items():
        for tokens in LENGTHS:
            descent = descent_of(shape, tokens)
            moves = list(moves_of(descent, of_moves, verdict))
            assert all(move.gas < LARGEST_TRANSACTION for move in moves), (
                f"{name}: a move fits no transaction"
            )
            trace = f"{scaled(alone, hashing, run, growth(shape, tokens)):,.0f} s"
            print(row(name, tokens, descent, moves, (clocks[0], clocks[1]), trace))
    print(
        f"\nRun: one layer of 0.5B, {TOKENS} tokens: arithmetic {alone:.2f} s, hashing {hashing:.2f} s. "
        f"Three layers and {longer} tokens should take {expected:.1f} s after that; they took {checked:.1f} s."
    )


if __name__ == "__main__":
    main()
