"""What vLLM needs to sample by the protocol: seeded tokens, the state behind each, weights replaced in place.

vLLM loads `SeededGumbel` and `StateCapture` by name into its worker; `rollouts_of` drives an `LLM` made with `options`.
`vllm_sampler.py` makes a node's sampler of it. Only importable where vLLM is installed. Written against vLLM 0.32.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from vllm import SamplingParams
from vllm.v1.sample.logits_processor import LogitsProcessor

from cupel.protocol.model.generate import PAD, Generation
from cupel.protocol.spec.sampling import gumbel_noise

_ROW, _SEED, _LIMIT, _TEMPERATURE = "cupel_row", "cupel_seed", "cupel_limit", "cupel_temperature"


class SeededGumbel(LogitsProcessor):  # type: ignore[misc, unused-ignore]
    """Leaves one token of each row: argmax(logits / temperature + noise), in float64 as the protocol has it."""

    def __init__(self, vllm_config: Any, device: torch.device, is_pin_memory: bool) -> None:
        self._vocabulary: Final = int(vllm_config.model_config.get_vocab_size())
        self._rows: dict[int, _Drawn] = {}

    def is_argmax_invariant(self) -> bool:
        """No: it decides the token, also of greedy sampling."""
        return False

    def update_state(self, batch_update: Any) -> None:
        """Follow the requests through the batch: removed, then added, then moved."""
        if batch_update is None:
            return
        for index in batch_update.removed:
            self._rows.pop(index, None)
        for index, params, _, output in batch_update.added:
            given = params.extra_args or {}
            self._rows.pop(index, None)
            if _SEED in given:
                noise = gumbel_noise(bytes.fromhex(given[_SEED]), given[_LIMIT], self._vocabulary)
                self._rows[index] = _Drawn(noise, given[_TEMPERATURE], output)
        for source, target, direction in batch_update.moved:
            moved, replaced = self._rows.pop(source, None), self._rows.pop(target, None)
            if moved is not None:
                self._rows[target] = moved
            if replaced is not None and direction.name == "SWAP":
                self._rows[source] = replaced

    def apply(self, logits: torch.Tensor) -> torch.Tensor:
        """logits float32 [requests, vocabulary], changed in place."""
        for index, drawn in self._rows.items():
            noise = torch.from_numpy(drawn.noise[len(drawn.output)]).to(logits.device)
            chosen = (logits[index].double() / drawn.temperature + noise).argmax()
            logits[index] = -torch.inf
            logits[index, chosen] = 0.0
        return logits


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A request's noise float64 [T, vocabulary], and vLLM's own growing list of its tokens."""

    noise: NDArray[np.float64]
    temperature: float
    output: list[int]


class StateCapture:
    """A worker extension: keeps the rows that the model scores, by rollout and position."""

    model_runner: Any

    def cupel_begin(self) -> None:
        """Forget what was kept; from the first call on, every scoring is seen."""
        model = self.model_runner.model
        if not hasattr(self, "_cupel_states"):
            scored = model.compute_logits

            def compute_logits(states: torch.Tensor, *others: Any, **named: Any) -> Any:
                self._cupel_keep(states)
                return scored(states, *others, **named)

            model.compute_logits = compute_logits
        self._cupel_states: dict[tuple[int, int], torch.Tensor] = {}

    def cupel_finish(self) -> dict[tuple[int, int], NDArray[np.float32]]:
        """State [H] by rollout and position, of everything since `cupel_begin`."""
        return {place: state.float().cpu().numpy() for place, state in self._cupel_states.items()}

    def cupel_replace_weights(self, file: str) -> None:
        """Put the tensors of a safetensors file, under Hugging Face's names, into the running model."""
        # The model's own load_weights would find the tensors that some kernels packed and dropped gone.
        self.model_runner.reload_weights(weights_iterator=iter(load_file(file).items()))

    def _cupel_keep(self, states: torch.Tensor) -> None:
        runner = self.model_runner
        for state, name in zip(states, runner.input_batch.req_ids, strict=False):
            request = runner.requests[name]
            given = (request.sampling_params.extra_args if request.sampling_params else None) or {}
            if _ROW in given:
                # A prompt read in parts is scored after each; the last, which chooses the token, stays.
                self._cupel_states[given[_ROW], len(request.output_token_ids)] = state.clone()


def options() -> dict[str, Any]:
    """What `vllm.LLM` must be given; asynchronous scheduling would let a list of tokens lag behind its step."""
    return {
        "worker_extension_cls": f"{__name__}.{StateCapture.__name__}",
        "logits_processors": [SeededGumbel],
        "async_scheduling": False,
        # A cached prompt is not computed anew, so a replaced policy would meet the old one's keys.
        "enable_prefix_caching": False,
        "skip_tokenizer_init": True,
    }


def rollouts_of(
    engine: Any, prompts: NDArray[np.int64], seeds: Sequence[bytes], limit: int, end: int, temperature: float
) -> Generation:
    """What `generate` gives for noise of these seeds: prompts [N, P], one seed of 32 bytes each, T = limit."""
    engine.collective_rpc("cupel_begin")
    wanted = [_sampling(row, seed, limit, end, temperature) for row, seed in enumerate(seeds)]
    made = engine.generate([{"prompt_token_ids": row.tolist()} for row in prompts], wanted, use_tqdm=False)
    states = engine.collective_rpc("cupel_finish")[0]
    tokens = np.full((len(seeds), limit), PAD, np.int32)
    hidden = np.zeros((len(seeds), limit, len(next(iter(states.values())))), np.float32)
    for row, request in enumerate(made):
        text = request.outputs[0].token_ids
        tokens[row, : len(text)] = text
        hidden[row, : len(text)] = [states[row, position] for position in range(len(text))]
    return Generation(tokens, (tokens != PAD).sum(axis=1).astype(np.int32), hidden)


def _sampling(row: int, seed: bytes, limit: int, end: int, temperature: float) -> SamplingParams:
    given = {_ROW: row, _SEED: seed.hex(), _LIMIT: limit, _TEMPERATURE: temperature}
    return SamplingParams(
        temperature=0.0, max_tokens=limit, stop_token_ids=[end], detokenize=False, extra_args=given
    )
