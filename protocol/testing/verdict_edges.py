"""Verdicts at the edge of every limit. A proof through chosen claims makes the comparison come out as wanted."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from cupel.protocol.spec.task import Thresholds
from cupel.protocol.spec.toploc import encode_support
from cupel.protocol.spec.toploc.activations import top_points
from cupel.protocol.spec.toploc.comparison import score
from cupel.protocol.spec.toploc.off_support import DRAWS, MOST_KEYS, allowed_landings, draw_indices
from cupel.protocol.spec.toploc.polynomial import interpolate
from cupel.protocol.spec.toploc.proof import Proof
from cupel.protocol.testing.toploc_vectors import likely_patterns
from cupel.protocol.testing.verdict_cases import LOOSE, SEED, STRICT, Case, K, Points, support_of, through


def edge_cases(k: int) -> Iterator[Case]:
    """Eleven of k agree and err by 0, 0, 0, 1, 1, 2, 3, 5, 8, 13, 21."""
    points = top_points(likely_patterns(300), k)
    errors = (0, 0, 0, 1, 1, 2, 3, 5, 8, 13, 21)
    claims = [_off_by(pattern, error) for (_, pattern), error in zip(points, errors, strict=False)]
    claims += [pattern ^ 0x8000 for _, pattern in points[len(errors) :]]
    result = score(claims, points, 300)
    mean = -(-1000 * result.mantissa_error_sum // result.agreeing)
    met = Thresholds(result.exponent_mismatches, mean, 1000 * result.mantissa_median)
    yield from _judged_by(f"{k} points, all limits met", points, claims, met)
    names = ("max_exponent_mismatches", "max_mantissa_mean_thousandths", "max_mantissa_median_thousandths")
    for name in names:
        for offset in (-1, 0, 1):
            limits = dataclasses.replace(LOOSE, **{name: getattr(met, name) + offset})
            yield from _judged_by(f"{k} points, {name} {offset:+d}", points, claims, limits)
    for below in (names, names[1:]):
        limits = dataclasses.replace(met, **{name: getattr(met, name) - 1 for name in below})
        yield from _judged_by(f"{k} points, below {' and '.join(below)}", points, claims, limits)
    negated = [pattern ^ 0x8000 for _, pattern in points]
    for limits in (
        LOOSE,
        Thresholds(k - 1, 128_000, 128_000),
        Thresholds(k, 127_999, 128_000),
        Thresholds(k, 128_000, 127_999),
        Thresholds(2**32 - 1, 2**32 - 1, 2**32 - 1),
    ):
        name = f"{k} points, no claim agrees, limits {dataclasses.astuple(limits)}"
        yield from _judged_by(name, points, negated, limits)
    for agreeing in (1, 2):
        some = [pattern ^ 0x8000 * (place >= agreeing) for place, (_, pattern) in enumerate(points)]
        some[0] = _off_by(some[0], 4)
        for limit in (3_999, 4_000):
            name = f"{k} points, {agreeing} agree, median {limit}"
            yield from _judged_by(name, points, some, Thresholds(k, 128_000, limit))


def _judged_by(name: str, points: Points, claims: Sequence[int], limits: Thresholds) -> Iterator[Case]:
    yield Case(name, through(points, claims), encode_support(points), 300, len(points), limits)


def _off_by(pattern: int, error: int) -> int:
    """A claim of the same sign and exponent whose mantissa differs by `error`."""
    return pattern + error if (pattern & 0x7F) + error < 0x80 else pattern - error


def constant_cases() -> Iterator[Case]:
    """Supports of one, two and many keys, and claims as good as the best constant, one better and one worse."""
    wide = [0x4000 - 3 * place for place in range(1, K + 1)]
    for name, patterns in (
        ("one key", wide),
        ("two signs", [pattern | 0x8000 * (place % 3 == 0) for place, pattern in enumerate(wide)]),
        ("negative", [pattern | 0x8000 for pattern in wide]),
        ("two exponents", [pattern + 0x40 * (place < 5) for place, pattern in enumerate(wide)]),
        ("an exponent each", [0x4000 - 0x80 * place for place in range(K)]),
        ("both signs of an exponent", [0x4000 - 0x40 * place | 0x8000 * (place % 2) for place in range(K)]),
    ):
        points = [(5 * place + 3, pattern) for place, pattern in enumerate(sorted(patterns, key=_falling))]
        target = score([pattern for _, pattern in points], points, 200).constant_penalty
        for offset in (-1, 0, 1):
            claims = _claims_of_penalty(points, target + offset)
            yield Case(f"constant: {name}, {offset:+d}", through(points, claims), encode_support(points), 200)
    same = [(index, 0x4000) for index in range(3, 3 + K)]
    claims = [0x4000 + index % 3 for index in range(K)]
    yield Case("constant: one pattern, nothing to beat", through(same, claims), encode_support(same), 200)


def _falling(pattern: int) -> int:
    return -(pattern & 0x7FFF)


def _claims_of_penalty(points: Points, penalty: int) -> list[int]:
    """Claims whose penalty is as given: disagreement first, the rest in errors."""
    claims = []
    for _, pattern in points:
        error = min(penalty, 128)
        room = max(pattern & 0x7F, 0x7F - (pattern & 0x7F))
        if error == 128:
            claims.append(pattern ^ 0x8000)
        else:
            error = min(error, room)
            claims.append(_off_by(pattern, error))
        penalty -= error
    assert penalty == 0, f"{penalty} too much"
    return claims


def short_cases() -> Iterator[Case]:
    """Chunks of fewer elements than points."""
    for elements in (1, 2, 5, 15):
        patterns = likely_patterns(elements)
        points = top_points(patterns, K)
        right = [pattern for _, pattern in points]
        name, support = f"short chunk of {elements}", encode_support(points)
        yield Case(f"{name}, equal", through(points, right), support, elements, thresholds=STRICT)
        for mismatches in (0, 1):
            wrong = [*right[:-1], 0x3F80]
            limits = dataclasses.replace(LOOSE, max_exponent_mismatches=mismatches)
            yield Case(
                f"{name}, one wrong behind, {mismatches} allowed",
                through(points, wrong),
                support,
                elements,
                thresholds=limits,
            )
        near = [*right[:elements], *range(7, 7 + K - elements)]
        yield Case(f"{name}, near zero behind", through(points, near), support, elements, thresholds=STRICT)
        guess = [right[0]] * K
        yield Case(f"{name}, a constant", through(points, [*guess[:-1], 1]), support, elements)
        for fault, changed in (
            ("negative zero behind", [*points[:-1], (K - 1, 0x8000)]),
            ("index behind", [*points[:-1], (K, 0)]),
            ("own index behind", [*points[:-1], (0, 0)]),
        ):
            yield Case(f"{name}, {fault}", through(points, right), encode_support(changed), elements)
    zeros = np.zeros(40, dtype=np.uint16)
    claims = [pattern & 0x80FF for pattern in likely_patterns(K).tolist()]
    yield Case("zeros only", through(top_points(zeros, K), claims), support_of(zeros, K), 40)
    zeros[3:9] = 0x8000
    points = top_points(zeros[:12], K)
    yield Case("zeros of both signs, short", through(points, claims), encode_support(points), 12)


def off_support_cases() -> Iterator[Case]:
    """Polynomials through chosen values at the drawn indices."""
    for name, patterns in (
        ("one key", [0x4000] * K),
        ("two keys", [0x4000 | 0x8000 * (place % 2) for place in range(K)]),
        ("an exponent each", [0x4000 - 0x80 * place for place in range(K)]),
    ):
        points = [(place, pattern) for place, pattern in enumerate(patterns)]
        allowed = allowed_landings(len({pattern >> 7 for pattern in patterns}))
        for landings in (0, allowed, allowed + 1, DRAWS):
            yield _landing(f"off support: {name}, {landings} land", points, landings, 5000)
    for allowed in range(4, DRAWS - 1):
        for keys in (MOST_KEYS[allowed], MOST_KEYS[allowed] + 1):
            points = [(place, 0x7F00 - 0x80 * min(place, keys - 1)) for place in range(max(K, keys))]
            yield _landing(f"off support: {keys} keys, {allowed + 1} land", points, allowed + 1, 5000)
    points = [(place, 0x4000) for place in range(K)]
    for elements in (K + 1, K + 4, K + 5, 40):
        yield _landing(f"off support: all land in a chunk of {elements}", points, DRAWS, elements)


def _landing(name: str, points: Points, landings: int, elements: int) -> Case:
    """A case in which `landings` values land, or all there are in a small chunk."""
    drawn = draw_indices(SEED, elements, points)
    lands = points[0][1]
    values = [
        (index, lands + place if place < landings else 0x2000 + 7 * place * place)
        for place, index in enumerate(drawn)
    ]
    rest = [(index, 0x0100 + index) for index, _ in points]
    proof = Proof(tuple(interpolate((values + rest)[: len(points)]))).to_bytes()
    return Case(name, proof, encode_support(points), elements, len(points))
