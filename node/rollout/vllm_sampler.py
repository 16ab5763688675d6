"""vLLM as a node's sampler: loaded with the first policy, given every later one's weights in place."""

from __future__ import annotations

import copy
import os
import tempfile
from pathlib import Path
from typing import Any, Final

import torch
from safetensors.torch import save_file

from cupel.node.rollout.sampler import Asked
from cupel.protocol.model.generate import Completions
from cupel.protocol.model.policy import Policy
from cupel.protocol.model.recorder import StateSink
from cupel.protocol.model.transformers_engine import TransformersPolicy

_HEAD: Final = "lm_head.weight"
ENVIRONMENT: Final = {
    # A process of vLLM's own would be one more to keep up; the rollout process may have no children.
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    # The other runner takes no logits processors.
    "VLLM_USE_V2_MODEL_RUNNER": "0",
    # Else a GPU's attention rounds float32 to ten bits, which no verifier's thresholds bear.
    "TRITON_F32_DEFAULT": "ieee",
}
"""What must be set before vLLM starts."""


class VllmSampler:
    """See `sampler.Sampler`. vLLM runs in this process, in float32."""

    def __init__(self) -> None:
        self._engine: Any = None
        self._policy: Policy | None = None

    def __call__(self, policy: Policy, asked: Asked, sink: StateSink) -> Completions:
        """See `Sampler`."""
        assert isinstance(policy, TransformersPolicy), "check_engine lets no other pass"
        if policy is not self._policy:
            with tempfile.TemporaryDirectory(prefix="cupel-vllm-") as folder:
                self._load(policy, Path(folder))
            self._policy = policy
        from cupel.node.rollout.vllm_engine import rollouts_of

        made = rollouts_of(
            self._engine, asked.prompts, asked.seeds, asked.limit, asked.end, asked.temperature
        )
        states, lengths = torch.from_numpy(made.hidden), torch.from_numpy(made.lengths)
        for step in range(int(lengths.max())):
            sink.append(states[:, step], step < lengths)
        return Completions(made.tokens, made.lengths)

    def _load(self, policy: TransformersPolicy, folder: Path) -> None:
        file = folder / "model.safetensors"
        save_file(_weights(policy), file)
        if self._engine is None:
            self._engine = _engine_of(policy, folder)
        else:
            self._engine.collective_rpc("cupel_replace_weights", args=(str(file),))


def _weights(policy: TransformersPolicy) -> dict[str, torch.Tensor]:
    """By the names of the model's own files, with a head of its own."""
    weights = dict(policy.model.named_parameters())
    # vLLM 0.32 on the processor does not follow a tied head when weights are replaced: 117 of 128 rollouts were then
    # refused, and none with a head of its own.
    weights[_HEAD] = policy.model.get_output_embeddings().weight.clone()
    return {name: tensor.detach().contiguous() for name, tensor in weights.items()}


def _engine_of(policy: TransformersPolicy, folder: Path) -> Any:
    os.environ.update(ENVIRONMENT)
    from vllm import LLM

    from cupel.node.rollout.vllm_engine import options

    untied = copy.deepcopy(policy.model.config)
    untied.tie_word_embeddings = False
    untied.architectures = [type(policy.model).__name__]
    untied.save_pretrained(folder)
    sizes = {"max_model_len": policy.shape.positions, "dtype": "float32"}
    return LLM(str(folder), seed=0, **sizes, **options())
