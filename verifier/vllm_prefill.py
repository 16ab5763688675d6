"""vLLM as a verifier's prefill: the final state of every token, as it gives them for embeddings of tokens."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from cupel.protocol.model.generate import replay_input
from cupel.protocol.model.policy import Policy
from cupel.protocol.model.vllm_loading import VllmModel, common_options


class VllmPrefill:
    """See `Prefill`. The states are vLLM's; of them the policy's own head makes the scores."""

    def __init__(self) -> None:
        self._model: Final = VllmModel(options)

    @torch.inference_mode()
    def __call__(
        self, policy: Policy, prompts: NDArray[np.int64], tokens: NDArray[np.int32]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """See `Prefill`."""
        rows = [{"prompt_token_ids": row} for row in replay_input(prompts, tokens).tolist()]
        made = self._model.holding(policy).encode(rows, pooling_task="token_embed", use_tqdm=False)
        states = torch.stack([one.outputs.data for one in made]).float()[:, prompts.shape[1] - 1 :]
        return states, policy.logits(states)


def options() -> dict[str, Any]:
    """What `vllm.LLM` must be given to prefill."""
    from vllm.config import PoolerConfig

    # An activation would scale every state to length one.
    pooler = PoolerConfig(task="token_embed", tok_pooling_type="ALL", use_activation=False)
    return {
        "runner": "pooling",
        "convert": "embed",
        "pooler_config": pooler,
        **common_options(),
    }
