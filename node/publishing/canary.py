"""A canary: a node that tells one small lie now and then, on purpose, so that whoever checks is paid though nobody else
lies.

Its operator, usually the task's creator, loses the node's stake when the lie is found, of which the finder gets
`min(stake / 2, 10 bonds)`; there is no other mechanism, and nobody can tell a canary from a liar. The lie teaches
nothing false. Half the time it is one reward that is off by a millionth, which any verifier finds that looks at
rewards; else two completions of one problem have each other's proofs, which only running the policy shows. In which
rounds it is told, and which one, follows from a secret of the node's own.
"""

from __future__ import annotations

import dataclasses
import secrets
from dataclasses import dataclass
from typing import Final

from cupel.node.journal import Journal
from cupel.node.publishing.submission import Draft, Submission, make_submission
from cupel.protocol.spec.encoding import words
from cupel.protocol.spec.hashing import domain, keccak256
from cupel.protocol.spec.rollout import Rollout

CANARY: Final = domain("cupel.canary.v1")
_NAME: Final = "canary"
_SECRET_BYTES: Final = 32


def canary_secret(journal: Journal) -> bytes:
    """The node's secret, made once. StorageError."""
    secret = journal.load(_NAME)
    if secret is None or len(secret) != _SECRET_BYTES:
        secret = secrets.token_bytes(_SECRET_BYTES)
        journal.save(_NAME, secret)
    return secret


@dataclass(frozen=True, slots=True)
class Canary:
    """Lies in one of `one_in` rounds on average, the same ones after a restart."""

    secret: bytes
    one_in: int

    def submit(self, draft: Draft, honest: Submission) -> Submission:
        """The honest submission, or the same with one lie."""
        place = words(CANARY, self.secret, draft.context.task, draft.context.round)
        number = int.from_bytes(keccak256(place), "big")
        if number % self.one_in:
            return honest
        drawn = number // self.one_in
        rollouts = _swapped(draft, drawn // 2) if drawn % 2 else None
        if rollouts is None:
            rollouts = _misjudged(draft, drawn // 2)
        return make_submission(
            draft.params,
            draft.context,
            draft.reference,
            rollouts,
            draft.update_file,
            draft.metrics,
            {},
            draft.inner_steps,
        )


def _misjudged(draft: Draft, drawn: int) -> list[Rollout]:
    """One reward a millionth off."""
    rollouts = list(draft.rollouts)
    index = drawn % len(rollouts)
    reward = rollouts[index].reward
    rollouts[index] = dataclasses.replace(rollouts[index], reward=reward - 1 if reward else 1)
    return rollouts


def _swapped(draft: Draft, drawn: int) -> list[Rollout] | None:
    """Two completions of one problem with each other's proofs; None where no two have as many, and other ones."""
    rollouts, size = list(draft.rollouts), draft.params.group_size
    pairs = [
        (first, second)
        for first in range(len(rollouts))
        for second in range(first + 1, min(len(rollouts), first - first % size + size))
        if len(rollouts[first].proofs) == len(rollouts[second].proofs)
        and rollouts[first].tokens != rollouts[second].tokens
        and rollouts[first].proofs != rollouts[second].proofs
    ]
    if not pairs:
        return None
    first, second = pairs[drawn % len(pairs)]
    one, other = rollouts[first], rollouts[second]
    rollouts[first] = dataclasses.replace(one, proofs=other.proofs)
    rollouts[second] = dataclasses.replace(other, proofs=one.proofs)
    return rollouts
