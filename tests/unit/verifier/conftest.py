"""An honest submission of a tiny real policy, and its ingredients for making false ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pytest
import torch

from cupel.protocol.model.generate import generate
from cupel.protocol.model.tiny import TinyPolicy, initialise
from cupel.protocol.spec import merkle, rollout_file
from cupel.protocol.spec.assignment import Assigned, assigned_work, round_seed
from cupel.protocol.spec.dialogue import Writing
from cupel.protocol.spec.diloco.blocks import encode_update, update_to_bytes
from cupel.protocol.spec.environments.base import GUESSING, Dialogue, assigned_prompt, get_environment
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.rollout import (
    FileRef,
    Metrics,
    PiecedRef,
    PolicyRef,
    Rollout,
    SubmissionManifest,
    file_reference,
    pieced_reference,
)
from cupel.protocol.spec.rounds import CommittedWork
from cupel.protocol.spec.sampling import gumbel_noise
from cupel.protocol.spec.task import NOTHING_PINNED, ModelShape, Pinned, TaskParams, TaskSpec, task_id
from cupel.protocol.spec.toploc import build_proofs_batch
from cupel.protocol.testing.builders import example_spec
from cupel.verifier.checks.base import FetchedSubmission, Recomputed, Rules
from cupel.verifier.recompute import recompute

torch.set_num_threads(1)

CHAIN_ID = 31337
HUB = "0x1000000000000000000000000000000000000001"
NODE = "0x2000000000000000000000000000000000000002"
BEACON = bytes(range(32))
REFERENCE = PolicyRef(4, b"\4" * 32)


def example_params() -> TaskParams:
    """A task of 2 problems x 4 completions a round, 4 tokens to a proof."""
    nobody = Pinned("0x" + "00" * 20, bytes(32))
    return TaskParams(
        creator=HUB,
        token=HUB,
        spec_digest=bytes(32),
        genesis_digest=bytes(32),
        start=1000,
        round_seconds=20,
        commit_seconds=15,
        rounds=8,
        problems_per_round=2,
        group_size=4,
        problem_count=1 << 20,
        chunk_tokens=4,
        topk=32,
        max_tokens=9,
        max_staleness=2,
        rate=10,
        stake=10_000,
        bond=100,
        challenge_window=40,
        dispute_seconds=60,
        exit_margin=10,
        reward_rule=dataclasses.replace(nobody, code="0x" + "07" * 20),
        judges=(nobody,),
    )


@dataclass(frozen=True)
class World:
    """One policy, one task, and a node's round."""

    rules: Rules
    policy: TinyPolicy
    node: str = NODE
    beacon: bytes = BEACON
    round: int = 5
    sequence: int = 3
    reference: PolicyRef = REFERENCE

    @cached_property
    def rollouts(self) -> tuple[Rollout, ...]:
        """What an honest node produces."""
        return self.roll_out(self.policy)

    def roll_out(self, policy: TinyPolicy, owed: Sequence[Assigned] | None = None) -> tuple[Rollout, ...]:
        """What the node produces with `policy`, under the same assignment or another."""
        rules, params = self.rules, self.rules.params
        seed = round_seed(rules.chain_id, rules.hub, rules.task, self.node, self.round, self.beacon)
        assigned = assigned_work(seed, params, range(params.units_per_round), rules.spec.length)
        return complete(policy, rules, assigned if owed is None else owed)

    def submission(
        self,
        rollouts: Sequence[Rollout] | None = None,
        *,
        manifest: dict[str, Any] | None = None,
        rollouts_file: bytes | Rejected | None = None,
        update_file: bytes | Rejected | None = None,
        **work: Any,
    ) -> FetchedSubmission:
        """The submission with these changes; root and units follow the rollouts unless `work` says otherwise."""
        rollouts = self.rollouts if rollouts is None else rollouts
        files = {
            "rollouts": rollout_file.encode(rollouts, self.rules.params)
            if rollouts_file is None
            else rollouts_file,
            "update": self._update() if update_file is None else update_file,
        }
        sampled, trained = files["rollouts"], files["update"]
        document = SubmissionManifest(
            task=self.rules.task,
            node=self.node,
            round=self.round,
            sequence=self.sequence,
            policy=self.reference,
            units=len(rollouts),
            metrics=Metrics(0, 0),
            rollouts=FileRef("b", 1) if isinstance(sampled, Rejected) else file_reference(sampled),
            update=PiecedRef("b", 1, bytes(32))
            if isinstance(trained, Rejected)
            else pieced_reference(trained),
        )
        document = dataclasses.replace(document, **(manifest or {}))
        committed = CommittedWork(
            self.node, self.sequence, self.round, bytes(32), document.digest, len(rollouts), 1110
        )
        submission = FetchedSubmission(
            rules=self.rules,
            work=committed,
            beacon=self.beacon,
            manifest_file=document.to_bytes(),
            rollouts_file=files["rollouts"],
            update_file=files["update"],
        )
        if isinstance(files["rollouts"], bytes) and rollouts_file is None:
            committed = dataclasses.replace(committed, root=merkle.root(submission.leaf_hashes))
        return dataclasses.replace(submission, work=dataclasses.replace(committed, **work))

    def changed(self, index: int, **changes: Any) -> list[Rollout]:
        """The honest rollouts with one of them changed."""
        rollouts = list(self.rollouts)
        rollouts[index] = dataclasses.replace(rollouts[index], **changes)
        return rollouts

    def recomputed(self, submission: FetchedSubmission, drawn: Sequence[int]) -> Recomputed:
        """What the canonical policy gives."""
        return recompute(self.policy, self.reference.digest, submission, drawn)

    def _update(self) -> bytes:
        return update_to_bytes(encode_update(np.zeros(self.rules.num_parameters, np.float32), -8)[0])


def policy_of_seed(seed: int, shape: ModelShape) -> TinyPolicy:
    """A policy with random weights; the deviation makes its choices differ from another seed's."""
    policy = TinyPolicy(shape)
    initialise(policy, torch.Generator().manual_seed(seed))
    with torch.no_grad():
        for parameter in policy.parameters():
            if parameter.dim() > 1:
                parameter.mul_(4)
    return policy.eval()


def complete(policy: TinyPolicy, rules: Rules, owed: Sequence[Assigned]) -> tuple[Rollout, ...]:
    """Completions of what is assigned, with rewards and proofs."""
    params, environment = rules.params, rules.environment
    prompts = np.array([assigned_prompt(environment, one) for one in owed], dtype=np.int64)
    noise = np.stack([gumbel_noise(one.seed, params.max_tokens, environment.vocabulary) for one in owed])
    writing = None
    if isinstance(environment, Dialogue):
        writing = Writing(environment, [one.problem for one in owed])
    made = generate(policy, prompts, noise, environment.end_token, 1.0, writing)
    proofs = build_proofs_batch(made.hidden, made.lengths, params.chunk_tokens, params.topk)
    spans = [()] * len(owed) if writing is None else writing.spans()
    tokens = [tuple(row[:length].tolist()) for row, length in zip(made.tokens, made.lengths, strict=True)]
    return tuple(
        Rollout(one.problem, one.seed, text, environment.reward(one.problem, text), tuple(proof), said)
        for one, text, proof, said in zip(owed, tokens, proofs, spans, strict=True)
    )


@pytest.fixture(scope="session")
def world() -> World:
    return world_of(example_spec(), example_params())


@pytest.fixture(scope="session")
def dialogues() -> World:
    """A world whose environment replies."""
    params = dataclasses.replace(example_params(), reward_rule=NOTHING_PINNED, max_tokens=8, chunk_tokens=4)
    return world_of(dataclasses.replace(example_spec(), environment=GUESSING), params)


def world_of(spec: TaskSpec, params: TaskParams) -> World:
    """The task with a model that a test can run."""
    spec = dataclasses.replace(
        spec, model=dataclasses.replace(spec.model, layers=1, width=32, feed_forward=64)
    )
    policy = policy_of_seed(1, spec.model)
    count = sum(parameter.numel() for parameter in policy.parameters())
    task, environment = task_id(CHAIN_ID, HUB, params), get_environment(spec.environment)
    return World(Rules(CHAIN_ID, HUB, task, params, spec, environment, count), policy)


@pytest.fixture(scope="session")
def stale_rollouts(world: World) -> tuple[Rollout, ...]:
    """Rollouts of another policy under the same assignment."""
    return world.roll_out(policy_of_seed(2, world.rules.spec.model))
