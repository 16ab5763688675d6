from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cupel.protocol.spec.diloco.blocks import Update, decode_update, encode_update
from cupel.protocol.spec.diloco.distance import distance_thousandths
from cupel.protocol.spec.diloco.outer import fixed_point, sum_updates
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.replay import ReplayRule
from cupel.protocol.spec.task import TaskSpec
from cupel.protocol.testing.builders import example_spec

SIZE = 100


def update_of(seed: int) -> Update:
    return encode_update(np.random.default_rng(seed).normal(size=SIZE).astype(np.float32), 0)[0]


def test_distances_are_shares_of_the_replay() -> None:
    one, other = update_of(1), update_of(2)
    zeros = Update(np.zeros_like(one.mantissas), one.exponents)
    assert distance_thousandths(one, one, SIZE) == 0
    assert distance_thousandths(zeros, one, SIZE) == 1000
    assert distance_thousandths(Update(-one.mantissas, one.exponents), one, SIZE) == 2000
    assert 1000 < distance_thousandths(other, one, SIZE) < 2000


def test_of_zeros_only_zeros_are_near_in_whatever_blocks() -> None:
    zeros = Update(np.zeros_like(update_of(1).mantissas), update_of(1).exponents)
    others = Update(zeros.mantissas, np.full_like(zeros.exponents, -32))
    assert distance_thousandths(others, zeros, SIZE) == 0
    assert distance_thousandths(update_of(1), zeros, SIZE) > 10**6


@pytest.mark.parametrize("allowed", [1, 300, 900])
def test_a_task_may_have_updates_trained_again(allowed: int) -> None:
    spec = dataclasses.replace(example_spec(), replay=ReplayRule(allowed))
    assert TaskSpec.from_bytes(spec.to_bytes()) == spec


@pytest.mark.parametrize("allowed", [0, 901])
def test_a_rule_that_convicts_all_or_none_is_refused(allowed: int) -> None:
    spec = dataclasses.replace(example_spec(), replay=ReplayRule(allowed))
    with pytest.raises(Rejected) as caught:
        TaskSpec.from_bytes(spec.to_bytes())
    assert caught.value.reason is Reason.TASK_SPEC


def test_a_task_without_the_rule_has_the_document_it_had() -> None:
    assert b"replay" not in example_spec().to_bytes()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), num_liars=st.integers(1, 3), allowed=st.sampled_from([100, 400, 900]))
def test_what_passes_moves_the_mean_by_its_share_of_the_allowed_distance(
    seed: int, num_liars: int, allowed: int
) -> None:
    """The bound of docs/diloco.md: d * k / n of the longest honest length."""
    source, count = np.random.default_rng(seed), 5
    honest = [encode_update(source.normal(size=SIZE).astype(np.float32), 0)[0] for _ in range(count)]
    passing = [*honest]
    for index in range(num_liars):
        base = decode_update(honest[index], SIZE)
        push = source.normal(size=SIZE)
        push *= np.linalg.norm(base) * allowed / 1000 / np.linalg.norm(push)
        lie = encode_update((base + push * 0.98).astype(np.float32), 0)[0]
        assume(distance_thousandths(lie, honest[index], SIZE) <= allowed)
        passing[index] = lie
    moved = np.linalg.norm(sum_updates(passing, SIZE) - sum_updates(honest, SIZE)) / count
    longest = max(np.linalg.norm(fixed_point(one, SIZE)) for one in honest)
    # Distances are rounded down to a thousandth.
    assert moved <= (allowed + 1) / 1000 * num_liars / count * longest
