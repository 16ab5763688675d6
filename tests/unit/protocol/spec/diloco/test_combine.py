"""A task's rule and codec decide the next version, the same for everybody, and a peer's delta leads to it too."""

from __future__ import annotations

import dataclasses
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cupel.protocol.model.canonical import follow, make_version, next_version
from cupel.protocol.model.checkpoint import genesis
from cupel.protocol.model.layout import layout_of
from cupel.protocol.spec.diloco.blocks import Update
from cupel.protocol.spec.diloco.codec import get_codec
from cupel.protocol.spec.diloco.combine import combine
from cupel.protocol.spec.diloco.delta import delta_to_bytes
from cupel.protocol.spec.diloco.outer import divide
from cupel.protocol.spec.diloco.robust import median_norm
from cupel.protocol.spec.task import MEAN, TRIMMED_MEAN, Aggregation, ModelShape

LAYOUT = layout_of(ModelShape("cupel/tiny-transformer-v1", 8, 1, 16, 2, 24, 8))
CODECS = ("mxint8", "mxint4", "sparse-8", "sparse-2")
VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[4] / "vectors" / "delta.json").read_text())
RULES = ((MEAN, 0), (TRIMMED_MEAN, 0), (TRIMMED_MEAN, 1))


def updates(codec: str, count: int = 4) -> list[Update]:
    """As everybody reads them from the files of `count` nodes."""
    chosen, random = get_codec(codec), np.random.default_rng(1)
    read = []
    for _ in range(count):
        flat = (0.01 * random.standard_normal(LAYOUT.num_parameters)).astype(np.float32)
        update, _ = chosen.encode(flat, -8)
        file = chosen.to_bytes(update, LAYOUT.num_parameters)
        assert len(file) == chosen.num_bytes(LAYOUT.num_parameters)
        read.append(chosen.from_bytes(file, LAYOUT.num_parameters, -8))
    return read


@pytest.mark.parametrize(("codec", "rule"), itertools.product(CODECS, RULES))
def test_any_order_and_a_delta_lead_to_one_digest(codec: str, rule: tuple[str, int]) -> None:
    aggregation = Aggregation(7, 10, 9, 10, codec, *rule)
    random = np.random.default_rng(2)
    weights = (0.1 * random.standard_normal(LAYOUT.num_parameters)).astype(np.float32)
    current = make_version(0, None, genesis(weights), LAYOUT)
    given = updates(codec)
    made = next_version(current, given, aggregation)
    assert next_version(current, given[::-1], aggregation).digest == made.digest
    assert made.digest != current.digest
    assert made.update is not None
    followed = follow(current, made.manifest.to_bytes(), made.update, made.digest, aggregation)
    assert followed.digest == made.digest
    # The momentum carries the step on.
    again, once_more = (next_version(version, given, aggregation) for version in (made, followed))
    assert again.digest == once_more.digest


def test_rules_differ_where_an_update_is_an_outlier() -> None:
    honest = updates("mxint8", 5)
    loud = Update(honest[0].mantissas, (honest[0].exponents + 5).astype(np.int8))
    given = [*honest[1:], loud]
    size = LAYOUT.num_parameters
    plain = combine(given, size, Aggregation(1, 1, 0, 1))
    robust = combine(given, size, Aggregation(1, 1, 0, 1, rule=TRIMMED_MEAN, trimmed=1))
    assert (plain.count, robust.count) == (5, 1)

    def length(total: np.ndarray, count: int) -> float:
        return float(np.linalg.norm(divide(total, count).astype(np.float64)))

    assert length(plain.total, plain.count) > 5 * median_norm(given)
    assert length(robust.total, robust.count) <= median_norm(given)


def test_a_mean_of_one_update_is_that_update_under_every_rule() -> None:
    (one,) = updates("mxint8", 1)
    plain, robust = (
        combine([one], LAYOUT.num_parameters, Aggregation(1, 1, 0, 1, rule=rule, trimmed=trimmed))
        for rule, trimmed in ((MEAN, 0), (TRIMMED_MEAN, 3))
    )
    assert np.array_equal(plain.total, robust.total)


@pytest.mark.parametrize("codec", CODECS)
def test_error_feedback_delivers_what_an_update_leaves_out(codec: str) -> None:
    """A constant gradient sent again and again arrives in full: what is left out waits, and is never lost."""
    from cupel.protocol.spec.diloco.blocks import decode_update
    from cupel.protocol.training.state import fresh_state, quantise

    size = LAYOUT.num_parameters
    gradient = (0.01 * np.random.default_rng(3).standard_normal(size)).astype(np.float32)
    state, arrived, rounds = fresh_state(size), np.zeros(size, np.float64), 60
    for _ in range(rounds):
        update, state = quantise(gradient, state, -8, get_codec(codec))
        arrived += decode_update(update, size)
    missing = np.abs(rounds * gradient.astype(np.float64) - arrived - state.remainder)
    assert missing.max() < 1e-4
    assert np.abs(state.remainder).max() < 40 * np.abs(gradient).max()


def test_a_document_with_the_defaults_is_as_before() -> None:
    aggregation = Aggregation(1, 1, 0, 1)
    assert (aggregation.codec, aggregation.rule, aggregation.trimmed) == ("mxint8", MEAN, 0)
    assert dataclasses.replace(aggregation, codec="mxint4") != aggregation


@pytest.mark.parametrize(
    "case", VECTORS["trimmed"], ids=lambda case: f"{len(case['total'])} trimmed {case['trimmed']}"
)
def test_golden_trimmed_means(case: dict[str, Any]) -> None:
    given = [
        Update(np.array(one["mantissas"], np.int8), np.array(one["exponents"], np.int8))
        for one in case["updates"]
    ]
    rule = Aggregation(1, 1, 0, 1, rule=TRIMMED_MEAN, trimmed=case["trimmed"])
    delta = combine(given, len(case["total"]), rule)
    assert ([str(value) for value in delta.total], delta.count) == (case["total"], case["count"])
    assert "0x" + delta_to_bytes(delta).hex() == case["file"]
