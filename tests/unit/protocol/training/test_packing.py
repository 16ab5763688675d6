"""Sequences that share rows have the states they have alone."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cupel.protocol.model.layout import ARCHITECTURE
from cupel.protocol.model.tiny import TinyPolicy, initialise
from cupel.protocol.spec.task import ModelShape
from cupel.protocol.training.packing import pack, packed_states

SHAPE = ModelShape(ARCHITECTURE, vocabulary=16, layers=2, width=16, heads=2, feed_forward=24, positions=12)


@given(st.lists(st.integers(1, 12), min_size=1, max_size=40), st.integers(1, 40))
def test_nothing_overlaps_and_everything_fits(lengths: list[int], least: int) -> None:
    packing = pack(np.array(lengths), least)
    assert packing.capacity == max(least, *lengths, 1)
    taken = np.zeros((packing.num_rows, packing.capacity), int)
    for row, start, length in zip(packing.rows, packing.starts, lengths, strict=True):
        assert start + length <= packing.capacity
        taken[row, start : start + length] += 1
    assert taken.max() == 1
    assert taken.sum() == sum(lengths)
    assert (taken.sum(axis=1) > 0).all()


def test_first_fit_longest_first() -> None:
    packing = pack(np.array([3, 6, 4, 7]), 10)
    assert (packing.num_rows, packing.rows.tolist(), packing.starts.tolist()) == (
        2,
        [0, 1, 1, 0],
        [7, 0, 6, 0],
    )


@pytest.mark.parametrize("capacity", [1, 12, 25, 100])
def test_states_and_gradients_are_those_of_separate_rows(capacity: int) -> None:
    policy = TinyPolicy(SHAPE)
    initialise(policy, torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randint(0, 16, (9, 11), generator=generator)
    lengths = np.array([11, 3, 1, 7, 11, 2, 5, 8, 4])
    inside = torch.from_numpy(np.arange(11) < lengths[:, None])
    weight = torch.randn(9, 11, 16, generator=generator) * inside[..., None]
    found, gradients = [], []
    for states in (policy(inputs), packed_states(policy, inputs, lengths, capacity)):
        policy.zero_grad()
        (states * weight).sum().backward()
        found.append(states.detach() * inside[..., None])
        gradients.append([parameter.grad for parameter in policy.blocks.parameters()])
    assert torch.allclose(found[0], found[1], atol=1e-5)
    for alone, packed in zip(*gradients, strict=True):
        assert torch.allclose(alone, packed, atol=1e-4)


def test_a_sequence_sees_nothing_of_its_neighbours() -> None:
    policy = TinyPolicy(SHAPE)
    initialise(policy, torch.Generator().manual_seed(0))
    inputs = torch.randint(0, 16, (3, 4), generator=torch.Generator().manual_seed(1))
    lengths = np.array([4, 4, 4])
    changed = inputs.clone()
    changed[0] = (changed[0] + 1) % 16
    with torch.inference_mode():
        before, after = (packed_states(policy, one, lengths, 12) for one in (inputs, changed))
    assert pack(lengths, 12).num_rows == 1
    assert torch.equal(before[1:], after[1:])
    assert not torch.allclose(before[0], after[0])
