"""TOPLOC: proofs of another policy, of no policy and of no form are found."""

from typing import Any

import pytest

from cupel.protocol.spec.errors import Reason
from cupel.protocol.spec.fraud import ObjectiveKind
from cupel.verifier.checks.toploc import Toploc, ToplocFormat


def run(world: Any, submission: Any, drawn: tuple[int, ...]) -> Any:
    return Toploc().run(submission, drawn, world.recomputed(submission, drawn))


def test_an_honest_submission_passes(world: Any) -> None:
    drawn = tuple(range(8))
    assert ToplocFormat().run(world.submission(), (), None) is None
    assert run(world, world.submission(), drawn) is None


def test_proofs_of_another_policy_are_found(world: Any, stale_rollouts: Any) -> None:
    finding = run(world, world.submission(stale_rollouts), (2, 5))
    assert (finding.reason, finding.rollout, finding.chunk) == (Reason.TOPLOC_EXPONENT, 2, 0)
    assert int(finding.observed) > int(finding.allowed) == 4
    assert finding.objective is None


def test_a_single_false_proof_is_found_where_it_is_drawn_and_only_there(world: Any) -> None:
    honest = world.rollouts[3].proofs
    assert len(honest) > 1
    submission = world.submission(world.changed(3, proofs=(*honest[:-1], world.rollouts[2].proofs[0])))
    assert run(world, submission, (1, 2, 4)) is None
    finding = run(world, submission, (1, 2, 3))
    assert (finding.rollout, finding.chunk) == (3, len(honest) - 1)


def test_negated_activations_are_found(world: Any) -> None:
    """The sign counts: a proof through patterns with the top bit flipped."""
    k = world.rules.params.topk
    original = world.rollouts[0].proofs[0]
    # Adding 2^15 to c_0 flips (or carries past) the sign of every value the polynomial takes.
    flipped = (int.from_bytes(original[2:4], "big") + (1 << 15)) % 65497
    proof = original[:2] + flipped.to_bytes(2, "big") + original[4 : 2 + 2 * k]
    submission = world.submission(world.changed(0, proofs=(proof, *world.rollouts[0].proofs[1:])))
    finding = run(world, submission, (0,))
    assert (finding.reason, finding.rollout) == (Reason.TOPLOC_EXPONENT, 0)


@pytest.mark.parametrize(
    ("prefix", "reason"),
    [
        (b"\0\0", Reason.TOPLOC_MODULUS),
        (b"\xff\xd9\xff\xd9", Reason.TOPLOC_COEFFICIENT),
        (b"\xff\xd9\x3f\x80" + bytes(62), Reason.TOPLOC_DEGENERATE),
    ],
)
def test_a_malformed_proof_is_found_in_any_rollout(world: Any, prefix: bytes, reason: Reason) -> None:
    honest = world.rollouts[3].proofs
    malformed = prefix + honest[1][len(prefix) :]
    submission = world.submission(world.changed(3, proofs=(honest[0], malformed, *honest[2:])))
    finding = ToplocFormat().run(submission, (), None)
    assert finding is not None
    assert (finding.reason, finding.rollout, finding.chunk) == (reason, 3, 1)
    assert finding.objective is ObjectiveKind.MALFORMED_PROOF


def test_the_recomputation_must_be_of_the_drawn_rollouts(world: Any) -> None:
    submission = world.submission()
    with pytest.raises(AssertionError):
        Toploc().run(submission, (1,), world.recomputed(submission, (2,)))
    with pytest.raises(AssertionError):
        Toploc().run(submission, (1,), None)
