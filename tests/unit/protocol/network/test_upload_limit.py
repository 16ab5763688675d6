"""Buckets of tokens, and the cap on uploads."""

import asyncio
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cupel.protocol.network.upload_limit import MAX_PIECE_BYTES, TokenBucket, UploadLimit


def test_a_bucket_gives_what_it_saved_and_then_its_rate() -> None:
    bucket = TokenBucket(rate=10.0, burst=5.0, tokens=5.0, updated=0.0)
    assert bucket.take(5.0, 0.0) == 0.0
    assert bucket.take(5.0, 0.0) == pytest.approx(0.5)
    assert bucket.take(5.0, 0.0) == pytest.approx(1.0)
    assert bucket.take(0.0, 10.0) == 0.0
    assert bucket.tokens == 5.0


def test_a_bucket_refuses_without_taking() -> None:
    bucket = TokenBucket(rate=2.0, burst=1.0, tokens=1.0, updated=0.0)
    assert bucket.take_if_there(1.0, 0.0) == 0.0
    assert bucket.take_if_there(1.0, 0.0) == pytest.approx(0.5)
    assert bucket.take_if_there(1.0, 0.5) == 0.0


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0, 1000)), max_size=50))
def test_no_order_of_uploads_gets_more_than_the_rate(steps: list[tuple[float, float]]) -> None:
    bucket = TokenBucket(rate=100.0, burst=50.0, tokens=50.0, updated=0.0)
    now = taken = last = 0.0
    for wait, count in steps:
        now += wait
        taken += count
        last = max(last, now + bucket.take(count, now))
        assert taken <= 50.0 + 100.0 * last + 1e-6


def test_uploads_share_the_cap() -> None:
    limit = UploadLimit(1_000_000)
    assert limit.piece_bytes == 50_000

    async def upload(num_pieces: int) -> None:
        for _ in range(num_pieces):
            await limit.wait(25_000)

    async def both() -> None:
        await asyncio.gather(upload(6), upload(6))

    started = time.monotonic()
    asyncio.run(both())
    # 300 kB, of which 50 kB are saved; a slow machine only takes longer.
    assert time.monotonic() - started >= 0.24


def test_no_cap_and_a_large_one() -> None:
    assert UploadLimit(None).piece_bytes is None
    assert UploadLimit(10**9).piece_bytes == MAX_PIECE_BYTES
