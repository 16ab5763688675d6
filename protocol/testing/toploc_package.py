"""Golden vectors of the toploc package: inputs on which it leaves no choice, and what it makes of them.

The package is not installed with Cupel. tests/vectors/toploc_package.json was written by 0.1.6 itself, built from its
source (`make differential-toploc` checks that); the tests of `cupel.protocol.toploc_compat` read it. Inputs have no
equal magnitudes at the edge of a selection, where the package's choice depends on the machine, and no random draws.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from cupel.protocol.spec.toploc.activations import Patterns
from cupel.protocol.spec.toploc.polynomial import PRIME
from cupel.protocol.testing.toploc_vectors import ramp_patterns

ToTensor = Callable[[Patterns, str], Any]
"""Patterns and the name of a 16-bit type to a torch tensor of them."""


@dataclass(frozen=True)
class PackageCase:
    """One call: `steps` are the list's elements, or the rows of one tensor."""

    name: str
    steps: list[Patterns]
    is_tensor: bool
    batch: int
    topk: int
    skip_prefill: bool
    dtype: str = "bfloat16"

    def activations(self, to_tensor: ToTensor, changed: bool = False) -> Any:
        """What the package is called with; `changed`: as somebody else recomputes it, close but not equal."""
        steps = [_shuffled(step) for step in self.steps] if changed else self.steps
        if self.is_tensor:
            return to_tensor(np.stack(steps), self.dtype)
        return [to_tensor(step, self.dtype) for step in steps]

    def outcome(self, package: Any, to_tensor: ToTensor) -> dict[str, Any]:
        """The package's proofs, and its results for equal and for changed activations."""
        arguments = (self.batch, self.topk, self.skip_prefill)
        activations = self.activations(to_tensor)
        proofs = package.build_proofs_bytes(activations, *arguments)
        outcome: dict[str, Any] = {"name": self.name, "proofs": ["0x" + proof.hex() for proof in proofs]}
        if self.dtype == "bfloat16" and proofs and any(proofs[0]):
            for key, recomputed in (("equal", activations), ("changed", self.activations(to_tensor, True))):
                results = package.verify_proofs_bytes(recomputed, proofs, *arguments)
                outcome[key] = [[r.exp_mismatches, r.mant_err_mean, r.mant_err_median] for r in results]
        return outcome


def package_cases() -> list[PackageCase]:
    """All calls."""
    prefill = ramp_patterns(9, 7 * 64).reshape(7, 64)
    rows = list(ramp_patterns(0, 17 * 256).reshape(17, 256))
    return [
        PackageCase("rows without prefill", rows, True, 4, 128, True),
        PackageCase("first row as prefill", rows, True, 5, 16, False),
        PackageCase("steps without prefill", rows, False, 4, 128, True),
        PackageCase("prefill and steps", [prefill, *rows[:9]], False, 4, 31, False),
        PackageCase("prefill alone", [prefill], False, 4, 128, False),
        PackageCase("one point", rows[:3], True, 2, 1, True),
        PackageCase("steps of several shapes", [prefill, rows[0], prefill[:3]], False, 2, 128, True),
        PackageCase("nothing", [], False, 4, 128, True),
        PackageCase("float16", _planted([]), True, 32, 128, True, "float16"),
        PackageCase("fewer elements than points", rows[:5], True, 4, 257, True),
        PackageCase("folded by 65496", _planted([PRIME]), True, 32, 128, True),
        PackageCase("folded lower", _planted(list(range(PRIME, PRIME - 20, -1))), True, 32, 128, True),
        PackageCase("folded prefill", [np.concatenate(_planted([PRIME]))], False, 32, 128, False),
        PackageCase("large and not folded", _planted([]), True, 32, 128, True),
    ]


def package_vectors(package: Any, to_tensor: ToTensor) -> list[dict[str, Any]]:
    """The object of tests/vectors/toploc_package.json, by the package or by what claims to equal it."""
    return [case.outcome(package, to_tensor) for case in package_cases()]


def _planted(collisions: list[int]) -> list[Patterns]:
    """33 rows of 5120; among the 128 greatest of the first 32, pairs `collisions` apart."""
    flat = ramp_patterns(1, 33 * 5120) & np.uint16(0x9FFF)
    first = 11
    indices = [first, *(first + distance for distance in collisions)]
    indices += [1013 * step + 400 for step in range(1, 129 - len(indices))]
    indices += [32 * 5120 + 37 * step for step in range(128)]
    flat[indices] = (np.arange(len(indices)) * 3 + 0x4000) ^ (np.arange(len(indices)) % 2 << 15)
    return list(flat.reshape(33, 5120))


def _shuffled(patterns: Patterns) -> Patterns:
    """Magnitudes exchanged within groups of eight neighbours, so that no two become equal."""
    magnitude = patterns & np.uint16(0x7FFF)
    group = magnitude >> 3
    return ((patterns & 0x8000) | (group << 3) | ((magnitude * 5 + group) & 7)).astype(np.uint16)
