"""Golden vectors of the TOPLOC verdict: every reason, every threshold at its edge, every fault of a support list.

A proof through chosen claims at the support's indices makes the comparison come out as wanted.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.hashing import keccak256
from cupel.protocol.spec.task import Thresholds
from cupel.protocol.spec.toploc import build_proof, encode_support, judge, judge_off_support
from cupel.protocol.spec.toploc.activations import MAX_ELEMENTS, top_points
from cupel.protocol.spec.toploc.comparison import score
from cupel.protocol.spec.toploc.off_support import DRAWS, MOST_KEYS, allowed_landings, draw_indices
from cupel.protocol.spec.toploc.polynomial import PRIME, interpolate
from cupel.protocol.spec.toploc.proof import Proof
from cupel.protocol.testing.toploc_vectors import likely_patterns, ramp_patterns

Points = Sequence[tuple[int, int]]

K: Final = 16
SEED: Final = keccak256(b"seed")
LOOSE: Final = Thresholds(128, 128_000, 128_000)
STRICT: Final = Thresholds(0, 0, 0)
OUTCOMES: Final = (
    None,
    Reason.TOPLOC_LENGTH,
    Reason.TOPLOC_MODULUS,
    Reason.TOPLOC_COEFFICIENT,
    Reason.TOPLOC_DEGENERATE,
    Reason.TOPLOC_NON_FINITE,
    Reason.TOPLOC_EXPONENT,
    Reason.TOPLOC_MANTISSA_MEAN,
    Reason.TOPLOC_MANTISSA_MEDIAN,
    Reason.TOPLOC_CONSTANT,
    Reason.TOPLOC_OFF_SUPPORT,
)
"""What the contract's enum names, in its order. TOPLOC_SUPPORT is missing: there it reverts."""


@dataclass(frozen=True, slots=True)
class Case:
    """A proof, a support and what they are judged by."""

    name: str
    proof: bytes
    support: bytes
    elements: int
    k: int = K
    thresholds: Thresholds = LOOSE
    seed: bytes = SEED

    def as_json(self) -> dict[str, Any]:
        """The case with its outcomes; an empty reason is acceptance."""
        verdict = judge(self.proof, self.support, self.k, self.elements, self.thresholds)
        chance = judge_off_support(self.proof, self.support, self.k, self.elements, self.seed)
        return {
            "name": self.name,
            "topk": self.k,
            "elements": self.elements,
            "proof": "0x" + self.proof.hex(),
            "support": "0x" + self.support.hex(),
            "thresholds": list(dataclasses.astuple(self.thresholds)),
            "seed": "0x" + self.seed.hex(),
            "reason": _reason(verdict),
            "off_support_reason": _reason(chance),
        }


def verdict_vectors() -> dict[str, Any]:
    """The object of tests/vectors/toploc_verdict.json."""
    parts = (_honest(), _forms(), _lists(), _edges(K), _edges(K + 1), _constants(), _short(), _off_support())
    return {
        "outcomes": ["" if reason is None else reason.value for reason in OUTCOMES],
        "allowed_landings": [allowed_landings(keys) for keys in range(130)],
        "cases": [case.as_json() for part in parts for case in part],
    }


def _reason(rejected: Rejected | None) -> str:
    return "" if rejected is None else rejected.reason.value


def _through(points: Points, claims: Sequence[int]) -> bytes:
    """The proof that claims `claims` at the indices of `points`."""
    indices = [index for index, _ in points]
    return Proof(tuple(interpolate(list(zip(indices, claims, strict=True))))).to_bytes()


def _honest() -> Iterator[Case]:
    limits = Thresholds(38, 10_000, 8_000)
    for k, elements in (
        (128, MAX_ELEMENTS),
        (128, 1984),
        (128, 129),
        (128, 128),
        (127, 1000),
        (17, 64),
        (K, K),
    ):
        patterns = likely_patterns(elements)
        proof = build_proof(patterns, k)
        name = f"{k} points of {elements} elements"
        yield Case(f"{name}, equal", proof, _support(patterns, k), elements, k, STRICT)
        nudged = patterns ^ (np.arange(elements) % 5 == 0).astype(np.uint16)
        yield Case(f"{name}, a little off", proof, _support(nudged, k), elements, k, limits)
        yield Case(f"{name}, of another model", proof, _support(np.roll(patterns, 7), k), elements, k, limits)
    ramp = ramp_patterns(0, 32 * 256)
    yield Case("many exponents", build_proof(ramp, 128), _support(ramp, 128), ramp.size, 128, STRICT)
    negative = likely_patterns(512) | np.uint16(0x8000)
    yield Case("negative only", build_proof(negative, 128), _support(negative, 128), 512, 128, STRICT)
    greatest = Proof((PRIME - 1,) * 128).to_bytes()
    yield Case(
        "greatest coefficients", greatest, _support(likely_patterns(MAX_ELEMENTS), 128), MAX_ELEMENTS, 128
    )
    ties = np.array([0x3F80, 0xBF80] * 40, dtype=np.uint16)
    yield Case("nothing but ties", build_proof(ties, K), _support(ties, K), 80)


def _support(patterns: np.ndarray[Any, np.dtype[np.uint16]], k: int) -> bytes:
    return encode_support(top_points(patterns, k))


def _forms() -> Iterator[Case]:
    patterns = likely_patterns(64)
    support = _support(patterns, K)
    good = build_proof(patterns, K)
    prime = PRIME.to_bytes(2, "big")
    for name, proof in (
        ("empty", b""),
        ("one byte short", good[:-1]),
        ("one coefficient long", good + b"\0\0"),
        ("null modulus", bytes(2) + good[2:]),
        ("modulus and coefficient wrong", b"\xff\xda" + good[2:-2] + prime),
        ("first coefficient equal to the prime", good[:2] + prime + good[4:]),
        ("last coefficient equal to the prime", good[:-2] + prime),
        ("coefficient 65535 of a degenerate proof", good[:2] + b"\xff\xff" + bytes(30)),
        ("null proof", good[:2] + bytes(32)),
        ("constant", good[:2] + b"\x40\x80" + bytes(30)),
        ("upper half zero", good[:18] + bytes(16)),
        ("one in the middle", good[:2] + bytes(16) + b"\0\1" + bytes(14)),
        ("one at the end", good[:2] + bytes(30) + b"\0\1"),
    ):
        yield Case(f"proof: {name}", proof, support, 64)
        if not proof:
            yield Case(f"proof: {name}, and no support", proof, b"", 64)
    support = _support(patterns, K + 1)
    for place, coefficient in ((K // 2 - 1, 0xFF), (K // 2, 0x0100), (K // 2, 0x01), (K, 0x0100)):
        coefficients = tuple(coefficient if i == place else 0 for i in range(K + 1))
        name = f"proof: of 17, only number {place}: {coefficient}"
        yield Case(name, Proof(coefficients).to_bytes(), support, 64, K + 1)


def _lists() -> Iterator[Case]:
    patterns = likely_patterns(64)
    points = top_points(patterns, K)
    good = build_proof(patterns, K)
    first, second = points[0], points[1]
    least = points[-1][1] & 0x7FFF
    for name, changed in (
        ("one point short", points[:-1]),
        ("one point long", [*points, (63, 0)]),
        ("first two swapped", [second, first, *points[2:]]),
        ("last two swapped", [*points[:-2], points[-1], points[-2]]),
        ("a point twice", [*points[:-1], points[-2]]),
        ("an index twice", [*points[:-1], (points[-2][0], least - 1)]),
        ("first and last index equal", [*points[:-1], (first[0], least - 1)]),
        ("equal magnitudes by falling index", [*points[:-2], (9, least), (8, least)]),
        ("first index outside", [(64, 0x7F00), *points[1:]]),
        ("last index outside", [*points[:-1], (64, least - 1)]),
        ("greatest index outside", [*points[:-1], (0xFFFF, least - 1)]),
        ("infinity out of order", [*points[:-1], (points[-1][0], 0x7F80)]),
        ("infinity", [(first[0], 0x7F80), *points[1:]]),
        ("negative infinity", [(first[0], 0xFF80), *points[1:]]),
        ("not a number", [(first[0], 0x7FC0), *points[1:]]),
        ("not a number and an index twice", [(second[0], 0x7FC0), *points[1:]]),
        ("greatest finite", [(first[0], 0x7F7F), *points[1:]]),
    ):
        yield Case(f"support: {name}", good, encode_support(changed), 64)


def _edges(k: int) -> Iterator[Case]:
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
    yield Case(name, _through(points, claims), encode_support(points), 300, len(points), limits)


def _off_by(pattern: int, error: int) -> int:
    """A claim of the same sign and exponent whose mantissa differs by `error`."""
    return pattern + error if (pattern & 0x7F) + error < 0x80 else pattern - error


def _constants() -> Iterator[Case]:
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
            yield Case(
                f"constant: {name}, {offset:+d}", _through(points, claims), encode_support(points), 200
            )
    same = [(index, 0x4000) for index in range(3, 3 + K)]
    claims = [0x4000 + index % 3 for index in range(K)]
    yield Case("constant: one pattern, nothing to beat", _through(same, claims), encode_support(same), 200)


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


def _short() -> Iterator[Case]:
    """Chunks of fewer elements than points."""
    for elements in (1, 2, 5, 15):
        patterns = likely_patterns(elements)
        points = top_points(patterns, K)
        right = [pattern for _, pattern in points]
        name, support = f"short chunk of {elements}", encode_support(points)
        yield Case(f"{name}, equal", _through(points, right), support, elements, thresholds=STRICT)
        for mismatches in (0, 1):
            wrong = [*right[:-1], 0x3F80]
            limits = dataclasses.replace(LOOSE, max_exponent_mismatches=mismatches)
            yield Case(
                f"{name}, one wrong behind, {mismatches} allowed",
                _through(points, wrong),
                support,
                elements,
                thresholds=limits,
            )
        near = [*right[:elements], *range(7, 7 + K - elements)]
        yield Case(f"{name}, near zero behind", _through(points, near), support, elements, thresholds=STRICT)
        guess = [right[0]] * K
        yield Case(f"{name}, a constant", _through(points, [*guess[:-1], 1]), support, elements)
        for fault, changed in (
            ("negative zero behind", [*points[:-1], (K - 1, 0x8000)]),
            ("index behind", [*points[:-1], (K, 0)]),
            ("own index behind", [*points[:-1], (0, 0)]),
        ):
            yield Case(f"{name}, {fault}", _through(points, right), encode_support(changed), elements)
    zeros = np.zeros(40, dtype=np.uint16)
    claims = [pattern & 0x80FF for pattern in likely_patterns(K).tolist()]
    yield Case("zeros only", _through(top_points(zeros, K), claims), _support(zeros, K), 40)
    zeros[3:9] = 0x8000
    points = top_points(zeros[:12], K)
    yield Case("zeros of both signs, short", _through(points, claims), encode_support(points), 12)


def _off_support() -> Iterator[Case]:
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
