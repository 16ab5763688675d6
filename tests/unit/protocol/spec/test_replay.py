from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from cupel.protocol.spec.diloco.blocks import Update, encode_update
from cupel.protocol.spec.diloco.distance import distance_thousandths
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
