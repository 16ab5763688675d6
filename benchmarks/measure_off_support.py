"""How often honest and forged TOPLOC proofs fail the off-support test, and which other rule sees the forged ones.

    python benchmarks/measure_off_support.py [--chunks 2000] > benchmarks/results/off_support.md

The first table compares honest values off the support with the binomial behind `allowed_landings`. The second forges:
each row is a polynomial made without the activations, tried on chunks it has not seen. A column is one rule alone:
the share of chunks in which it refuses the forgery.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cupel.protocol.spec.errors import Reason
from cupel.protocol.spec.hashing import keccak256
from cupel.protocol.spec.task import Thresholds
from cupel.protocol.spec.toploc import Proof, accept, check_off_support
from cupel.protocol.spec.toploc.activations import to_bfloat16, top_points, top_points_batch
from cupel.protocol.spec.toploc.comparison import score
from cupel.protocol.spec.toploc.off_support import DRAWS, allowed_landings
from cupel.protocol.spec.toploc.polynomial import PRIME, evaluate_batch, interpolate, interpolate_batch

K = 128
WIDTH = 64
LIMITS = {"38 / 10 / 8": Thresholds(38, 10_000, 8_000), "60 / 40 / 40": Thresholds(60, 40_000, 40_000)}

Chunks = npt.NDArray[np.floating]
Points = list[tuple[int, int]]
Random = np.random.Generator


def gaussian(random: Random, shape: tuple[int, int]) -> Chunks:
    """Independent normal activations."""
    return random.standard_normal(shape)


def one_sign(random: Random, shape: tuple[int, int]) -> Chunks:
    """Their magnitudes: the kindest case for a guess."""
    return np.abs(random.standard_normal(shape))


def heavy(random: Random, shape: tuple[int, int]) -> Chunks:
    """Student's t with three degrees of freedom."""
    return random.standard_t(3, shape)


def outlier_channels(random: Random, shape: tuple[int, int]) -> Chunks:
    """Four fixed channels of great values, the same in every row but for 8 % noise."""
    values = random.standard_normal(shape)
    channels = np.arange(shape[1]) % WIDTH
    for channel, value in ((5, 40.0), (17, -55.0), (40, 31.0), (51, -70.0)):
        place = channels == channel
        values[:, place] = value * (1 + 0.08 * random.standard_normal((shape[0], int(place.sum()))))
    return values


def two_patterns(random: Random, shape: tuple[int, int]) -> Chunks:
    """Nothing but ties."""
    return np.where(random.random(shape) < 0.3, 2.0, -2.0)


HONEST: dict[str, Callable[[Random, tuple[int, int]], Chunks]] = {
    "Gaussian": gaussian,
    "magnitudes of Gaussian": one_sign,
    "Student-t(3)": heavy,
    "outlier channels": outlier_channels,
    "two patterns": two_patterns,
}


def honest_row(name: str, elements: int, chunks: int) -> str:
    """One table row: how many honest values land, against expectation, and the most in any 16."""
    random = np.random.default_rng(elements)
    patterns = to_bfloat16(HONEST[name](random, (chunks, elements)).astype(np.float32))
    indices, values = top_points_batch(patterns, K)
    places = random.integers(0, elements, (chunks, 4 * DRAWS))
    claims = evaluate_batch(interpolate_batch(indices, values), places)
    counted = expected = landed = most = failed = 0.0
    sizes = []
    for row in range(chunks):
        keys = np.unique(values[row] >> 7)
        outside = ~np.isin(places[row], indices[row])
        lands = np.isin(claims[row] >> 7, keys) & outside
        tests = lands.reshape(-1, DRAWS).sum(axis=1)
        sizes.append(len(keys))
        counted += outside.sum()
        expected += outside.sum() * len(keys) * 128 / PRIME
        landed += lands.sum()
        most = max(most, tests.max())
        failed += (tests > allowed_landings(len(keys))).sum()
    middle = int(np.median(sizes))
    return (
        f"| {name} | {elements} | {middle} ({max(sizes)}) | {counted:.0f} | {landed:.0f} | {expected:.0f} "
        f"| {most:.0f} | {allowed_landings(middle)} | {failed:.0f} of {4 * chunks} |"
    )


@dataclass(frozen=True)
class Forgery:
    """A polynomial made from another chunk of the same model, which stands for public statistics of it."""

    name: str
    make: Callable[[Random, Points, int], list[int]]


def constant(random: Random, seen: Points, elements: int) -> list[int]:
    """The median pattern everywhere."""
    return [_typical(seen), *[0] * (K - 1)]


def low_degree(random: Random, seen: Points, elements: int) -> list[int]:
    """Of 200 polynomials of degree up to 8 the one that keeps most indices within the keys."""
    tries = np.zeros((200, K), dtype=np.int64)
    tries[:, 0] = _typical(seen)
    tries[:, 1:9] = random.integers(0, PRIME, (200, 8))
    return _best(tries, seen, elements)


def sparse(random: Random, seen: Points, elements: int) -> list[int]:
    """Of 500 binomials c + a x^120 the best: x^120 takes only 2730 values, the fewest of any allowed degree."""
    tries = np.zeros((500, K), dtype=np.int64)
    tries[:, 0] = _typical(seen)
    tries[:, 120] = random.integers(1, PRIME, 500)
    return _best(tries, seen, elements)


def constant_at_roots(random: Random, seen: Points, elements: int) -> list[int]:
    """The typical pattern at 127 indices at random, whatever it may be elsewhere: c + a (x - r_1) .. (x - r_127)."""
    places = random.permutation(elements)[:K].tolist()
    return interpolate([*((place, _typical(seen)) for place in places[1:]), (places[0], 1)])


def constant_at_seen(random: Random, seen: Points, elements: int) -> list[int]:
    """The typical pattern where the other chunk had its support."""
    return interpolate([*((index, _typical(seen)) for index, _ in seen[1:]), (seen[0][0], 1)])


def replay(random: Random, seen: Points, elements: int) -> list[int]:
    """The other chunk's proof."""
    return interpolate(seen)


FORGERIES = (
    Forgery("constant", constant),
    Forgery("degree 8", low_degree),
    Forgery("c + a x^120", sparse),
    Forgery("constant at 127 random indices", constant_at_roots),
    Forgery("constant at another chunk's support", constant_at_seen),
    Forgery("another chunk's proof", replay),
)


def _typical(seen: Points) -> int:
    return sorted(pattern for _, pattern in seen)[len(seen) // 2]


def _best(tries: npt.NDArray[np.int64], seen: Points, elements: int) -> list[int]:
    places = np.tile(np.arange(0, elements, max(1, elements // 500)), (len(tries), 1))
    keys = np.unique([pattern >> 7 for _, pattern in seen])
    coverage = np.isin(evaluate_batch(tries, places) >> 7, keys).mean(axis=1)
    best: list[int] = tries[int(coverage.argmax())].tolist()
    return best


def forged_row(forgery: Forgery, name: str, elements: int, chunks: int) -> str:
    """One table row: the share of chunks in which each rule refuses the forgery."""
    random = np.random.default_rng(elements + 1)
    refused = dict.fromkeys(("degenerate", *LIMITS, "constant", "off support"), 0)
    every = to_bfloat16(HONEST[name](random, (2 * chunks, elements)).astype(np.float32))
    for chunk in range(chunks):
        seen, support = top_points(every[2 * chunk], K), top_points(every[2 * chunk + 1], K)
        coefficients = forgery.make(random, seen, elements)
        claims = evaluate_batch(np.array([coefficients]), np.array([[index for index, _ in support]]))[0]
        result = score(claims.tolist(), support, elements)
        refused["degenerate"] += Proof(tuple(coefficients)).is_degenerate
        refused["constant"] += result.penalty >= result.constant_penalty > 0
        seed = keccak256(chunk.to_bytes(4, "big"))
        refused["off support"] += check_off_support(coefficients, support, elements, seed) is not None
        for limits, thresholds in LIMITS.items():
            rejected = accept(result, thresholds)
            refused[limits] += rejected is not None and rejected.reason is not Reason.TOPLOC_CONSTANT
    shares = " | ".join(f"{count / chunks:.2f}" for count in refused.values())
    return f"| {forgery.name} | {name} | {elements} | {shares} |"


def main() -> None:
    """Print two Markdown tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--chunks", type=int, default=2000)
    arguments = parser.parse_args()
    print(
        "| honest chunks | elements | keys, median (most) | values | land | expected | most of 16 | allowed | fail |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for name in HONEST:
        for elements in (192, 1984, 8192):
            print(honest_row(name, elements, arguments.chunks * 1984 // max(1984, elements)))
    print()
    print(
        f"| forgery | activations | elements | degenerate | {' | '.join(LIMITS)} | constant | off support |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for forgery in FORGERIES:
        for name in ("Gaussian", "magnitudes of Gaussian", "outlier channels"):
            for elements in (192, 1984):
                print(forged_row(forgery, name, elements, max(10, arguments.chunks // 20)))


if __name__ == "__main__":
    main()
