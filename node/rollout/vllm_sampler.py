"""vLLM as a node's sampler."""

from __future__ import annotations

from typing import Any, Final

import torch

from cupel.node.rollout.sampler import Asked
from cupel.protocol.model.generate import Completions
from cupel.protocol.model.policy import Policy
from cupel.protocol.model.recorder import StateSink
from cupel.protocol.model.vllm_loading import VllmModel


class VllmSampler:
    """See `sampler.Sampler`."""

    def __init__(self) -> None:
        self._model: Final = VllmModel(_options)

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
