"""The names of the package's compiled modules."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch

from cupel.protocol.spec.errors import Reason
from cupel.protocol.spec.toploc.polynomial import PRIME
from cupel.protocol.toploc_compat import InvalidActivations, sha256sum
from cupel.protocol.toploc_compat.C.csrc.ndd import (
    compute_newton_coefficients,
    evaluate_polynomial,
    evaluate_polynomials,
)
from cupel.protocol.toploc_compat.C.csrc.utils import get_fp_parts


def test_interpolation_and_evaluation() -> None:
    coefficients = compute_newton_coefficients([1, 3, 5, 2], [1, 5, 4, 1])
    assert evaluate_polynomials(coefficients, [1, 3, 5, 2]) == [1, 5, 4, 1]
    assert compute_newton_coefficients([-1, PRIME + 2], [PRIME + 7, -7]) == compute_newton_coefficients(
        [PRIME - 1, 2], [7, PRIME - 7]
    )
    assert evaluate_polynomial([-1, 2], 3) == 5


@pytest.mark.parametrize(("x", "y"), [([], []), ([1, 2], [1]), ([1, 1], [2, 3]), ([0, PRIME], [2, 3])])
def test_points_without_a_polynomial(x: list[int], y: list[int]) -> None:
    with pytest.raises(ValueError, match=r"nodes"):
        compute_newton_coefficients(x, y)


def test_no_coefficients() -> None:
    with pytest.raises(ValueError, match="no coefficients"):
        evaluate_polynomial([], 3)


def test_parts_of_floats() -> None:
    values = torch.tensor([[1.0, -2.5], [0.0, -torch.inf]])
    assert get_fp_parts(values) == ([127, 128, 0, 255], [0, 1 << 21, 0, 0])
    assert get_fp_parts(values.bfloat16(), num_threads=3) == ([127, 128, 0, 255], [0, 32, 0, 0])


def test_parts_of_what_has_none() -> None:
    with pytest.raises(InvalidActivations) as caught:
        get_fp_parts(torch.zeros(2, dtype=torch.float16))
    assert caught.value.reason is Reason.TOPLOC_DTYPE
    with pytest.raises(ValueError, match="threads"):
        get_fp_parts(torch.zeros(2), 0)
    with pytest.raises(ValueError, match="CPU"):
        get_fp_parts(torch.zeros(2, device="meta"))


def test_digest_of_a_file(tmp_path: Path) -> None:
    data = np.random.default_rng(1).bytes(200_000)
    (tmp_path / "file").write_bytes(data)
    assert (
        sha256sum(str(tmp_path / "file"))
        == sha256sum(str(tmp_path / "file"), 7)
        == hashlib.sha256(data).hexdigest()
    )
