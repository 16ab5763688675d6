"""The matter of a dispute about a version, and drawn cases of the outer step with a digest of what they give.

Twin of tests/contracts/vectors/AggregateDraws.t.sol, which draws the same cases from the same hashes.
"""

from __future__ import annotations

from typing import Any, Final

from cupel.protocol.spec.aggregate.files import update_header
from cupel.protocol.spec.aggregate.integers import Inputs, Term, next_integers
from cupel.protocol.spec.hashing import keccak256
from cupel.protocol.spec.task import Aggregation, TaskParams
from cupel.protocol.testing.aggregate_case import AGGREGATION, MAX_EXPONENT_OFFSET, aggregate_case

SEED: Final = 20_261_126
COUNT: Final = 512
_WEIGHT_BITS: Final = 24
_MOMENTUM_BITS: Final = 50
_MOST_TERMS: Final = 6
_MOST: Final = 1024


def aggregate_vectors(params: TaskParams) -> dict[str, Any]:
    """Three versions and the updates that lead from one to the next, by round and node."""
    case = aggregate_case(params)
    return {
        "parameters": case.terms.parameters,
        "aggregation": [
            AGGREGATION.learning_rate_numerator,
            AGGREGATION.learning_rate_denominator,
            AGGREGATION.momentum_numerator,
            AGGREGATION.momentum_denominator,
        ],
        "max_exponent_offset": MAX_EXPONENT_OFFSET,
        "update_header": _hex(update_header(case.terms.parameters)),
        "versions": [
            {"manifest": _hex(version.manifest.to_bytes()), "file": _hex(version.file)}
            for version in case.versions
        ],
        "updates": [
            {"manifest": _hex(one.manifest), "file": _hex(one.file or b"")}
            for version in (1, 2)
            for one in case.makings[version].accepted
        ],
    }


def aggregate_draws_vectors() -> dict[str, Any]:
    """The digest that the suite compares."""
    return draws(SEED, COUNT)


def draws(seed: int, count: int) -> dict[str, Any]:
    """Of cases 0 to `count`."""
    return {"seed": seed, "count": count, "digest": _hex(digest(seed, count))}


def digest(seed: int, count: int) -> bytes:
    """Chain of hashes over the results; zero for none."""
    chain = bytes(32)
    for number in range(count):
        prefix = seed.to_bytes(32, "big") + number.to_bytes(32, "big")
        for result in _case(prefix):
            chain = keccak256(chain + result.to_bytes(32, "big", signed=True))
    return chain


def _case(prefix: bytes) -> tuple[int, int]:
    def word(place: int) -> int:
        return int.from_bytes(keccak256(prefix + place.to_bytes(32, "big")), "big")

    terms = tuple(
        Term(word(10 + 2 * number) % 255 - 127, word(11 + 2 * number) % 33 - 32)
        for number in range(word(0) % (_MOST_TERMS + 1))
    )
    below = 1 + word(5) % _MOST
    aggregation = Aggregation(1 + word(3) % _MOST, 1 + word(4) % _MOST, word(6) % below, below)
    inputs = Inputs(_signed(word(1), _WEIGHT_BITS), _signed(word(2), _MOMENTUM_BITS), terms)
    return next_integers(inputs, aggregation)


def _signed(word: int, bits: int) -> int:
    """Below 2^bits in magnitude; one in sixteen is the greatest there is."""
    magnitude = (word >> 16) % (1 << (word % 256 % (bits + 1)))
    if (word >> 9) & 15 == 0:
        magnitude = (1 << bits) - 1
    return -magnitude if (word >> 8) & 1 else magnitude


def _hex(data: bytes) -> str:
    return "0x" + data.hex()
