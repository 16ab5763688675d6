"""Every cheat of the zoo is one: some check refuses it, or its claim is honest work to the bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from cupel.protocol.model.layout import layout_of
from cupel.verifier.calibration.cheats import zoo
from cupel.verifier.calibration.cheats.base import Bench, Cheat
from cupel.verifier.calibration.cheats.text import edited
from cupel.verifier.calibration.cheats.weights import pruned
from cupel.verifier.calibration.columns import PLACE
from cupel.verifier.calibration.engines import Variant
from cupel.verifier.calibration.evidence import Integers
from cupel.verifier.calibration.measure import Cell, honest_cell, measure_cell, split
from cupel.verifier.calibration.parts import Parts
from cupel.verifier.calibration.rules import Rule, choose

CHUNKS = 60
# What must refuse most of a cheat's false chunks, by name.
CAUGHT_BY = {
    "int4": "mean",
    "int6": "mean",
    "int8": "mean",
    "pruned": "exponent",
    "student": "exponent",
    "round": "mean",
    "step": "mean",
    "bfloat16": "mean",
    "float16": "mean",
    "edited-prompt": "mean",
    "temperature-0.7": "sampling",
    "best-of-4": "sampling",
    "speculative": "sampling",
    "other-problem": "assignment",
    "other-seed": "assignment",
    "full-reward": "reward",
    "cut-off": "ending",
    "constant": "constant",
    "constant-at-outliers": "exponent",
    "predicted-outliers": "exponent",
    "state-table": "mean",
    "replayed": "exponent",
    "negated": "exponent",
    "null": "format",
}


def measured(bench: Bench, cell: Cell, folder: Path) -> Integers:
    batches = measure_cell(bench, cell, CHUNKS, Parts(folder, {}), lambda *_: None)
    assert batches is not None
    return np.concatenate(batches)


@pytest.fixture(scope="module")
def rule(bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> Rule:
    return choose([measured(bench, honest_cell(Variant()), tmp_path_factory.mktemp("honest"))])


def find(bench: Bench, name: str) -> Cheat:
    return next(cheat for cheat in zoo(bench, ("float32",)) if cheat.name == name)


@pytest.mark.parametrize("name", CAUGHT_BY)
def test_a_cheat_is_refused_by_its_check(bench: Bench, rule: Rule, name: str, tmp_path: Path) -> None:
    cheat = find(bench, name)
    values = measured(bench, Cell(name, cheat.title, cheat.prepare), tmp_path)
    is_false = values[:, PLACE["untrue"]] > 0
    assert is_false.any()
    check = CAUGHT_BY[name]
    refused = values[is_false, PLACE[check]] > rule.limits[check]
    assert refused.mean() > 0.5, f"{check} refuses {refused.sum()} of {len(refused)}"


def test_a_step_below_the_grid_leaves_the_canonical_weights(bench: Bench, tmp_path: Path) -> None:
    """3e-7 is less than half of 2^-20: the cheater runs the canonical policy."""
    cheat = find(bench, "step-3e-7")
    values = measured(bench, Cell("step", cheat.title, cheat.prepare), tmp_path)
    assert not values[:, PLACE["untrue"]].any()


def test_one_name_is_one_cheat(bench: Bench) -> None:
    names = [cheat.name for cheat in zoo(bench, ("float32",))]
    assert len(set(names)) == len(names)
    assert set(CAUGHT_BY) <= set(names)
    assert "bfloat16" not in [cheat.name for cheat in zoo(bench, ("float32", "bfloat16"))]


def test_pruning_leaves_the_rest(bench: Bench) -> None:
    smaller = pruned(bench.policy, 0)
    layout = layout_of(smaller.shape)
    assert smaller.shape.layers == bench.policy.shape.layers - 1
    kept = {
        name.replace(".1.", ".0."): weights
        for name, weights in bench.policy.named_parameters()
        if ".0." not in name
    }
    assert [tensor.name for tensor in layout.tensors] == sorted(kept)
    assert all(torch.equal(weights, kept[name]) for name, weights in smaller.named_parameters())


def test_an_edited_prompt_differs_in_one_token() -> None:
    prompts = np.array([[1, 5, 6, 2], [1, 5, 7, 2], [1, 9, 9, 2]])
    assert (edited(prompts) != prompts).sum(axis=1).tolist() == [1, 1, 1]


def test_measuring_goes_on_from_parts(bench: Bench, tmp_path: Path) -> None:
    cell = honest_cell(Variant())
    told: list[int] = []
    first = measure_cell(bench, cell, CHUNKS, Parts(tmp_path, {}), lambda _, done, __: told.append(done))
    assert first is not None
    assert told == np.cumsum([len(batch) for batch in first]).tolist()
    broken = Cell(cell.name, cell.title, lambda _: pytest.fail("measured again"), is_honest=True)
    again = measure_cell(bench, broken, CHUNKS, Parts(tmp_path, {}), lambda *_: None)
    assert again is not None
    assert all(np.array_equal(old, new) for old, new in zip(first, again, strict=True))
    choosing, counting = split(first)
    assert len(choosing) + len(counting) == sum(map(len, first))
    assert len(counting) > 0
