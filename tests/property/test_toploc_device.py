"""Selection in torch is the spec's, bit for bit: any values, ties everywhere, ragged completions, short tails."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cupel.protocol.model.recorder import ChunkRecorder
from cupel.protocol.model.selection import chunk_on_device, select_on_device, select_states
from cupel.protocol.spec.toploc import compare_selection, prove, select
from cupel.protocol.spec.toploc.activations import top_points, top_points_batch
from cupel.protocol.spec.toploc.selection import Selection

# Bits of float32: two magnitudes with both signs, whose ties are the normal case; zeros; roundings to and from a tie;
# subnormals; infinities and NaNs; anything.
BITS = st.one_of(
    st.sampled_from([0x3F80_0000, 0xBF80_0000, 0x3F81_0000, 0xBF81_0000, 0, 0x8000_0000]),
    st.sampled_from([0x3F80_7FFF, 0x3F80_8000, 0x3F81_8000, 0xBF80_8001, 1, 0x8000_8001, 0x007F_FFFF]),
    st.sampled_from([0x7F7F_8000, 0x7F80_0000, 0xFF80_0000, 0x7F80_0001, 0xFFFF_FFFF, 0x7FFF_FFFF]),
    st.integers(0, 2**32 - 1),
)


@st.composite
def ragged(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, int, int]:
    """States float32 [N, T, H], lengths [N], tokens a chunk, points."""
    completions, tokens, width = draw(st.integers(1, 4)), draw(st.integers(1, 9)), draw(st.integers(1, 6))
    # Few different values, so that most elements tie with others.
    values = np.array(draw(st.lists(BITS, min_size=1, max_size=5)), np.uint32).view(np.float32)
    random = np.random.default_rng(draw(st.integers(0, 1000)))
    hidden = random.choice(values, (completions, tokens, width))
    lengths = np.array([draw(st.integers(1, tokens)) for _ in range(completions)], np.int32)
    if draw(st.booleans()):
        lengths[:] = tokens
    return hidden, lengths, draw(st.integers(1, 5)), draw(st.integers(1, 40))


def points(selection: Selection) -> list[set[tuple[int, int]]]:
    rows = zip(selection.indices, selection.patterns, strict=True)
    return [set(zip(index.tolist(), pattern.tolist(), strict=True)) for index, pattern in rows]


def device_selection(states: torch.Tensor, lengths: np.ndarray, chunk_tokens: int, k: int) -> Selection:
    return Selection(
        *select_on_device(states, lengths, chunk_tokens, k)(), lengths, chunk_tokens, states.shape[2]
    )


def in_bfloat16(hidden: np.ndarray) -> tuple[np.ndarray, torch.Tensor]:
    """The upper halves as patterns and as a tensor; NaNs keep their bits."""
    patterns = (hidden.view(np.uint32) >> 16).astype(np.uint16)
    return patterns, torch.from_numpy(patterns.view(np.int16)).view(torch.bfloat16)


@settings(deadline=None)
@given(ragged(), st.booleans())
def test_torch_selects_what_the_spec_selects(
    case: tuple[np.ndarray, np.ndarray, int, int], is_bfloat16: bool
) -> None:
    hidden, *arguments = case
    expected, states = in_bfloat16(hidden) if is_bfloat16 else (hidden, torch.from_numpy(hidden))
    wanted = select(expected, *arguments)
    assert points(device_selection(states, *arguments)) == points(wanted)
    # The same memory the other way round is not contiguous.
    across = states.transpose(0, 1).contiguous().transpose(0, 1)
    assert points(device_selection(across, *arguments)) == points(wanted)
    assert points(select_states(across, *arguments)) == points(wanted)


@settings(deadline=None)
@given(ragged(), st.booleans())
def test_a_recorded_decode_selects_what_the_spec_selects(
    case: tuple[np.ndarray, np.ndarray, int, int], is_bfloat16: bool
) -> None:
    hidden, lengths, chunk_tokens, k = case
    expected, states = in_bfloat16(hidden) if is_bfloat16 else (hidden, torch.from_numpy(hidden))
    recorder = ChunkRecorder(chunk_tokens, k)
    for step in range(lengths.max()):
        recorder.append(states[:, step], torch.from_numpy(step < lengths))
    wanted = select(expected, lengths, chunk_tokens, k)
    assert points(recorder.finish(lengths)) == points(wanted)


@settings(deadline=None)
@given(ragged(), st.booleans())
def test_ends_that_only_the_device_knows(
    case: tuple[np.ndarray, np.ndarray, int, int], is_bfloat16: bool
) -> None:
    """One chunk of every completion: what a recorder starts where the states are not on the host."""
    hidden, lengths, _, k = case
    expected, states = in_bfloat16(hidden) if is_bfloat16 else (hidden, torch.from_numpy(hidden))
    tokens = states.shape[1]
    running = torch.arange(tokens) < torch.from_numpy(lengths)[:, None]
    found = chunk_on_device(states.clone(), running, k)()
    wanted = select(expected, lengths, tokens, k)
    assert points(Selection(*found, lengths, tokens, states.shape[2])) == points(wanted)


@settings(deadline=None)
@given(ragged())
def test_proofs_and_refusals_are_the_same(case: tuple[np.ndarray, np.ndarray, int, int]) -> None:
    """Equal bytes, or the same complaint about what is not finite or degenerate."""
    hidden, *arguments = case
    selections = [select(hidden, *arguments), device_selection(torch.from_numpy(hidden), *arguments)]

    def outcome(selection: Selection) -> object:
        try:
            return prove(selection)
        except AssertionError as error:
            return str(error)

    assert outcome(selections[0]) == outcome(selections[1])
    proofs = [
        [bytes([0xFF, 0xD9, *range(1, 2 * arguments[2] + 1)])] * count for count in selections[0].counts
    ]
    one, other = (compare_selection(proofs, selection) for selection in selections)
    assert repr(one) == repr(other)


@pytest.mark.parametrize("k", [1, 7, 128])
def test_equal_magnitudes_go_to_the_lower_index(k: int) -> None:
    """The largest chunk there is, all of one magnitude and of both signs."""
    patterns = np.full((1, 15, 4366), 0x3F80, np.uint16)
    patterns[0, ::2] = 0xBF80
    tensor = torch.from_numpy(patterns.view(np.int16)).view(torch.bfloat16)
    selection = device_selection(tensor, np.array([15]), 15, k)
    assert points(selection) == [set(top_points(patterns.reshape(-1), k))]
    assert sorted(selection.indices[0].tolist()) == list(range(k))
    indices, _ = top_points_batch(patterns.reshape(1, -1), k)
    assert set(indices[0].tolist()) == set(range(k))
