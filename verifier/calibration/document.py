"""A calibration as a document: TOML for plans and people, the same as one JSON object for programs. Pure."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any, Final

from cupel.protocol.task.criteria import Criteria, Scope, Tolerance
from cupel.verifier.calibration.audits import AUDIT_CHUNKS
from cupel.verifier.calibration.bounds import CONFIDENCE
from cupel.verifier.calibration.rules import DEPLOYED, PAPER, Rule, pooling_of, thresholds_of
from cupel.verifier.calibration.tally import CheatRow, HonestRow

_HEADING: Final = """\
# Validation criteria, made by `cupel calibrate`. A plan takes them: `thresholds = "this file"` under [spec].
# What the tables mean: docs/calibration.md
"""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was found."""

    scope: Scope
    rule: Rule
    checkpoint_sha256: str
    seed: int
    headroom_percent: int
    software: str
    """Of the machine that measured: PyTorch's version and the processor's architecture."""
    chosen_from: HonestRow
    """The honest chunks that the limits were chosen from."""
    honest: HonestRow
    """The other honest chunks, which only count."""
    engines: tuple[HonestRow, ...]
    """Both, by engine."""
    cheats: tuple[CheatRow, ...]
    inapplicable: tuple[str, ...]
    """Cheats that this policy or text leaves no room for."""

    @property
    def criteria(self) -> Criteria:
        """What a plan takes of it."""
        tolerance = Tolerance(self.rule.limits["sampling"])
        return Criteria(thresholds_of(self.rule), pooling_of(self.rule), tolerance, self.scope)

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            **dataclasses.asdict(self.criteria),
            "measured": {
                "checkpoint_sha256": self.checkpoint_sha256,
                "seed": self.seed,
                "headroom_percent": self.headroom_percent,
                "confidence": CONFIDENCE,
                "audit_chunks": AUDIT_CHUNKS,
                "software": self.software,
                "inapplicable": list(self.inapplicable),
            },
            "limits": dict(self.rule.limits),
            "audit_limits": dict(self.rule.audit_limits),
            "honest": {
                "chosen_from": self.chosen_from.chunks,
                "chunks": self.honest.chunks,
                "false_rejects": self.honest.refused,
                "false_reject_bound": self.honest.refused_bound,
                "most": dict(self.honest.most),
            },
            "honest_audits": {
                "chosen_from": self.chosen_from.audits,
                "audits": self.honest.audits,
                "false_rejects": dict(self.honest.audits_refused),
                "pooled_false_reject_bound": self.honest.pooled_refused_bound,
                "most": dict(self.honest.audits_most),
            },
            "engine": [_engine(row) for row in self.engines],
            "cheat": [_cheat(row) for row in self.cheats],
        }

    def to_toml(self) -> str:
        """The file of criteria."""
        return _HEADING + "\n".join(_tables((), self.as_dict())) + "\n"


def _engine(row: HonestRow) -> dict[str, Any]:
    return {
        "name": row.name,
        "chunks": row.chunks,
        "refused": row.refused,
        "most": dict(row.most),
        "audits": row.audits,
        "audits_refused": dict(row.audits_refused),
        "audits_most": dict(row.audits_most),
    }


def _cheat(row: CheatRow) -> dict[str, Any]:
    return {
        "name": row.name,
        "title": row.title,
        "verdict": row.verdict,
        "chunks": row.chunks,
        "true_chunks": row.true_chunks,
        "false_accepts": row.accepted,
        "false_accept_bound": row.accepted_bound,
        "caught_by_audit": row.caught_by_audit,
        "within_honest_band": row.within,
        "audits": row.audits,
        "audits_accepted": row.audits_accepted,
        "audit_accepted_bound": row.audit_accepted_bound,
        "least_pooled": row.least_pooled,
        "accepted_by_published": {
            PAPER.title: row.accepted_by_paper,
            DEPLOYED.title: row.accepted_by_deployed,
        },
        "refused_by_proof": row.refused_by_proof,
        "refused_by": {name: count for name, count in row.refused_by.items() if count},
        "audits_refused_by": {name: count for name, count in row.audits_refused.items() if count},
    }


def _tables(path: tuple[str, ...], values: dict[str, Any]) -> list[str]:
    lines = [f"\n[{'.'.join(path)}]"] if path else []
    tables, arrays = [], []
    for name, value in values.items():
        if isinstance(value, dict):
            tables += _tables((*path, name), value)
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for item in value:
                arrays += [
                    f"\n[[{'.'.join((*path, name))}]]",
                    *(f"{_key(k)} = {_value(v)}" for k, v in item.items()),
                ]
        else:
            lines.append(f"{_key(name)} = {_value(value)}")
    return lines + tables + arrays


def _key(name: str) -> str:
    return name if name.replace("-", "").replace("_", "").isalnum() and name.isascii() else json.dumps(name)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(name)} = {_value(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    # A JSON string without exotic characters is a TOML string; numbers and booleans are the same in both.
    return json.dumps(value)
