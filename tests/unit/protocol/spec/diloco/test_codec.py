"""Codecs by name: the published sizes, and the golden vectors of every format."""

import json
from pathlib import Path

import numpy as np
import pytest

from cupel.protocol.spec.diloco.codec import MxInt4, MxInt8, Sparse, get_codec
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.testing.update_vectors import update_vectors

VECTORS = json.loads((Path(__file__).parents[4] / "vectors" / "update.json").read_text(encoding="utf-8"))


def test_the_code_gives_the_golden_vectors() -> None:
    assert update_vectors() == VECTORS


def test_names() -> None:
    assert [get_codec(name) for name in ("mxint8", "mxint4", "sparse-1", "sparse-16")] == [
        MxInt8(),
        MxInt4(),
        Sparse(1),
        Sparse(16),
    ]


@pytest.mark.parametrize("name", ["", "mxint2", "sparse-0", "sparse-17", "sparse-08", "sparse-"])
def test_another_name_is_rejected(name: str) -> None:
    with pytest.raises(Rejected) as caught:
        get_codec(name)
    assert caught.value.reason is Reason.TASK_SPEC


@pytest.mark.parametrize(
    ("name", "bits"),
    [("mxint8", 8.25), ("mxint4", 4.25), ("sparse-8", 55 / 64), ("sparse-2", 21 / 64)],
)
def test_bits_a_parameter_are_as_published(name: str, bits: float) -> None:
    parameters = 1 << 20
    header = 200 if name == "mxint8" else 1
    assert 0 <= get_codec(name).num_bytes(parameters) - bits * parameters / 8 <= header


def test_the_length_does_not_depend_on_the_update() -> None:
    flat = np.linspace(-1, 1, 100, dtype=np.float32)
    for name in ("mxint8", "mxint4", "sparse-8"):
        codec = get_codec(name)
        for values in (flat, np.zeros_like(flat)):
            assert len(codec.to_bytes(codec.encode(values, 0)[0], 100)) == codec.num_bytes(100)
