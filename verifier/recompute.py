"""Running the canonical policy over drawn rollouts: one batched prefill, whose states stay where they are computed.

On PyTorch or, where the operator says so, with vLLM. A finding is the same: thresholds absorb what lies between them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cupel.protocol.model.engines import VLLM
from cupel.protocol.model.generate import Prefill, replay
from cupel.protocol.model.policy import Policy
from cupel.protocol.model.selection import select_states
from cupel.protocol.spec.environments.base import assigned_prompt
from cupel.protocol.spec.rollout_file import PAD
from cupel.verifier.checks.base import FetchedSubmission, Recomputed
from cupel.verifier.vllm_prefill import VllmPrefill


def prefill_of(engine: str) -> Prefill:
    """A new one. The engine has passed `check_engine`."""
    return VllmPrefill() if engine == VLLM else replay


def recompute(
    policy: Policy,
    policy_digest: bytes,
    submission: FetchedSubmission,
    drawn: Sequence[int],
    prefill: Prefill = replay,
) -> Recomputed:
    """Supports of the states, and the scores, behind every token of the drawn rollouts.

    policy: the canonical version that the submission's manifest names, policy_digest: its manifest's digest. drawn:
    at least one. The submission has passed `examine`, so problems and tokens are in range.
    """
    rules = submission.rules
    rollouts = [submission.rollouts[index] for index in drawn]
    owed = [submission.assigned[index] for index in drawn]
    prompts = np.array([assigned_prompt(rules.environment, one) for one in owed], dtype=np.int64)
    tokens = np.full((len(rollouts), rules.params.max_tokens), PAD, dtype=np.int32)
    for row, rollout in zip(tokens, rollouts, strict=True):
        row[: len(rollout.tokens)] = rollout.tokens
    lengths = np.array([len(rollout.tokens) for rollout in rollouts], dtype=np.int32)
    states, scores = prefill(policy, prompts, tokens)
    selection = select_states(states, lengths, rules.params.chunk_tokens, rules.params.topk)
    return Recomputed(policy_digest, tuple(drawn), selection, scores.numpy())
