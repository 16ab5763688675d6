"""keccak-256 is Ethereum's, not SHA-3's, with and without the compiled kernel."""

import numpy as np
import pytest
from eth_hash.auto import keccak

from cupel.protocol.spec import hashing
from cupel.protocol.spec.hashing import keccak256


@pytest.mark.parametrize("is_compiled", [True, False], ids=["compiled", "library"])
def test_known_answers(is_compiled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "IS_COMPILED", is_compiled and hashing.IS_COMPILED)
    assert keccak256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert keccak256(b"abc").hex() == "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"


def test_every_length_to_five_blocks_is_the_library_s() -> None:
    data = np.random.default_rng(0).bytes(10_000)
    for size in (*range(700), 4095, 4096, 4097, 10_000):
        assert keccak256(data[:size]) == keccak(data[:size]), size


@pytest.mark.parametrize("is_compiled", [True, False], ids=["compiled", "library"])
def test_what_is_not_bytes_is_refused(is_compiled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "IS_COMPILED", is_compiled and hashing.IS_COMPILED)
    with pytest.raises(TypeError):
        keccak256("abc")  # type: ignore[arg-type]
