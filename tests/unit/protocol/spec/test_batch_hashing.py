"""Many hashes at once are those of the library, one by one, with and without the compiled kernel."""

import numpy as np
import pytest
from eth_hash.auto import keccak

from cupel.protocol.spec import hashing
from cupel.protocol.spec.batch_hashing import keccak256_each

# Around one and two blocks of 136 bytes, with the prefix; leaves and nodes of every tree.
SIZES = (1, 2, 7, 8, 32, 37, 64, 134, 135, 136, 137, 256, 270, 271, 272, 273, 512, 2048)


@pytest.fixture(params=[True, False], ids=["compiled", "library"])
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param and not hashing.IS_COMPILED:
        pytest.skip("the kernel was not compiled")
    monkeypatch.setattr(hashing, "IS_COMPILED", request.param)


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("count", [0, 1, 3])
def test_each_is_the_library_s(size: int, count: int) -> None:
    pieces = np.random.default_rng(size).integers(0, 256, (count, size), np.uint8)
    found = keccak256_each(bytes([size % 256]), pieces)
    assert found.shape == (count, 32)
    assert [one.tobytes() for one in found] == [
        bytes(keccak(bytes([size % 256]) + piece.tobytes())) for piece in pieces
    ]


@pytest.mark.skipif(not hashing.IS_COMPILED, reason="the kernel was not compiled")
def test_every_size_to_five_blocks() -> None:
    data = np.random.default_rng(0).integers(0, 256, 700, np.uint8)
    for size in range(1, 700):
        (found,) = keccak256_each(b"\xff", data[None, :size])
        assert found.tobytes() == keccak(b"\xff" + data[:size].tobytes()), size


@pytest.mark.usefixtures("backend")
def test_pieces_may_be_views() -> None:
    whole = np.random.default_rng(1).integers(0, 256, (5, 90), np.uint8)
    assert np.array_equal(
        keccak256_each(b"\0", whole[::2, 7:40]), keccak256_each(b"\0", whole[::2, 7:40].copy())
    )


@pytest.mark.skipif(not hashing.IS_COMPILED, reason="the kernel was not compiled")
@pytest.mark.parametrize(
    ("first", "size", "pieces", "digests"),
    [(0, 4, 10, 64), (0, 4, 8, 32), (0, 4, 8, 63), (0, 0, 8, 64), (0, -1, 8, 64), (256, 4, 8, 64), (-1, 4, 8, 64)],
)  # fmt: skip
def test_the_kernel_refuses_what_does_not_fit(first: int, size: int, pieces: int, digests: int) -> None:
    with pytest.raises(ValueError, match="32 bytes for each"):
        hashing.kernel.each(first, size, np.zeros(pieces, np.uint8), np.zeros(digests, np.uint8))
