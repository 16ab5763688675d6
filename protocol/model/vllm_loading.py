"""vLLM with a policy's weights: started with the first policy's, given every later one's in place.

It runs in this process and in float32. Importable without vLLM, which takes ten seconds and half a gigabyte to load.
"""

from __future__ import annotations

import copy
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import torch
from safetensors.torch import save_file

from cupel.protocol.model.policy import Policy
from cupel.protocol.model.transformers_engine import TransformersPolicy

_HEAD: Final = "lm_head.weight"
ENVIRONMENT: Final = {
    # A process of vLLM's own would be one more to keep up; a node's may have no children.
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    # The other runner takes no logits processors.
    "VLLM_USE_V2_MODEL_RUNNER": "0",
    # Else a GPU's attention rounds float32 to ten bits, which no verifier's thresholds bear.
    "TRITON_F32_DEFAULT": "ieee",
    # Standard output is for events.
    "VLLM_LOGGING_STREAM": "ext://sys.stderr",
}
"""What must be set before vLLM starts."""
PROCESSOR_HEAD_CHANNELS: Final = (32, 64, 80, 96, 112, 128, 160, 192, 224, 256, 512)
"""Channels of a head that vLLM's attention on the processor has kernels for: `CPUAttentionBackend` of vLLM 0.32."""


def computes_heads(channels: int) -> bool:
    """Whether vLLM's attention does heads of so many channels here."""
    return torch.cuda.is_available() or channels in PROCESSOR_HEAD_CHANNELS


def common_options() -> dict[str, Any]:
    """What `vllm.LLM` must be given, whatever it is for."""
    return {
        # A cached prompt is not computed anew, so a replaced policy would meet the old one's keys.
        "enable_prefix_caching": False,
        # On a GPU it captures CUDA graphs; on the processor it would compile for a minute.
        "enforce_eager": not torch.cuda.is_available(),
    }


def replace_weights(engine: Any, weights: Mapping[str, torch.Tensor]) -> None:
    """Put tensors, under Hugging Face's names, into the running model of an `LLM` of this process."""
    # The model's own load_weights would find the tensors that some kernels packed and dropped gone.
    engine.collective_rpc("reload_weights", kwargs={"weights_iterator": iter(weights.items())})


class VllmModel:
    """One `vllm.LLM` for a task's policies, one after another. `options`: what it is given, once it starts."""

    def __init__(self, options: Callable[[], dict[str, Any]]) -> None:
        self._options: Final = options
        self._engine: Any = None
        self._policy: Policy | None = None

    def holding(self, policy: Policy) -> Any:
        """The `vllm.LLM`, with this policy's weights."""
        assert isinstance(policy, TransformersPolicy), "check_engine lets no other pass"
        if policy is not self._policy:
            if self._engine is None:
                self._engine = _start(policy, self._options)
            else:
                replace_weights(self._engine, _weights(policy))
            self._policy = policy
        return self._engine


def _weights(policy: TransformersPolicy) -> dict[str, torch.Tensor]:
    """By the names of the model's own files, with a head of its own."""
    weights = dict(policy.model.named_parameters())
    # vLLM 0.32 on the processor does not follow a tied head when weights are replaced: 117 of 128 rollouts were then
    # refused, and none with a head of its own.
    weights[_HEAD] = policy.model.get_output_embeddings().weight.clone()
    return {name: tensor.detach().contiguous() for name, tensor in weights.items()}


def _start(policy: TransformersPolicy, options: Callable[[], dict[str, Any]]) -> Any:
    os.environ.update(ENVIRONMENT)
    from vllm import LLM

    with tempfile.TemporaryDirectory(prefix="cupel-vllm-") as folder:
        save_file(_weights(policy), Path(folder) / "model.safetensors")
        untied = copy.deepcopy(policy.model.config)
        untied.tie_word_embeddings = False
        untied.architectures = [type(policy.model).__name__]
        untied.save_pretrained(folder)
        _save_tokenizer(Path(folder))
        sizes = {"max_model_len": policy.shape.positions, "dtype": "float32"}
        return LLM(folder, seed=0, **sizes, **options())


def _save_tokenizer(folder: Path) -> None:
    """One of one word: some of vLLM's runners want one, though tokens come and go as numbers."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(WordLevel({"unknown": 0}, unk_token="unknown"))
    PreTrainedTokenizerFast(tokenizer_object=words).save_pretrained(folder)  # type: ignore[no-untyped-call]
