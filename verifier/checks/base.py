"""What a check sees and what it says.

A check is a pure function of a fetched submission; its only outcome is a `Finding` or none. Whatever goes wrong on
our side (a failed fetch, a missing policy, a bug) is an exception and never a finding.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from cupel.protocol.spec import rollout_file
from cupel.protocol.spec.assignment import Assigned, assigned_work, round_seed
from cupel.protocol.spec.dialogue import own_tokens
from cupel.protocol.spec.diloco.blocks import MIN_EXPONENT, Update
from cupel.protocol.spec.diloco.codec import get_codec
from cupel.protocol.spec.environments.base import Environment
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.fraud import ObjectiveKind
from cupel.protocol.spec.repetition import Place
from cupel.protocol.spec.rollout import (
    Commitment,
    LeafContext,
    Rollout,
    RolloutLeaf,
    SubmissionManifest,
    leaf_hash,
    make_leaves,
)
from cupel.protocol.spec.rounds import CommittedWork, commitment_of
from cupel.protocol.spec.sampling import gumbel_noise
from cupel.protocol.spec.task import MILLION, TaskParams, TaskSpec
from cupel.protocol.spec.toploc import Selection

MAX_DETAIL_CHARACTERS: Final = 400
MOST_FAILURES: Final = 4
"""Completions that the environment may fail on before the rest is given up: a hang takes its whole time limit."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A lie: always fatal for the commitment it was found in."""

    check: str
    reason: Reason
    detail: str
    rollout: int | None = None
    """Index of the rollout, or of a place counted without one; None if the submission as a whole is at fault."""
    observed: str = ""
    """What the submission says: a decimal number or a 0x digest; empty where the detail says it all."""
    allowed: str = ""
    """What it should have been, or the bound it breaks, in the unit of `observed`."""
    objective: ObjectiveKind | None = None
    """How the chain alone can settle it; None leaves it to a jury."""
    chunk: int | None = None
    """Index of the TOPLOC proof at fault, if one is."""
    twin: Place | None = None
    """The node's other rollout with the same proofs, if that is the fault."""

    @classmethod
    def of(cls, check: str, rejected: Rejected) -> Finding:
        """A finding about the submission as a whole."""
        # Some details quote the peer's bytes, and findings end up on terminals and in documents.
        detail = "".join(character if character.isprintable() else "?" for character in rejected.detail)
        return cls(check, rejected.reason, detail[:MAX_DETAIL_CHARACTERS])


@dataclass(frozen=True, slots=True)
class Rules:
    """The law of one task on one hub."""

    chain_id: int
    hub: str
    task: bytes
    params: TaskParams
    spec: TaskSpec
    environment: Environment
    num_parameters: int
    """Of the task's policy: what an update has to cover."""


@dataclass(frozen=True)
class FetchedSubmission:
    """A commitment and the files it names. Their hashes are right; nothing else about them is known yet."""

    rules: Rules
    work: CommittedWork
    beacon: bytes
    manifest_file: bytes
    rollouts_file: bytes | Rejected
    """Rejected: what the address names is no file a task of this size can have."""
    update_file: bytes | Rejected
    proven: Mapping[bytes, Place] = field(default_factory=dict)
    """TOPLOC roots of the node's other commitments, as far as they were seen here."""

    @cached_property
    def manifest(self) -> SubmissionManifest:
        """The decoded manifest. Rejected as `SubmissionManifest.from_bytes`."""
        return SubmissionManifest.from_bytes(self.manifest_file)

    @cached_property
    def rollouts(self) -> tuple[Rollout, ...]:
        """The decoded rollouts, in index order. Rejected as `rollout_file.decode`."""
        if isinstance(self.rollouts_file, Rejected):
            raise self.rollouts_file
        return rollout_file.decode(self.rollouts_file, self.rules.params)

    @cached_property
    def assigned(self) -> tuple[Assigned, ...]:
        """What the chain assigned of each rollout, in index order. Rejected as `rollouts`."""
        rules, work = self.rules, self.work
        seed = round_seed(rules.chain_id, rules.hub, rules.task, work.node, work.round, self.beacon)
        return assigned_work(seed, rules.params, range(len(self.rollouts)), rules.spec.length)

    @cached_property
    def update(self) -> Update:
        """The decoded update. Rejected as `Codec.from_bytes`."""
        if isinstance(self.update_file, Rejected):
            raise self.update_file
        max_exponent = self.rules.spec.recipe.max_exponent_offset + MIN_EXPONENT
        codec = get_codec(self.rules.spec.aggregation.codec)
        return codec.from_bytes(self.update_file, self.rules.num_parameters, max_exponent)

    @cached_property
    def leaves(self) -> tuple[RolloutLeaf, ...]:
        """The leaves that the files call for, in index order. Rejected as `manifest` and `rollouts`."""
        return make_leaves(self.rollouts, self.manifest.policy, self.rules.params.chunk_tokens)

    @cached_property
    def leaf_hashes(self) -> tuple[bytes, ...]:
        """Merkle leaf hashes of `leaves` in this commitment's context."""
        return tuple(leaf_hash(self.context, leaf) for leaf in self.leaves)

    @property
    def context(self) -> LeafContext:
        """Where this commitment's leaves belong."""
        rules, work = self.rules, self.work
        return LeafContext(rules.chain_id, rules.hub, rules.task, work.node, work.sequence, work.round)

    @property
    def claimed_context(self) -> LeafContext:
        """Where the leaves belong by the manifest's word. Rejected as `manifest`."""
        rules, manifest = self.rules, self.manifest
        return LeafContext(
            rules.chain_id, rules.hub, manifest.task, manifest.node, manifest.sequence, manifest.round
        )

    @property
    def commitment(self) -> Commitment:
        """The commitment as the hub hashed it."""
        return commitment_of(self.work)


@dataclass(frozen=True, slots=True)
class Recomputed:
    """What the canonical policy gives for D drawn rollouts of at most T tokens.

    policy_digest: of the canonical version that the manifest names by number. indices: the rollouts, ascending.
    selection: the supports of the final-norm states that chose the tokens. logits: float32 [D, T, vocabulary]; rows
    at or behind a rollout's length mean nothing.
    """

    policy_digest: bytes
    indices: tuple[int, ...]
    selection: Selection
    logits: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Scored:
    """The n tokens of a rollout that the policy sampled, beside their recomputed scores; n is 1 or more.

    places int64 [n], where in the completion they stand; tokens int64 [n]; logits float32 [n, vocabulary].
    """

    index: int
    places: npt.NDArray[np.int64]
    tokens: npt.NDArray[np.int64]
    logits: npt.NDArray[np.float32]
    seed: bytes

    @property
    def noise(self) -> npt.NDArray[np.float64]:
        """Float64 [n, vocabulary], of the rollout's seed."""
        rows = int(self.places[-1]) + 1
        return gumbel_noise(self.seed, rows, self.logits.shape[1])[self.places]


def drawn_scores(
    submission: FetchedSubmission, drawn: Sequence[int], recomputed: Recomputed | None
) -> Iterator[Scored]:
    """Of every drawn rollout what the policy sampled, not what an environment replied; after `Toploc`."""
    assert recomputed is not None, "needs the recomputation"
    assert recomputed.indices == tuple(drawn), "recomputed other rollouts than drawn"
    for row, index in enumerate(drawn):
        rollout = submission.rollouts[index]
        places = np.flatnonzero(own_tokens(rollout.spans, len(rollout.tokens)))
        logits = recomputed.logits[row, places]
        assert np.isfinite(logits).all(), "states passed TOPLOC, so their scores are numbers"
        tokens = np.array(rollout.tokens, dtype=np.int64)[places]
        yield Scored(index, places, tokens, logits, rollout.seed)


def worst_gap(gaps: npt.NDArray[np.float64], tolerance_millionths: int) -> tuple[int, int] | None:
    """The token farthest below the seeded choice and how far, in millionths; None if that is within the tolerance."""
    worst = int(gaps.argmax())
    # Rounded down, so that a gap is never reported as larger than it is.
    millionths = int(gaps[worst] * MILLION)
    return (worst, millionths) if millionths > tolerance_millionths else None


class Check(Protocol):
    """One way to catch a lie."""

    @property
    def name(self) -> str:
        """Name in events and evidence."""

    @property
    def cost(self) -> int:
        """Rank by cost: cheaper checks run first and spare the others."""

    def run(
        self, submission: FetchedSubmission, drawn: Sequence[int], recomputed: Recomputed | None
    ) -> Finding | None:
        """The first lie found, or None.

        drawn: the rollouts to recompute; recomputed: their recomputation, which only the dearer checks need.
        Each check relies on the cheaper ones having passed.
        """
