"""Rounded weights: as many levels as the bits allow, and as near as they can be."""

from __future__ import annotations

import pytest
import torch

from cupel.protocol.model.quantise import quantised
from cupel.protocol.model.tiny import TinyPolicy, initialise
from cupel.protocol.testing.builders import example_spec


@pytest.mark.parametrize("bits", [2, 4, 8, 12])
def test_rows_have_their_levels_and_no_weight_moves_by_more_than_half_of_one(bits: int) -> None:
    policy = TinyPolicy(example_spec().model)
    initialise(policy, torch.Generator().manual_seed(1))
    levels = 2**bits - 1
    pairs = zip(policy.parameters(), quantised(policy, bits).parameters(), strict=True)
    changed = 0
    for weights, rounded in pairs:
        rows = weights.detach().reshape(-1, weights.shape[-1])
        for row, new in zip(rows, rounded.detach().reshape(rows.shape), strict=True):
            step = row.abs().max() / (levels // 2)
            assert len(new.unique()) <= levels
            assert (row - new).abs().max() <= step * 0.5001
        changed += int((weights != rounded).sum())
    assert changed > 0
