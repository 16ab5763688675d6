"""Every way to run the policy gives its tokens and, within its arithmetic, its states."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cupel.verifier.calibration.cheats.base import Bench, generation_of
from cupel.verifier.calibration.engines import Variant, moved, replay, running, variants
from cupel.verifier.calibration.setting import derive_seed


@pytest.mark.parametrize("variant", variants(("float32",), ("cpu",), (1,)), ids=lambda one: one.name)
def test_variants_differ_by_rounding(bench: Bench, variant: Variant) -> None:
    assigned = bench.setting.assign(derive_seed(0, "engines"), 6)
    plain = generation_of(bench.setting, bench.policy, assigned)
    other = generation_of(bench.setting, moved(bench.policy, variant), assigned, variant)
    assert np.array_equal(plain.tokens, other.tokens)
    assert np.abs(plain.hidden - other.hidden).max() < 1e-4


@pytest.mark.parametrize(
    ("dtype", "least", "most"), [("bfloat16", 1e-4, 0.2), ("float16", 1e-5, 0.05), ("float64", 0, 1e-4)]
)
def test_number_formats_differ_by_their_precision(
    bench: Bench, dtype: str, least: float, most: float
) -> None:
    assigned = bench.setting.assign(derive_seed(0, "engines"), 6)
    plain = generation_of(bench.setting, bench.policy, assigned)
    prompts = bench.setting.prompts(assigned.problems)
    hidden, _ = replay(moved(bench.policy, Variant(dtype)), prompts, plain.tokens, plain.lengths, 6)
    difference = np.abs(hidden - replay(bench.policy, prompts, plain.tokens, plain.lengths, 6)[0]).max()
    assert least <= difference < most


def _fused() -> object:
    """Whether the vendor's library is in use; PyTorch's types say otherwise."""
    return torch.backends.mkldnn.enabled


def test_threads_and_kernels_are_put_back() -> None:
    before = torch.get_num_threads()
    with running(Variant(threads=2, kernels="plain")):
        assert torch.get_num_threads() == 2
        assert _fused() is False
    assert torch.get_num_threads() == before
    assert _fused() is True


def test_variants_have_names_of_their_own() -> None:
    every = variants(("float32", "bfloat16"), ("cpu", "cuda"), (1, 2))
    assert len({one.name for one in every}) == len(every) == 2 * 12 * 3
