"""Each rule against numbers worked out by hand, and its delta as exact as that of a mean."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cupel.protocol.spec.aggregation import Aggregation
from cupel.protocol.spec.diloco.blocks import BLOCK, Update
from cupel.protocol.spec.diloco.combine import aggregate, combine
from cupel.protocol.spec.diloco.delta import Delta, delta_from_bytes, delta_to_bytes
from cupel.protocol.spec.diloco.outer import OuterState, outer_step
from cupel.protocol.spec.diloco.robust import robust_mean

UNIT = 2**12  # 2^-20 in units of 2^-32
MEAN = Aggregation(1, 1, 0, 1)
CLIP = dataclasses.replace(MEAN, rule="clip")
VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[4] / "vectors" / "delta.json").read_text())
TRIM = dataclasses.replace(MEAN, rule="trim", trimmed=1)


def update(*mantissas: int) -> Update:
    values = np.zeros(BLOCK, dtype=np.int8)
    values[: len(mantissas)] = mantissas
    return Update(values, np.array([-20], dtype=np.int8))


# Lengths 5, 5 and 50; the third is ten times the first.
UPDATES = [update(3, 4), update(4, -3), update(30, 40)]


@pytest.mark.parametrize(
    ("rule", "sums", "count"), [(MEAN, (37, 41), 3), (CLIP, (10, 5), 3), (TRIM, (3, 4), 1)]
)
def test_a_rule_gives_a_sum_and_how_many_terms_it_has(
    rule: Aggregation, sums: tuple[int, int], count: int
) -> None:
    total, terms = combine(UPDATES, 2, rule)
    assert terms == count
    # Clipping rounds its factor down: by 2^-20 and what the length's own rounding costs.
    assert np.allclose(total, [UNIT * value for value in sums], rtol=1e-4)
    again, _ = combine(UPDATES[::-1], 2, rule)
    assert np.array_equal(total, again)


@pytest.mark.parametrize("rule", [MEAN, CLIP, TRIM])
def test_a_delta_holds_what_every_rule_gives(rule: Aggregation) -> None:
    delta = Delta(*combine(UPDATES, 2, rule))
    read = delta_from_bytes(delta_to_bytes(delta), 2)
    assert (read.total.tolist(), read.count) == (delta.total.tolist(), delta.count)


def test_the_next_version_is_that_of_the_robust_mean() -> None:
    state = OuterState(np.zeros(2, np.int32), np.array([5, -7], np.int64))
    rule = Aggregation(7, 10, 9, 10, rule="trim", trimmed=1)
    expected = outer_step(state, robust_mean(UPDATES, 2, 1), rule)
    made = aggregate(state, UPDATES, rule)
    assert np.array_equal(made.weights, expected.weights)
    assert np.array_equal(made.momentum, expected.momentum)
    assert aggregate(state, [], rule) is state


@pytest.mark.parametrize("case", VECTORS["rules"], ids=lambda case: f"{len(case['total'])} {case['rule']}")
def test_golden_sums_of_rules(case: dict[str, Any]) -> None:
    updates = [
        Update(np.array(one["mantissas"], np.int8), np.array(one["exponents"], np.int8))
        for one in case["updates"]
    ]
    size = len(case["total"])
    rule = Aggregation(1, 1, 0, 1, rule=case["rule"], trimmed=case["trimmed"])
    total, count = combine(updates, size, rule)
    assert ([str(value) for value in total], count) == (case["total"], case["count"])
    assert "0x" + delta_to_bytes(Delta(total, count)).hex() == case["file"]
