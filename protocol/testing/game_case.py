"""The matter of one dispute: a commitment with its proofs, and the version of the weights that it was made by."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from cupel.protocol.model.layout import ARCHITECTURE, layout_of
from cupel.protocol.spec import merkle
from cupel.protocol.spec.environments.sorting import Sorting
from cupel.protocol.spec.hashing import keccak256
from cupel.protocol.spec.referee import tiny
from cupel.protocol.spec.referee.fixed import Integers, to_patterns
from cupel.protocol.spec.referee.record import Record
from cupel.protocol.spec.referee.weights_tree import canonical_root
from cupel.protocol.spec.rollout import Commitment, LeafContext, Rollout, RolloutLeaf, leaf_hash, make_leaf
from cupel.protocol.spec.shardcast.manifest import WeightsManifest
from cupel.protocol.spec.task import ModelShape, TaskParams, Thresholds, task_id
from cupel.protocol.spec.toploc.activations import top_points
from cupel.protocol.spec.toploc.build import build_proof
from cupel.protocol.spec.toploc.support import encode_support

Parameters = npt.NDArray[np.int32]

NARROW: Final = ModelShape(ARCHITECTURE, 14, 1, 8, 2, 12, 20)
"""Rows of one block."""
WIDE: Final = ModelShape(ARCHITECTURE, 14, 2, 72, 3, 80, 20)
"""Rows of up to four blocks, and a second layer."""
THRESHOLDS: Final = Thresholds(2, 500, 500)
CHUNK_TOKENS: Final = 2
TOPK: Final = 16
COMPLETIONS: Final = ((1, 2, 2, 11), (9,), (0, 4, 4, 7, 11))
"""By index of the rollout; problems are 7 times the index."""
OPENED_AT: Final = 1_700_000_200


def example_parameters(shape: ModelShape) -> Parameters:
    """Weights from a formula, so that any implementation can make them: int32 [parameters]."""
    count = layout_of(shape).num_parameters
    return ((np.arange(count) * 2_654_435_761 % 2**32 >> 13) - 2**18).astype(np.int32)


def tensors_of(shape: ModelShape, parameters: Parameters) -> tiny.Tensors:
    """The weights by name."""
    return {name: values.astype(np.int64) for name, values in layout_of(shape).split(parameters).items()}


def traced(shape: ModelShape, parameters: Parameters, tokens: tuple[int, ...]) -> tuple[Record, Integers]:
    """The record of a sequence, and its final states [T, width]."""
    record = Record()
    return record, tiny.hidden_states(shape, tensors_of(shape, parameters), np.array(tokens), record)


@dataclass(frozen=True)
class GameCase:
    """A commitment of three rollouts of an honest node, one of which is disputed."""

    shape: ModelShape
    params: TaskParams
    context: LeafContext
    manifest: bytes
    parameters: Parameters
    prompts: tuple[tuple[int, ...], ...]
    rollouts: tuple[Rollout, ...]
    leaves: tuple[RolloutLeaf, ...]
    commitment: Commitment

    def commit(self, rollouts: Sequence[Rollout]) -> GameCase:
        """The same with a commitment to these rollouts."""
        digest = self.params.genesis_digest
        leaves = tuple(
            make_leaf(index, rollout, 0, digest, CHUNK_TOKENS) for index, rollout in enumerate(rollouts)
        )
        root = merkle.root([leaf_hash(self.context, leaf) for leaf in leaves])
        commitment = dataclasses.replace(self.commitment, root=root, units=len(leaves))
        return dataclasses.replace(self, rollouts=tuple(rollouts), leaves=leaves, commitment=commitment)

    def leaf_proof(self, index: int) -> tuple[bytes, ...]:
        """Of a rollout's leaf under the commitment's root."""
        return merkle.proof([leaf_hash(self.context, leaf) for leaf in self.leaves], index)

    def toploc_proof(self, index: int, chunk: int) -> tuple[bytes, ...]:
        """Of a chunk's TOPLOC proof under the leaf's root."""
        return merkle.proof([merkle.leaf_hash(proof) for proof in self.rollouts[index].proofs], chunk)

    def sequence(self, index: int) -> tuple[int, ...]:
        """The tokens whose states are traced: prompt and completion, but for the last token."""
        return (*self.prompts[index], *self.rollouts[index].tokens[:-1])

    def patterns(self, states: Integers, index: int, chunk: int) -> npt.NDArray[np.uint16]:
        """The activations of a chunk [E] from a sequence's final states [T, width]."""
        first = len(self.prompts[index]) - 1 + chunk * CHUNK_TOKENS
        last = min(first + CHUNK_TOKENS, len(states))
        return to_patterns(states[first:last]).reshape(-1)

    def support(self, states: Integers, index: int, chunk: int) -> bytes:
        """The chunk's support as the chain takes it."""
        return encode_support(top_points(self.patterns(states, index, chunk), TOPK))


def game_case(shape: ModelShape, params: TaskParams, chain_id: int, hub: str, node: str) -> GameCase:
    """An honest commitment in round 0 of a task like `params` whose initial weights are `example_parameters`."""
    parameters, tensors = example_parameters(shape), layout_of(shape).tensors
    manifest = WeightsManifest.of(
        0, None, b"checkpoint", tensors, canonical_root=canonical_root(parameters, tensors)
    )
    params = dataclasses.replace(
        params,
        genesis_digest=manifest.digest,
        problems_per_round=3,
        group_size=1,
        chunk_tokens=CHUNK_TOKENS,
        topk=TOPK,
    )
    context = LeafContext(chain_id, hub, task_id(chain_id, hub, params), node, sequence=0, round=0)
    environment = Sorting()
    prompts = tuple(environment.prompt(7 * index) for index in range(len(COMPLETIONS)))
    rollouts = tuple(
        _rollout(shape, parameters, index, prompts[index], tokens) for index, tokens in enumerate(COMPLETIONS)
    )
    nothing = Commitment(0, 0, bytes(32), keccak256(b"submission"), 0, OPENED_AT - 100)
    case = GameCase(shape, params, context, manifest.to_bytes(), parameters, prompts, (), (), nothing)
    return case.commit(rollouts)


def _rollout(
    shape: ModelShape, parameters: Parameters, index: int, prompt: tuple[int, ...], tokens: tuple[int, ...]
) -> Rollout:
    _, states = traced(shape, parameters, (*prompt, *tokens[:-1]))
    own = states[len(prompt) - 1 :]
    chunks = [own[start : start + CHUNK_TOKENS] for start in range(0, len(own), CHUNK_TOKENS)]
    proofs = tuple(build_proof(to_patterns(chunk).reshape(-1), TOPK) for chunk in chunks)
    return Rollout(7 * index, keccak256(bytes([index])), tokens, 0, proofs)
