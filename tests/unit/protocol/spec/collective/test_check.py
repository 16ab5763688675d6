import hashlib

import numpy as np
import pytest

from cupel.protocol.spec.collective import native
from cupel.protocol.spec.collective.check import BLOCK_BYTES, CHECK, block_hashes, check

KEY = bytes(range(32))
DATA = hashlib.shake_256(b"a result").digest(3 * BLOCK_BYTES + 5)


@pytest.fixture(params=["kernel", "numpy"])
def way(monkeypatch, request):
    if request.param == "kernel" and not native.IS_COMPILED:
        pytest.skip("no kernel here")
    monkeypatch.setattr(native, "IS_COMPILED", request.param == "kernel")


def nh(key: bytes, block: bytes) -> bytes:
    """As the paper has it, a pair of words at a time."""
    words = [int.from_bytes(block[i : i + 8], "little") for i in range(0, BLOCK_BYTES, 8)]
    masks = [int.from_bytes(key[i : i + 8], "little") for i in range(0, BLOCK_BYTES, 8)]
    masked = [(word + mask) % 2**64 for word, mask in zip(words, masks, strict=True)]
    total = sum(a * b for a, b in zip(masked[::2], masked[1::2], strict=True)) % 2**128
    return total.to_bytes(16, "little")


@pytest.mark.parametrize("byte", [0, 1, 0x7F, 0xFF])
def test_a_block_is_hashed_as_the_paper_has_it(way, byte):
    key = hashlib.shake_256(b"a key").digest(BLOCK_BYTES)
    blocks = DATA[: 2 * BLOCK_BYTES] + bytes([byte]) * BLOCK_BYTES
    expected = b"".join(nh(key, blocks[i : i + BLOCK_BYTES]) for i in range(0, len(blocks), BLOCK_BYTES))
    assert block_hashes(key, memoryview(blocks)) == expected
    # The greatest words and masks there are, whose sums carry the most.
    full = b"\xff" * BLOCK_BYTES
    for mask in (bytes(BLOCK_BYTES), full, (b"\xff" * 4 + bytes(4)) * (BLOCK_BYTES // 8)):
        assert block_hashes(mask, memoryview(full)) == nh(mask, full)


@pytest.mark.parametrize("size", [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, len(DATA)])
def test_a_check_is_of_the_blocks_with_zeros_behind(way, size):
    key, padded = hashlib.shake_256(CHECK + KEY).digest(BLOCK_BYTES), DATA[:size] + bytes(-size % BLOCK_BYTES)
    hashes = b"".join(nh(key, padded[i : i + BLOCK_BYTES]) for i in range(0, len(padded), BLOCK_BYTES))
    assert check(KEY, memoryview(DATA[:size])) == hashlib.sha256(CHECK + KEY + hashes).digest()


def test_the_golden_check(way):
    assert (
        check(KEY, memoryview(DATA)).hex()
        == "f859c6f0f85cd2ce420fa50be5c948f22c5830dd67bf37c5596b045023974620"
    )


def test_another_bit_or_key_is_another_check(way):
    found = {check(KEY, memoryview(DATA)), check(KEY[::-1], memoryview(DATA))}
    for bit in range(0, 8 * len(DATA), 4099):
        changed = bytearray(DATA)
        changed[bit // 8] ^= 1 << bit % 8
        found.add(check(KEY, memoryview(changed)))
    assert len(found) == 2 + len(range(0, 8 * len(DATA), 4099))


def test_many_blocks_are_hashed_alike(way):
    key, blocks = DATA[:BLOCK_BYTES], np.arange(130 * BLOCK_BYTES // 4, dtype=np.uint32).tobytes()
    each = (blocks[i : i + BLOCK_BYTES] for i in range(0, len(blocks), BLOCK_BYTES))
    alone = b"".join(block_hashes(key, memoryview(block)) for block in each)
    assert block_hashes(key, memoryview(blocks)) == alone


@pytest.mark.skipif(not native.IS_COMPILED, reason="no kernel here")
def test_the_kernel_refuses_sizes_that_do_not_fit():
    block = bytes(BLOCK_BYTES)
    for arguments in (
        (block[1:], block, bytearray(0)),
        (block, block[1:], bytearray(16)),
        (block, block, bytearray(17)),
    ):
        with pytest.raises(ValueError, match="4096"):
            native.kernel.hash_blocks(*arguments)
