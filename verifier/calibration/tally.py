"""Counts of what each check refuses, honest and false. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from cupel.verifier.calibration.audits import AUDIT_CHUNKS, AUDIT_NAMES, audited, measure_audits
from cupel.verifier.calibration.bounds import caught, upper_bound
from cupel.verifier.calibration.columns import COLUMNS, PLACE
from cupel.verifier.calibration.evidence import Integers
from cupel.verifier.calibration.rules import DEPLOYED, PAPER, Rule

SURE: Final = 1 - 1e-6
PROOF_CHECKS: Final = ("exponent", "mean", "median", "constant", "off-support", "format", "repeated")
"""What our checks of one chunk's proof compare; the rest is about text, assignment and reward."""


@dataclass(frozen=True, slots=True)
class HonestRow:
    """One honest engine, or all of them."""

    name: str
    chunks: int
    refused: int
    most: Mapping[str, int]
    """The greatest number of each calibrated column."""
    audits: int
    """Whole audits of one engine's chunks."""
    audits_refused: Mapping[str, int]
    """By check of whole audits."""
    audits_most: Mapping[str, int]
    """The greatest number of each check of whole audits; 0 if all are below."""

    @property
    def refused_bound(self) -> float:
        """Upper bound of the chance that an honest chunk is refused."""
        return upper_bound(self.refused, self.chunks)

    @property
    def pooled_refused_bound(self) -> float:
        """Upper bound of the chance that an honest audit's pooled error is refused."""
        return upper_bound(self.audits_refused["pooled"], self.audits)


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
    refused_by_proof: int
    """Chunks refused by any of PROOF_CHECKS."""
    audits: int
    """Whole audits of its chunks."""
    audits_refused: Mapping[str, int]
    """Audits refused, by check of whole audits."""
    audits_accepted: int
    """Audits with something false in them that pass every check of chunks and of audits."""
    least_pooled: int
    """The smallest pooled error of an audit; 0 without any."""
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
    def audit_accepted_bound(self) -> float:
        """Upper bound of the chance that an audit of such work finds nothing, from whole audits alone."""
        return upper_bound(self.audits_accepted, self.audits)

    @property
    def verdict(self) -> str:
        """In a word: `refused` every false chunk, `caught` by any audit, `partly` refused, or `accepted`."""
        if self.false_chunks == 0:
            return "true"
        if self.accepted == 0:
            return "refused"
        if self.caught_by_audit >= SURE or (self.audits and not self.audits_accepted):
            return "caught"
        return "partly" if self.accepted < self.false_chunks else "accepted"


def tally_honest(name: str, engines: Sequence[Integers], rule: Rule) -> HonestRow:
    """Count honest chunks. engines: those of each, int64 [C, columns]; audits do not mix them."""
    values = np.concatenate(engines)
    chosen = [column.name for column in COLUMNS if column.slack is not None]
    most = {column: int(values[:, PLACE[column]].max(initial=0)) for column in chosen}
    measured = np.concatenate([measure_audits(one) for one in engines])
    refused = np.concatenate([rule.refused_audits(one) for one in engines])
    return HonestRow(
        name=name,
        chunks=len(values),
        refused=int((~rule.accepted(values)).sum()),
        most=most,
        audits=len(measured),
        audits_refused=_counts(rule.audit_limits, refused),
        audits_most=dict(zip(AUDIT_NAMES, measured.max(axis=0, initial=0).tolist(), strict=True)),
    )


def tally_cheat(name: str, title: str, values: Integers, rule: Rule, honest: Integers) -> CheatRow:
    """Count one cheat. honest: the band's chunks, int64 [C, columns]."""
    is_false = values[:, PLACE["untrue"]] > 0
    has_false = (audited(values)[..., PLACE["untrue"]] > 0).any(axis=1)
    errors = measure_audits(values)[:, AUDIT_NAMES.index("pooled")]
    return CheatRow(
        name=name,
        title=title,
        chunks=len(values),
        true_chunks=int((~is_false).sum()),
        accepted=int((rule.accepted(values) & is_false).sum()),
        accepted_by_paper=int(PAPER.accepted(values).sum()),
        accepted_by_deployed=int(DEPLOYED.accepted(values).sum()),
        refused_by=_counts(rule.limits, rule.refused(values)),
        refused_by_proof=int((~_of_proof(rule).accepted(values)).sum()),
        audits=len(errors),
        audits_refused=_counts(rule.audit_limits, rule.refused_audits(values)),
        audits_accepted=int((rule.accepted_audits(values) & has_false).sum()),
        least_pooled=int(errors.min()) if len(errors) else 0,
        within=int((_is_within(values, honest, list(rule.limits)) & is_false).sum()),
    )


def _of_proof(rule: Rule) -> Rule:
    return Rule("proof", {name: rule.limits[name] for name in PROOF_CHECKS})


def _counts(checks: Iterable[str], refused: npt.NDArray[np.bool_]) -> dict[str, int]:
    return dict(zip(checks, np.count_nonzero(refused, axis=0).tolist(), strict=True))


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
