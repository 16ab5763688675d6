"""One chunk's verdict from bytes alone, as a contract gives it; twin of contracts/libraries/ToplocVerdict.sol.

The rule is that of `decode_proof`, `score` and `accept`. New is only that the support comes as a list: a contract
cannot recompute activations, so a dispute settles whether the list is right, and this settles what follows from it.
"""

from __future__ import annotations

from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.task import Thresholds
from cupel.protocol.spec.toploc.activations import INFINITY, MAGNITUDE_MASK
from cupel.protocol.spec.toploc.comparison import score
from cupel.protocol.spec.toploc.off_support import check_off_support
from cupel.protocol.spec.toploc.polynomial import evaluate
from cupel.protocol.spec.toploc.proof import decode_proof
from cupel.protocol.spec.toploc.support import decode_support
from cupel.protocol.spec.toploc.verify import accept


def judge(proof: bytes, support: bytes, k: int, elements: int, thresholds: Thresholds) -> Rejected | None:
    """None if the proof of k points passes against the support of a chunk of `elements` elements, else why not.

    In this order: Rejected(those of `decode_proof`, TOPLOC_SUPPORT, TOPLOC_NON_FINITE, those of `accept`). Of these
    TOPLOC_SUPPORT alone is the fault of whoever passes the list; there the contract reverts.
    """
    read = _read(proof, support, k, elements)
    if isinstance(read, Rejected):
        return read
    coefficients, points = read
    claims = [evaluate(coefficients, index) for index, _ in points]
    return accept(score(claims, points, elements), thresholds)


def judge_off_support(proof: bytes, support: bytes, k: int, elements: int, seed: bytes) -> Rejected | None:
    """The off-support test of a proof, after the same checks of form as in `judge`: Rejected(TOPLOC_OFF_SUPPORT)."""
    read = _read(proof, support, k, elements)
    if isinstance(read, Rejected):
        return read
    return check_off_support(*read, elements, seed)


def _read(
    proof: bytes, support: bytes, k: int, elements: int
) -> tuple[tuple[int, ...], list[tuple[int, int]]] | Rejected:
    try:
        coefficients = decode_proof(proof, k).coefficients
        points = decode_support(support, k, elements)
    except Rejected as rejected:
        return rejected
    if any(pattern & MAGNITUDE_MASK >= INFINITY for _, pattern in points):
        return Rejected(Reason.TOPLOC_NON_FINITE, "an activation of the support is infinite or not a number")
    return coefficients, points
