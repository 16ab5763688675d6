"""A decode's chunks: proved as they fill, and no step makes the engine wait."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from cupel.protocol.model.recorder import ChunkRecorder
from cupel.protocol.spec.toploc import build_proofs_batch, prove

LENGTHS = np.array([10, 1, 4, 8, 3], np.int32)
CHUNK_TOKENS, POINTS, WIDTH = 4, 16, 8


def hidden_states() -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(2).standard_normal((5, 10, WIDTH), dtype=np.float32))


def record(states: torch.Tensor, lengths: np.ndarray) -> ChunkRecorder:
    recorder = ChunkRecorder(CHUNK_TOKENS, POINTS)
    for step in range(lengths.max()):
        recorder.append(states[:, step], torch.from_numpy(step < lengths).to(states.device))
    return recorder


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_proofs_are_those_of_all_states(dtype: torch.dtype) -> None:
    states = hidden_states().to(dtype)
    proofs = prove(record(states, LENGTHS).finish(LENGTHS))
    assert [len(one) for one in proofs] == [3, 1, 1, 2, 1]
    assert proofs == build_proofs_batch(states.float().numpy(), LENGTHS, CHUNK_TOKENS, POINTS)


def test_what_an_engine_computes_behind_the_end_does_not_matter() -> None:
    states = hidden_states()
    before = prove(record(states, LENGTHS).finish(LENGTHS))
    for row, length in zip(states, LENGTHS, strict=True):
        row[length:] = torch.nan
    assert prove(record(states, LENGTHS).finish(LENGTHS)) == before


def test_an_engine_may_reuse_its_memory() -> None:
    states, step_memory = hidden_states(), torch.empty(5, WIDTH)
    recorder = ChunkRecorder(CHUNK_TOKENS, POINTS)
    for step in range(10):
        recorder.append(step_memory.copy_(states[:, step]), torch.ones(5, dtype=torch.bool))
    lengths = np.full(5, 10)
    assert prove(recorder.finish(lengths)) == build_proofs_batch(
        states.numpy(), lengths, CHUNK_TOKENS, POINTS
    )


@pytest.mark.parametrize("lengths", [[0, 1], [1, 5]])
def test_lengths_that_were_not_recorded_are_our_bug(lengths: list[int]) -> None:
    recorder = ChunkRecorder(CHUNK_TOKENS, POINTS)
    for _ in range(4):
        recorder.append(torch.ones(2, WIDTH), torch.ones(2, dtype=torch.bool))
    with pytest.raises(AssertionError, match="outside"):
        recorder.finish(np.array(lengths))


def test_without_a_step_there_is_nothing_to_finish() -> None:
    with pytest.raises(AssertionError, match="no step"):
        ChunkRecorder(CHUNK_TOKENS, POINTS).finish(np.array([1]))


def decode(recorder: ChunkRecorder, steps: int, dtype: torch.dtype) -> None:
    states = torch.empty((5, WIDTH), dtype=dtype, device="meta")
    for _ in range(steps):
        recorder.append(states, torch.empty(5, dtype=torch.bool, device="meta"))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_no_step_waits_and_a_full_chunk_is_one_copy_of_its_points(
    dtype: torch.dtype, host_traffic: Any
) -> None:
    with host_traffic as traffic:
        decode(ChunkRecorder(CHUNK_TOKENS, POINTS), 11, dtype)
    assert (traffic.waits, traffic.to_device) == (0, [])
    assert traffic.to_host == [5 * POINTS * 4] * 2


@pytest.mark.parametrize(
    "look",
    [
        lambda states, running: states.cpu(),
        lambda states, running: states.to("cpu", non_blocking=True),
        lambda states, running: states[0, 0].item(),
        lambda states, running: bool(running.any()),
        lambda states, running: running.tolist(),
    ],
)
def test_a_look_at_every_step_would_be_counted(
    look: Callable[[torch.Tensor, torch.Tensor], object], host_traffic: Any
) -> None:
    """The test above can fail: the same decode by a recorder that looks."""

    class Looking(ChunkRecorder):
        def append(self, states: torch.Tensor, running: torch.Tensor) -> None:
            look(states, running)
            super().append(states, running)

    with host_traffic as traffic:
        decode(Looking(CHUNK_TOKENS, POINTS), 11, torch.bfloat16)
    assert traffic.waits + len(traffic.to_host) >= 2 + 11


@pytest.mark.parametrize(
    "look",
    [
        lambda states, running: states.numpy(),
        lambda states, running: states[running],
        lambda states, running: running.nonzero(),
        lambda states, running: torch.empty(5, WIDTH).copy_(states),
    ],
)
def test_other_looks_fail_without_numbers(look: Callable[[torch.Tensor, torch.Tensor], object]) -> None:
    states, running = torch.empty((5, WIDTH), device="meta"), torch.empty(5, dtype=torch.bool, device="meta")
    with pytest.raises((TypeError, NotImplementedError)):
        look(states, running)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_decode_on_cuda_never_waits_and_gives_the_same_proofs(waits_forbidden: Any) -> None:
    states = hidden_states()
    on_device, everywhere = states.cuda(), torch.ones((11, 5), dtype=torch.bool).cuda()
    recorder = ChunkRecorder(CHUNK_TOKENS, POINTS)
    with waits_forbidden():
        for step in range(10):
            recorder.append(on_device[:, step], everywhere[step])
    lengths = np.full(5, 10)
    assert prove(recorder.finish(lengths)) == build_proofs_batch(
        states.numpy(), lengths, CHUNK_TOKENS, POINTS
    )
