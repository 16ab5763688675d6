"""Drawn cases of every step of the referee, and a digest of what they give.

Twin of tests/contracts/vectors/RefereeDraws.t.sol, which draws the same cases from the same hashes: two digests of 32
bytes compare any number of cases. Magnitudes are drawn by their bit lengths, one in sixteen is the greatest there is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from cupel.protocol.spec.hashing import keccak256
from cupel.protocol.spec.referee.steps import Step, execute, inverse_root

SEED: Final = 20_261_125
COUNT: Final = 512
ACTIVATION: Final = 39
WEIGHT: Final = 24

Draw = Callable[[int], int]


def draws_vectors() -> dict[str, Any]:
    """The digests that the suite compares."""
    return digests(SEED, COUNT)


def digests(seed: int, count: int) -> dict[str, Any]:
    """Of cases 0 to `count` of every step, by step number from 1 on."""
    return {
        "seed": seed,
        "count": count,
        "digests": ["0x" + digest(seed, step, count).hex() for step in Step],
    }


def digest(seed: int, step: Step, count: int) -> bytes:
    """Chain of hashes over the results of one step's cases; zero for none."""
    chain = bytes(32)
    for number in range(count):
        prefix = b"".join(word.to_bytes(32, "big") for word in (seed, step, number))
        for result in _CASES[step](lambda place, prefix=prefix: _word(prefix, place)):  # type: ignore[misc]  # bound now
            chain = keccak256(chain + result.to_bytes(32, "big", signed=True))
    return chain


def _word(prefix: bytes, place: int) -> int:
    return int.from_bytes(keccak256(prefix + place.to_bytes(32, "big")), "big")


def _signed(word: int, bits: int) -> int:
    """Below 2^bits in magnitude."""
    magnitude = (word >> 16) % (1 << (word % 256 % (bits + 1)))
    if (word >> 9) & 15 == 0:
        magnitude = (1 << bits) - 1
    return -magnitude if (word >> 8) & 1 else magnitude


def _entries(draw: Draw, first: int, count: int, size: int) -> list[int]:
    """Up to 64 bytes as two's complement integers of `size` bytes."""
    data = b"".join(draw(place).to_bytes(32, "big") for place in (first, first + 1))
    return [
        int.from_bytes(data[start : start + size], "big", signed=True)
        for start in range(0, size * count, size)
    ]


def _embed(draw: Draw) -> Sequence[int]:
    return [execute(Step.EMBED, ([_signed(draw(0), WEIGHT), _signed(draw(1), WEIGHT)],))]


def _partial_dot(draw: Draw) -> Sequence[int]:
    count = 1 + draw(0) % 12
    return [execute(Step.PARTIAL_DOT, (_entries(draw, 1, count, 5), _entries(draw, 3, count, 4)))]


def _finish_dot(draw: Draw) -> Sequence[int]:
    shift, bias = 20 + 4 * (draw(1) & 1), _signed(draw(2), WEIGHT)
    return [execute(Step.FINISH_DOT, ([_signed(draw(0), 90)], (shift, bias)))]


def _pair(step: Step) -> Callable[[Draw], Sequence[int]]:
    return lambda draw: [execute(step, ([_signed(draw(0), ACTIVATION), _signed(draw(1), ACTIVATION)],))]


def _mean(draw: Draw) -> Sequence[int]:
    return [execute(Step.MEAN, ([_signed(draw(0), 57)], [1 + draw(1) % 2**18]))]


def _inverse_root(draw: Draw) -> Sequence[int]:
    count_and_epsilon = (1 + draw(1) % 2**18, 2**27 + draw(2) % 2**30)
    return [execute(Step.INVERSE_ROOT, ([abs(_signed(draw(0), 98))], count_and_epsilon))]


def _normalise(draw: Draw) -> Sequence[int]:
    word = inverse_root(2**27 + abs(_signed(draw(2), 98)))
    entry, statistics = [_signed(draw(0), ACTIVATION)], (_signed(draw(1), ACTIVATION), word)
    return [
        execute(Step.NORMALISE, (entry, statistics, (_signed(draw(3), WEIGHT), _signed(draw(4), WEIGHT))))
    ]


def _exp(draw: Draw) -> Sequence[int]:
    scores = [_signed(draw(place), ACTIVATION) for place in (0, 1)]
    return [execute(Step.EXP, ([max(scores), min(scores)],))]


def _divide(draw: Draw) -> Sequence[int]:
    weight = draw(0) % (2**30 + 1)
    return [execute(Step.DIVIDE, ([weight, weight + 1 + abs(_signed(draw(1), 48))],))]


def _max(draw: Draw) -> Sequence[int]:
    """With the sum and the squares, which the chain takes in the same walk."""
    row, average = _entries(draw, 1, 1 + draw(0) % 12, 5), _signed(draw(3), ACTIVATION)
    return [execute(Step.MAX, (row,)), sum(row), sum((entry - average) ** 2 for entry in row)]


def _single(step: Step) -> Callable[[Draw], Sequence[int]]:
    return lambda draw: [execute(step, ([_signed(draw(0), ACTIVATION)],))]


def _rotate(draw: Draw) -> Sequence[int]:
    pair = [_signed(draw(place), ACTIVATION) for place in (0, 1)]
    turn = [_signed(draw(place), WEIGHT) for place in (2, 3)]
    return [execute(Step.ROTATE, (pair, turn, [draw(4) & 1]))]


_CASES: Final[dict[Step, Callable[[Draw], Sequence[int]]]] = {
    Step.EMBED: _embed,
    Step.PARTIAL_DOT: _partial_dot,
    Step.FINISH_DOT: _finish_dot,
    Step.ADD: _pair(Step.ADD),
    Step.MULTIPLY: _pair(Step.MULTIPLY),
    Step.MEAN: _mean,
    Step.INVERSE_ROOT: _inverse_root,
    Step.NORMALISE: _normalise,
    Step.EXP: _exp,
    Step.DIVIDE: _divide,
    Step.MAX: _max,
    Step.RELU: _single(Step.RELU),
    Step.SILU: _single(Step.SILU),
    Step.ROTATE: _rotate,
}
