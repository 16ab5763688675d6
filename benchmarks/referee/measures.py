"""One population of proofs beside the referee: worst and mean TOPLOC numbers, and how many pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.task import Thresholds
from cupel.protocol.spec.toploc import Comparison, accept

HEADER = (
    "| claim | chunks | exponents mean / most | mantissa mean mean / most | median most | pass |\n"
    "|---|---|---|---|---|---|"
)


@dataclass(frozen=True, slots=True)
class Population:
    """Comparisons of one kind of claim; `malformed` proofs did not decode."""

    name: str
    comparisons: tuple[Comparison, ...]
    malformed: int

    def row(self, thresholds: Thresholds) -> str:
        """A row under HEADER. The share that passes is under these thresholds."""
        ones, total = self.comparisons, len(self.comparisons) + self.malformed
        if not ones:
            return f"| {self.name} | {total} | | | | 0 of {total} |"
        exponents = [one.exponent_mismatches for one in ones]
        means = [one.mantissa_mean for one in ones]
        passed = sum(accept(one, thresholds) is None for one in ones)
        return (
            f"| {self.name} | {total} | {sum(exponents) / len(ones):.3f} / {max(exponents)} "
            f"| {sum(means) / len(ones):.4f} / {max(means):.4f} "
            f"| {max(one.mantissa_median for one in ones)} | {passed} of {total} |"
        )


def population(name: str, results: Sequence[list[Comparison] | Rejected]) -> Population:
    """From what `compare_batch` says of each completion."""
    comparisons = [one for result in results if not isinstance(result, Rejected) for one in result]
    return Population(name, tuple(comparisons), sum(isinstance(result, Rejected) for result in results))
