"""vLLM as a node's sampler."""

from __future__ import annotations

from typing import Any, Final

import torch

from cupel.node.rollout.sampler import Asked
from cupel.protocol.model.engines import new_policy
from cupel.protocol.model.generate import Completions
from cupel.protocol.model.policy import Policy
from cupel.protocol.model.recorder import StateSink
from cupel.protocol.model.vllm_loading import VllmModel
from cupel.protocol.spec.task import ModelShape


class VllmSampler:
    """See `sampler.Sampler`."""

    def __init__(self, shape: ModelShape) -> None:
        """The engine starts before there is a policy, whose weights take the place of some of this shape."""
        self._model: Final = VllmModel(_options)
        self._model.holding(new_policy(shape))

    def __call__(self, policy: Policy, asked: Asked, sink: StateSink) -> Completions:
        """See `Sampler`."""
        engine = self._model.holding(policy)
        from cupel.node.rollout.vllm_engine import rollouts_of

        made = rollouts_of(engine, asked.prompts, asked.seeds, asked.limit, asked.end, asked.temperature)
        states, lengths = torch.from_numpy(made.hidden), torch.from_numpy(made.lengths)
        for step in range(int(lengths.max())):
            sink.append(states[:, step], step < lengths)
        return Completions(made.tokens, made.lengths)


def _options() -> dict[str, Any]:
    # Importable only once vLLM may be loaded.
    from cupel.node.rollout.vllm_engine import options

    return options()
