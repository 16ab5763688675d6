"""What vLLM needs to sample by the protocol: seeded tokens, and the state behind each.

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
from vllm import SamplingParams
from vllm.v1.sample.logits_processor import LogitsProcessor

from cupel.protocol.model.generate import PAD, Generation
from cupel.protocol.model.noise import noise_of, tokens_ahead
from cupel.protocol.model.vllm_loading import common_options

_ROW, _SEED, _TEMPERATURE = "cupel_row", "cupel_seed", "cupel_temperature"

Kept = tuple[NDArray[np.int64], NDArray[np.float32]]
"""Rollout and position [S, 2] of states [S, H], in the order of their scoring."""


class SeededGumbel(LogitsProcessor):  # type: ignore[misc, unused-ignore]
    """Leaves one token of each row: argmax(logits / temperature + noise), in float64 as the protocol has it."""

    def __init__(self, vllm_config: Any, device: torch.device, is_pin_memory: bool) -> None:
        self._vocabulary: Final = int(vllm_config.model_config.get_vocab_size())
        self._device: Final = torch.device(device)
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
                self._rows[index] = _Drawn(
                    bytes.fromhex(given[_SEED]), given[_TEMPERATURE], params.max_tokens, output
                )
        for source, target, direction in batch_update.moved:
            moved, replaced = self._rows.pop(source, None), self._rows.pop(target, None)
            if moved is not None:
                self._rows[target] = moved
            if replaced is not None and direction.name == "SWAP":
                self._rows[source] = replaced

    def apply(self, logits: torch.Tensor) -> torch.Tensor:
        """logits float32 [requests, vocabulary], changed in place."""
        if not self._rows:
            return logits
        drawn = list(self._rows.values())
        self._draw([one for one in drawn if not one.has_noise()], len(drawn))
        noise = torch.stack([one.noise() for one in drawn])
        rows = torch.tensor(list(self._rows), device=logits.device)
        temperatures = torch.tensor([[one.temperature] for one in drawn], dtype=torch.float64)
        scores = logits[rows].double() / temperatures.to(logits.device) + noise
        logits[rows] = -torch.inf
        logits[rows, scores.argmax(dim=1)] = 0.0
        return logits

    def _draw(self, wanting: list[_Drawn], rows: int) -> None:
        if not wanting:
            return
        firsts = [len(one.output) for one in wanting]
        left = max(one.limit - first for one, first in zip(wanting, firsts, strict=True))
        count = tokens_ahead(rows, self._vocabulary, left)
        seeds = [one.seed for one in wanting]
        noise = noise_of(seeds, firsts, count, self._vocabulary, self._device)
        for one, first, ahead in zip(wanting, firsts, noise, strict=True):
            one.first, one.ahead = first, ahead


@dataclass(slots=True, eq=False)
class _Drawn:
    """A request's seed and limit, vLLM's own growing list of its tokens, and noise [B, vocabulary] from token `first`
    on."""

    seed: bytes
    temperature: float
    limit: int
    output: list[int]
    first: int = 0
    ahead: torch.Tensor | None = None

    def has_noise(self) -> bool:
        """For its next token."""
        return self.ahead is not None and 0 <= len(self.output) - self.first < len(self.ahead)

    def noise(self) -> torch.Tensor:
        """Of its next token [vocabulary]."""
        assert self.ahead is not None
        return self.ahead[len(self.output) - self.first]


class StateCapture:
    """A worker extension: keeps the rows that the model scores, by rollout and position.

    Scoring is outside what vLLM captures as CUDA graphs, and what a graph computed is copied before the next replay.
    """

    model_runner: Any

    def cupel_begin(self) -> None:
        """Forget what was kept; from the first call on, every scoring is seen."""
        model = self.model_runner.model
        if not hasattr(self, "_cupel_kept"):
            scored = model.compute_logits

            def compute_logits(states: torch.Tensor, *others: Any, **named: Any) -> Any:
                self._cupel_keep(states)
                return scored(states, *others, **named)

            model.compute_logits = compute_logits
        self._cupel_kept: list[torch.Tensor] = []
        self._cupel_places: list[tuple[int, int]] = []

    def cupel_finish(self) -> Kept:
        """Everything since `cupel_begin`."""
        states = torch.cat(self._cupel_kept).float().cpu().numpy()
        places = np.array(self._cupel_places, np.int64)
        self._cupel_kept, self._cupel_places = [], []
        return places, states

    def _cupel_keep(self, states: torch.Tensor) -> None:
        runner, rows = self.model_runner, []
        for index, name in zip(range(len(states)), runner.input_batch.req_ids, strict=False):
            request = runner.requests[name]
            given = (request.sampling_params.extra_args if request.sampling_params else None) or {}
            if _ROW in given:
                rows.append(index)
                self._cupel_places.append((given[_ROW], len(request.output_token_ids)))
        if rows:
            whole = len(rows) == len(states)
            self._cupel_kept.append(states.clone() if whole else states[rows])


def options() -> dict[str, Any]:
    """What `vllm.LLM` must be given; asynchronous scheduling would let a list of tokens lag behind its step."""
    return {
        "logits_processors": [SeededGumbel],
        "async_scheduling": False,
        "worker_extension_cls": f"{__name__}.{StateCapture.__name__}",
        "skip_tokenizer_init": True,
        **common_options(),
    }


def rollouts_of(
    engine: Any, prompts: NDArray[np.int64], seeds: Sequence[bytes], limit: int, end: int, temperature: float
) -> Generation:
    """What `generate` gives for noise of these seeds: prompts [N, P], one seed of 32 bytes each, T = limit."""
    engine.collective_rpc("cupel_begin")
    wanted = [_sampling(row, seed, limit, end, temperature) for row, seed in enumerate(seeds)]
    made = engine.generate([{"prompt_token_ids": row.tolist()} for row in prompts], wanted, use_tqdm=False)
    places, states = engine.collective_rpc("cupel_finish")[0]
    tokens = np.full((len(seeds), limit), PAD, np.int32)
    hidden = np.zeros((len(seeds), limit, states.shape[1]), np.float32)
    for row, request in enumerate(made):
        text = request.outputs[0].token_ids
        tokens[row, : len(text)] = text
    # A prompt read in parts is scored after each; the last, which chooses the token, stays.
    hidden[places[:, 0], places[:, 1]] = states
    return Generation(tokens, (tokens != PAD).sum(axis=1).astype(np.int32), hidden)


def _sampling(row: int, seed: bytes, limit: int, end: int, temperature: float) -> SamplingParams:
    given = {_ROW: row, _SEED: seed.hex(), _TEMPERATURE: temperature}
    # vLLM takes only tokens of the vocabulary; what is below them ends nothing.
    ends = [end] if end >= 0 else []
    return SamplingParams(
        temperature=0.0, max_tokens=limit, stop_token_ids=ends, detokenize=False, extra_args=given
    )
