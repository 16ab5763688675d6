"""Proofs and supports to be judged: honest ones, and those with every fault of form."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.hashing import keccak256
from cupel.protocol.spec.task import Thresholds
from cupel.protocol.spec.toploc import build_proof, encode_support, judge, judge_off_support
from cupel.protocol.spec.toploc.activations import MAX_ELEMENTS, Patterns, top_points
from cupel.protocol.spec.toploc.polynomial import PRIME, interpolate
from cupel.protocol.spec.toploc.proof import Proof
from cupel.protocol.testing.toploc_vectors import likely_patterns, ramp_patterns

Points = Sequence[tuple[int, int]]

K: Final = 16
SEED: Final = keccak256(b"seed")
LOOSE: Final = Thresholds(128, 128_000, 128_000)
STRICT: Final = Thresholds(0, 0, 0)


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


def _reason(rejected: Rejected | None) -> str:
    return "" if rejected is None else rejected.reason.value


def through(points: Points, claims: Sequence[int]) -> bytes:
    """The proof that claims `claims` at the indices of `points`."""
    indices = [index for index, _ in points]
    return Proof(tuple(interpolate(list(zip(indices, claims, strict=True))))).to_bytes()


def support_of(patterns: Patterns, k: int) -> bytes:
    """The bytes of a chunk's support."""
    return encode_support(top_points(patterns, k))


def honest_cases() -> Iterator[Case]:
    """Equal, near and foreign activations; full, small and large chunks; kind and odd ones."""
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
        yield Case(f"{name}, equal", proof, support_of(patterns, k), elements, k, STRICT)
        nudged = patterns ^ (np.arange(elements) % 5 == 0).astype(np.uint16)
        yield Case(f"{name}, a little off", proof, support_of(nudged, k), elements, k, limits)
        yield Case(
            f"{name}, of another model", proof, support_of(np.roll(patterns, 7), k), elements, k, limits
        )
    ramp = ramp_patterns(0, 32 * 256)
    yield Case("many exponents", build_proof(ramp, 128), support_of(ramp, 128), ramp.size, 128, STRICT)
    negative = likely_patterns(512) | np.uint16(0x8000)
    yield Case("negative only", build_proof(negative, 128), support_of(negative, 128), 512, 128, STRICT)
    greatest = Proof((PRIME - 1,) * 128).to_bytes()
    yield Case(
        "greatest coefficients", greatest, support_of(likely_patterns(MAX_ELEMENTS), 128), MAX_ELEMENTS, 128
    )
    ties = np.array([0x3F80, 0xBF80] * 40, dtype=np.uint16)
    yield Case("nothing but ties", build_proof(ties, K), support_of(ties, K), 80)


def form_cases() -> Iterator[Case]:
    """Proofs with every fault of form."""
    patterns = likely_patterns(64)
    support = support_of(patterns, K)
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
    support = support_of(patterns, K + 1)
    for place, coefficient in ((K // 2 - 1, 0xFF), (K // 2, 0x0100), (K // 2, 0x01), (K, 0x0100)):
        coefficients = tuple(coefficient if i == place else 0 for i in range(K + 1))
        name = f"proof: of 17, only number {place}: {coefficient}"
        yield Case(name, Proof(coefficients).to_bytes(), support, 64, K + 1)


def list_cases() -> Iterator[Case]:
    """Supports with every fault of form, or with what is not finite."""
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
