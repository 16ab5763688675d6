"""Which problems a node must solve, and every seed it must sample with; twin of contracts/libraries/Assignment.sol.

All of it follows from chain data alone: nobody assigns work and no node chooses its own. The beacon is drawn after
the node joined, so neither the problems nor the seeds can be ground by choice of address.
"""

from __future__ import annotations

from typing import Final

from cupel.protocol.spec.encoding import words
from cupel.protocol.spec.hashing import domain, keccak256

ROUND_SEED: Final = domain("cupel.round-seed.v1")
SAMPLE_SEED: Final = domain("cupel.sample-seed.v1")
FEISTEL: Final = domain("cupel.feistel.v1")
# Four rounds of a Luby-Rackoff network are a strong pseudo-random permutation (Luby and Rackoff 1988).
FEISTEL_ROUNDS: Final = 4


def round_seed(chain_id: int, hub: str, task: bytes, node: str, round_index: int, beacon: bytes) -> bytes:
    """The one seed of a node's round: 32 bytes."""
    return keccak256(words(ROUND_SEED, chain_id, hub, task, node, round_index, beacon))


def sample_seed(seed: bytes, index: int) -> bytes:
    """Sampling seed of the round's rollout `index`: 32 bytes."""
    return keccak256(words(SAMPLE_SEED, seed, index))


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
