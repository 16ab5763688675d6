"""Three ways to select: kernel, NumPy, torch on a device. The last is run on the CPU here; marked `gpu`, on CUDA."""

import numpy as np
import pytest
import torch

from cupel.protocol import toploc_compat
from cupel.protocol.spec.toploc import native
from cupel.protocol.toploc_compat.selection import select_on_device, select_patterns


@pytest.mark.parametrize(
    ("elements", "chunk", "k"),
    [(1, 1, 1), (640, 64, 64), (700, 64, 7), (200_001, 70_000, 128), (90_000, 90_000, 3)],
)
@pytest.mark.parametrize("spread", [1 << 16, 5])
def test_all_ways_choose_the_same_points(
    elements: int, chunk: int, k: int, spread: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    patterns = np.random.default_rng(elements).integers(0, spread, elements).astype(np.uint16) * (
        0xFFFF // spread
    )
    tensor = torch.from_numpy(patterns.view(np.int16)).view(torch.bfloat16)
    found = [select_patterns(patterns, chunk, k), select_on_device(tensor, chunk, k)]
    monkeypatch.setattr(native, "IS_COMPILED", False)
    found.append(select_patterns(patterns, chunk, k))
    points = [
        [set(zip(row.tolist(), some.tolist(), strict=True)) for row, some in zip(*one, strict=True)]
        for one in found
    ]
    assert points[0] == points[1] == points[2]
    assert all(len(row) == k for row in points[0])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_activations_on_a_device_give_the_same_proofs() -> None:
    rows = torch.from_numpy(np.random.default_rng(1).standard_normal((70, 4096), dtype=np.float32)).bfloat16()
    proofs = toploc_compat.build_proofs_bytes(rows, 32, 128, True)
    for activations in (rows.cuda(), list(rows.cuda())):
        assert toploc_compat.build_proofs_bytes(activations, 32, 128, True) == proofs
        results = toploc_compat.verify_proofs_bytes(activations, proofs, 32, 128, True)
        assert [repr(one) for one in results] == [
            "VerificationResult[exp_mismatches=0, mant_err_mean=0, mant_err_median=0]"
        ] * 3
