"""Checkpoints: exact floats, one file per version, and nothing else accepted."""

import io
import pickle

import numpy as np
import pytest
import torch
from safetensors.numpy import load, save

from cupel.protocol.model.checkpoint import (
    MOMENTUM,
    checkpoint_from_bytes,
    checkpoint_to_bytes,
    from_floats,
    genesis,
    to_floats,
)
from cupel.protocol.model.layout import ARCHITECTURE, Layout, layout_of
from cupel.protocol.model.tiny import TinyPolicy, initialise
from cupel.protocol.model.weights import flatten, policy_of
from cupel.protocol.spec.diloco.outer import MAX_WEIGHT, WEIGHT_FRACTION_BITS, OuterState
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.shardcast.manifest import FRACTION_BITS
from cupel.protocol.spec.task import ModelShape

SHAPE = ModelShape(ARCHITECTURE, vocabulary=8, layers=1, width=8, heads=2, feed_forward=12, positions=6)


@pytest.fixture(scope="module")
def layout() -> Layout:
    return layout_of(SHAPE)


@pytest.fixture(scope="module")
def state(layout: Layout) -> OuterState:
    random = np.random.default_rng(0)
    weights = random.integers(-MAX_WEIGHT, MAX_WEIGHT, layout.num_parameters, dtype=np.int32)
    return OuterState(weights, random.integers(-(2**40), 2**40, layout.num_parameters))


def reason_for(data: bytes, layout: Layout) -> Reason:
    with pytest.raises(Rejected) as caught:
        checkpoint_from_bytes(data, layout)
    return caught.value.reason


def test_weights_pass_through_a_policy_exactly(layout: Layout, state: OuterState) -> None:
    flat = flatten(policy_of(SHAPE, state), layout)
    assert np.array_equal(from_floats(flat), state.weights)
    assert flat[0] == state.weights[0] / 2**20


def test_floats_round_to_even_and_saturate() -> None:
    halves = np.array([0.5, 1.5, -0.5, -1.5], dtype=np.float32) * 2.0**-20
    assert from_floats(halves).tolist() == [0, 2, 0, -2]
    assert from_floats(np.array([16.0, -99.0], dtype=np.float32)).tolist() == [MAX_WEIGHT, -MAX_WEIGHT]
    extremes = np.array([MAX_WEIGHT, -MAX_WEIGHT, 1], dtype=np.int32)
    assert np.array_equal(from_floats(to_floats(extremes)), extremes)


def test_manifest_and_aggregation_agree_on_the_unit() -> None:
    assert WEIGHT_FRACTION_BITS == FRACTION_BITS


def test_the_file_comes_back_as_it_was(layout: Layout, state: OuterState) -> None:
    read = checkpoint_from_bytes(checkpoint_to_bytes(state, layout), layout)
    assert np.array_equal(read.weights, state.weights)
    assert np.array_equal(read.momentum, state.momentum)


def test_genesis_is_the_nearest_canonical_policy_without_momentum(layout: Layout) -> None:
    policy = TinyPolicy(SHAPE)
    initialise(policy, torch.Generator().manual_seed(0))
    flat = flatten(policy, layout)
    made = genesis(flat)
    assert not made.momentum.any()
    assert np.abs(to_floats(made.weights) - flat).max() <= 2.0**-21


def test_a_file_of_other_tensors_is_rejected(layout: Layout, state: OuterState) -> None:
    arrays = load(checkpoint_to_bytes(state, layout))
    name = layout.tensors[0].name
    without = {key: value for key, value in arrays.items() if key != name}
    assert reason_for(save(without), layout) is Reason.CHECKPOINT
    assert reason_for(save({**arrays, "extra": np.zeros(1, np.int32)}), layout) is Reason.CHECKPOINT
    assert reason_for(save({**arrays, name: arrays[name].astype(np.float32)}), layout) is Reason.CHECKPOINT
    assert reason_for(save({**arrays, name: arrays[name].reshape(-1)}), layout) is Reason.CHECKPOINT
    assert reason_for(save({**arrays, MOMENTUM: state.momentum[:-1]}), layout) is Reason.CHECKPOINT


def test_bytes_that_are_not_canonical_are_rejected(layout: Layout, state: OuterState) -> None:
    file = checkpoint_to_bytes(state, layout)
    assert reason_for(save(load(file), metadata={"format": "pt"}), layout) is Reason.CHECKPOINT
    assert reason_for(file[:-1], layout) is Reason.CHECKPOINT
    assert reason_for(b"", layout) is Reason.CHECKPOINT
    assert reason_for(file + bytes(10_000), layout) is Reason.SIZE


def test_formats_that_can_run_code_are_rejected(layout: Layout, state: OuterState) -> None:
    with_torch = io.BytesIO()
    torch.save({"weights": torch.from_numpy(state.weights)}, with_torch)
    with_numpy = io.BytesIO()
    np.savez(with_numpy, weights=state.weights)
    for file in (pickle.dumps([state.weights[:3].tolist()]), with_torch.getvalue(), with_numpy.getvalue()):
        assert reason_for(file, layout) is Reason.CHECKPOINT


def test_a_weight_no_float32_holds_is_rejected(layout: Layout, state: OuterState) -> None:
    weights = state.weights.copy()
    weights[3] = MAX_WEIGHT + 1
    file = checkpoint_to_bytes(OuterState(weights, state.momentum), layout)
    assert reason_for(file, layout) is Reason.CHECKPOINT
