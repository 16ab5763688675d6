"""Selection where the states lie. On CUDA itself: the tests marked `gpu`."""

from typing import Any

import numpy as np
import pytest
import torch

from cupel.protocol.model.selection import select_on_device, select_states, start_selection
from cupel.protocol.spec.toploc import build_proofs_batch, prove, select
from cupel.protocol.spec.toploc.activations import MAX_ELEMENTS

LENGTHS = np.array([70, 1, 33, 64], np.int32)
cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


def hidden_states(completions: int = 4, tokens: int = 70, width: int = 128) -> np.ndarray:
    """Rounded so coarsely that many magnitudes are equal."""
    draws = np.random.default_rng(1).standard_normal((completions, tokens, width), dtype=np.float32)
    return np.round(draws * 8) / 8


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("select_points", [select_on_device, start_selection])
def test_the_proofs_are_those_of_the_spec(dtype: torch.dtype, select_points: Any) -> None:
    states = torch.from_numpy(hidden_states()).to(dtype)
    selection = select_states(states, LENGTHS, 32, 128)
    assert prove(selection) == build_proofs_batch(states.float().numpy(), LENGTHS, 32, 128)
    indices, patterns = select_points(states, LENGTHS, 32, 128)()
    words = np.sort(indices << 16 | patterns)
    assert np.array_equal(words, np.sort(selection.indices << 16 | selection.patterns))


def test_blocks_follow_one_another_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the states are too many for one pass."""
    monkeypatch.setattr("cupel.protocol.model.selection._BLOCK_ELEMENTS", 2 * 32 * 128)
    hidden = hidden_states()
    for lengths in (LENGTHS, np.full(4, 64)):
        states = torch.from_numpy(hidden[:, : lengths.max()])
        indices, _ = select_on_device(states, lengths, 32, 16)()
        wanted = select(hidden, lengths, 32, 16).indices
        assert np.array_equal(np.sort(indices), np.sort(wanted))


def test_no_completions_no_points() -> None:
    indices, patterns = select_on_device(torch.empty(0, 9, 8), np.empty(0, np.int64), 4, 8)()
    assert (indices.shape, patterns.shape) == ((0, 8), (0, 8))


@pytest.mark.parametrize(
    ("shape", "lengths", "chunk_tokens", "k", "problem"),
    [
        ((2, 4, 3), [1], 2, 4, "completions"),
        ((2, 4, 3), [0, 1], 2, 4, "outside"),
        ((2, 4, 3), [1, 5], 2, 4, "outside"),
        ((2, 4, 3), [1, 4], 0, 4, "tokens"),
        ((2, 4, 3), [1, 4], 2, 0, "points"),
        ((1, 1, MAX_ELEMENTS + 1), [1], 1, 4, "elements"),
    ],
)
def test_what_the_spec_refuses_is_our_bug_here_too(
    shape: tuple[int, ...], lengths: list[int], chunk_tokens: int, k: int, problem: str
) -> None:
    with pytest.raises(AssertionError, match=problem):
        select_on_device(torch.zeros(shape), np.array(lengths), chunk_tokens, k)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64, torch.int16])
def test_states_of_another_type_are_our_bug(dtype: torch.dtype) -> None:
    with pytest.raises(AssertionError, match="type"):
        start_selection(torch.zeros((1, 2, 8), dtype=dtype), np.array([2]), 2, 4)


@pytest.mark.parametrize("tokens", [64, 70])
def test_only_the_points_cross_the_bus_and_at_once(tokens: int, host_traffic: Any) -> None:
    """Whole completions cause no upload; ragged ones that of two numbers a chunk."""
    states = torch.empty((4, tokens, 128), dtype=torch.bfloat16, device="meta")
    lengths = LENGTHS if tokens == 70 else np.full(4, 64)
    with host_traffic as traffic:
        start_selection(states, lengths, 32, 128)
    chunks = 8 if tokens == 64 else 3 + 1 + 2 + 2
    assert traffic.waits == 0
    assert traffic.to_host == [chunks * 128 * 4]
    assert traffic.to_device == ([] if tokens == 64 else [chunks * 2 * 8])


@pytest.mark.gpu
@cuda
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_states_on_cuda_give_the_same_proofs_without_a_wait(dtype: torch.dtype, waits_forbidden: Any) -> None:
    host = torch.from_numpy(hidden_states(completions=4, tokens=70, width=2046)).to(dtype)
    states = host.cuda()
    start_selection(states, LENGTHS, 32, 128)()
    with waits_forbidden():
        arrive = start_selection(states, LENGTHS, 32, 128)
    indices, patterns = arrive()
    wanted = select_states(host, LENGTHS, 32, 128)
    words = np.sort(indices << 16 | patterns)
    assert np.array_equal(words, np.sort(wanted.indices << 16 | wanted.patterns))
    assert prove(select_states(states, LENGTHS, 32, 128)) == prove(wanted)
