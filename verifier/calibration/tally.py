"""Counts of what each check refuses, honest and false. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from cupel.verifier.calibration.bounds import caught, upper_bound
from cupel.verifier.calibration.columns import COLUMNS, PLACE
from cupel.verifier.calibration.evidence import Integers
from cupel.verifier.calibration.rules import DEPLOYED, PAPER, Rule

AUDIT_CHUNKS: Final = 64
"""Chunks of an audit: what `cupel verifier` recomputes of a submission by default, of one chunk each."""
SURE: Final = 1 - 1e-6


@dataclass(frozen=True, slots=True)
class HonestRow:
    """One honest engine, or all of them."""

    name: str
    chunks: int
    refused: int
    most: Mapping[str, int]
    """The greatest number of each calibrated column."""

    @property
    def refused_bound(self) -> float:
        """Upper bound of the chance that an honest chunk is refused."""
        return upper_bound(self.refused, self.chunks)


@dataclass(frozen=True, slots=True)
class CheatRow:
    """One cheat against every check."""

    name: str
    title: str
    chunks: int
    true_chunks: int
    """Chunks equal to an honest node's to the bit: nothing false stands in them, and no check can refuse them."""
    accepted: int
    """False chunks that every check accepts."""
    accepted_by_paper: int
    accepted_by_deployed: int
    """All chunks that the published rules accept."""
    refused_by: Mapping[str, int]
    """Chunks refused, by check."""
    pooled: int
    """Audits of AUDIT_CHUNKS chunks, and"""
    pooled_refused: int
    """those whose mean error is beyond the honest audits'."""
    within: int
    """False chunks that lie, in every check, no farther out than one and the same honest chunk: whatever limits are
    chosen, who refuses these refuses honest work."""

    @property
    def false_chunks(self) -> int:
        """Chunks in which something could be found."""
        return self.chunks - self.true_chunks

    @property
    def accepted_bound(self) -> float:
        """Upper bound of the chance that a false chunk is accepted."""
        return upper_bound(self.accepted, self.false_chunks)

    @property
    def caught_by_audit(self) -> float:
        """Least chance that an audit of AUDIT_CHUNKS finds something, true chunks counted as lost draws."""
        return caught(self.false_chunks - self.accepted, self.chunks, AUDIT_CHUNKS)

    @property
    def verdict(self) -> str:
        """In a word: `refused` every false chunk, `caught` by any audit, `partly` refused, or `accepted`."""
        if self.false_chunks == 0:
            return "true"
        if self.accepted == 0:
            return "refused"
        if self.caught_by_audit >= SURE:
            return "caught"
        return "partly" if self.accepted < self.false_chunks else "accepted"


def tally_honest(name: str, values: Integers, rule: Rule) -> HonestRow:
    """Count one group of honest chunks."""
    chosen = [column.name for column in COLUMNS if column.slack is not None]
    most = {column: int(values[:, PLACE[column]].max(initial=0)) for column in chosen}
    return HonestRow(name, len(values), int((~rule.accepted(values)).sum()), most)


def pooled(values: Integers) -> Integers:
    """Mean mantissa error of whole audits, summed over AUDIT_CHUNKS chunks each, in thousandths: [audits]."""
    audits = len(values) // AUDIT_CHUNKS
    errors = values[: audits * AUDIT_CHUNKS, PLACE["mean"]]
    sums: Integers = errors.reshape(audits, AUDIT_CHUNKS).sum(axis=1)
    return sums


def pooled_limit(engines: Sequence[Integers], headroom_percent: int) -> int:
    """The greatest pooled error of an honest engine, and headroom. A node runs one engine, so they are not mixed."""
    most = max(int(pooled(values).max(initial=0)) for values in engines)
    return most + -(-most * headroom_percent // 100)


def tally_cheat(
    name: str, title: str, values: Integers, rule: Rule, honest: Integers, most_pooled: int
) -> CheatRow:
    """Count one cheat. honest: the band's chunks, int64 [C, columns]; most_pooled: as `pooled_limit`."""
    is_false = values[:, PLACE["untrue"]] > 0
    refused = rule.refused(values)
    audits = pooled(values)
    return CheatRow(
        name=name,
        title=title,
        chunks=len(values),
        true_chunks=int((~is_false).sum()),
        accepted=int((rule.accepted(values) & is_false).sum()),
        accepted_by_paper=int(PAPER.accepted(values).sum()),
        accepted_by_deployed=int(DEPLOYED.accepted(values).sum()),
        refused_by=dict(zip(rule.limits, np.count_nonzero(refused, axis=0).tolist(), strict=True)),
        pooled=len(audits),
        pooled_refused=int((audits > most_pooled).sum()),
        within=int((_is_within(values, honest, list(rule.limits)) & is_false).sum()),
    )


def _is_within(values: Integers, honest: Integers, checks: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Which chunks are, in every check at once, no farther than one and the same honest chunk: [C]."""
    places = [PLACE[name] for name in checks]
    corners = _outermost(np.unique(honest[:, places], axis=0))
    found = np.zeros(len(values), dtype=bool)
    for corner in corners:
        found |= (values[:, places] <= corner).all(axis=1)
    return found


def _outermost(points: Integers) -> Integers:
    """The points that no other point reaches beyond in every coordinate. points: [P, checks], different ones."""
    kept: list[Integers] = []
    for point in points[np.argsort(-points.sum(axis=1), kind="stable")]:
        if not any((point <= other).all() for other in kept):
            kept.append(point)
    return np.array(kept, dtype=np.int64).reshape(len(kept), points.shape[1])
