"""What a verifier reports of its checks."""

from __future__ import annotations

from collections.abc import Sequence

from cupel.protocol.observe import Observer
from cupel.protocol.spans import note
from cupel.protocol.spec.rounds import CommittedWork
from cupel.verifier.checks import CHECK_NAMES
from cupel.verifier.checks.base import Finding


def tell_checks(
    observer: Observer,
    work: CommittedWork,
    finding: Finding | None,
    names: Sequence[str] = CHECK_NAMES,
) -> None:
    """One verdict per check that came to one. names: the checks that ran, cheapest first."""
    note(node=work.node, round=work.round, finding="" if finding is None else finding.reason.value)
    for name in names:
        failed = finding if finding is not None and finding.check == name else None
        tell_verdict(observer, work.node, work.round, work.sequence, name, failed)
        if failed is not None:
            return


def tell_verdict(
    observer: Observer, node: str, round_index: int, sequence: int, check: str, finding: Finding | None
) -> None:
    """The verdict of one check on a commitment."""
    observer.emit(
        "verdict",
        node=node,
        round=round_index,
        sequence=sequence,
        check=check,
        passed=finding is None,
        reason=finding.reason.value if finding else "",
        detail=finding.detail if finding else "",
        observed=finding.observed if finding else "",
        allowed=finding.allowed if finding else "",
    )
