"""The golden file, which Foundry reads too."""

import json
from pathlib import Path

import numpy as np

from cupel.protocol.spec.referee.functions import exp_negative, silu
from cupel.protocol.testing.referee_vectors import referee_vectors

VECTORS = json.loads((Path(__file__).parents[4] / "vectors" / "referee.json").read_text(encoding="utf-8"))


def numbers(words: list[str]) -> np.ndarray:
    return np.array([int.from_bytes(bytes.fromhex(word[2:]), "big", signed=True) for word in words])


def test_file_is_what_the_code_gives() -> None:
    assert referee_vectors() == VECTORS


def test_operators_give_what_the_steps_wrote() -> None:
    for name, function in (("exp", exp_negative), ("silu", silu)):
        case = VECTORS[name]
        assert np.array_equal(function(numbers(case["inputs"])), numbers(case["outputs"]))
