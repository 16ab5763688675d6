"""Which problems a node must solve, how long its answers should be, and every seed it must sample with.

Twin of contracts/libraries/Assignment.sol, but for the lengths, which no judge needs: a leaf does not state them.

All of it follows from chain data alone: nobody assigns work and no node chooses its own. The beacon is drawn after
the node joined, so neither the problems nor the seeds can be ground by choice of address.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from cupel.protocol.spec.encoding import words
from cupel.protocol.spec.hashing import domain, keccak256
from cupel.protocol.spec.length_reward import LengthRule
from cupel.protocol.spec.task import TaskParams

ROUND_SEED: Final = domain("cupel.round-seed.v1")
SAMPLE_SEED: Final = domain("cupel.sample-seed.v1")
TARGET: Final = domain("cupel.target-length.v1")
FEISTEL: Final = domain("cupel.feistel.v1")
# Four rounds of a Luby-Rackoff network are a strong pseudo-random permutation (Luby and Rackoff 1988).
FEISTEL_ROUNDS: Final = 4


@dataclass(frozen=True, slots=True)
class Assigned:
    """One rollout as the chain assigns it."""

    problem: int
    seed: bytes
    target: int | None
    """Which of the task's target lengths the prompt states; None in a task without."""


def assigned_work(
    seed: bytes, params: TaskParams, indices: Iterable[int], rule: LengthRule | None
) -> tuple[Assigned, ...]:
    """The round's rollouts of these indices. The rollouts of a group share problem and target."""
    indices = tuple(indices)
    slots = dict.fromkeys(index // params.group_size for index in indices)
    problems = {slot: problem_index(seed, slot, params.problem_count) for slot in slots}
    targets = {slot: None if rule is None else target_index(seed, slot, rule.num_targets) for slot in slots}
    return tuple(
        Assigned(
            problems[index // params.group_size],
            sample_seed(seed, index),
            targets[index // params.group_size],
        )
        for index in indices
    )


def round_seed(chain_id: int, hub: str, task: bytes, node: str, round_index: int, beacon: bytes) -> bytes:
    """The one seed of a node's round: 32 bytes."""
    return keccak256(words(ROUND_SEED, chain_id, hub, task, node, round_index, beacon))


def sample_seed(seed: bytes, index: int) -> bytes:
    """Sampling seed of the round's rollout `index`: 32 bytes."""
    return keccak256(words(SAMPLE_SEED, seed, index))


def target_index(seed: bytes, slot: int, num_targets: int) -> int:
    """Which target length the prompts of the round's `slot` state; the bias of the remainder is below 2^-224."""
    return int.from_bytes(keccak256(words(TARGET, seed, slot)), "big") % num_targets


def problem_index(seed: bytes, slot: int, problem_count: int) -> int:
    """Problem of the round's `slot`: a pseudo-random permutation of range(problem_count), so no problem repeats.

    A Feistel network over the smallest even number of bits that holds `problem_count`, walked until it lands inside
    (cycle walking, Black and Rogaway 2002): fewer than four steps are expected.
    """
    assert 0 <= slot < problem_count
    half_bits = max(1, ((problem_count - 1).bit_length() + 1) // 2)
    value = slot
    while True:
        value = _feistel(seed, value, half_bits)
        if value < problem_count:
            return value


def _feistel(seed: bytes, value: int, half_bits: int) -> int:
    mask = (1 << half_bits) - 1
    left, right = value >> half_bits, value & mask
    for step in range(FEISTEL_ROUNDS):
        digest = keccak256(words(FEISTEL, seed, step, right))
        left, right = right, left ^ (int.from_bytes(digest, "big") & mask)
    return left << half_bits | right
