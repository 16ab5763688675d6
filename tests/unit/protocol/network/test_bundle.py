"""Many blocks in one answer: its form, and every kind of peer that sends one."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cupel.protocol.network import bundle
from cupel.protocol.network.outcome import NotDelivered
from cupel.protocol.network.rate_limit import RateLimit
from cupel.protocol.network.requests import Requests
from cupel.protocol.network.server import BlockServer
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.shardcast.cid import BytesLike, Cid
from cupel.protocol.storage.filesystem import FilesystemStore
from cupel.protocol.storage.port import StorageFull
from cupel.protocol.testing.block_servers import Answer, cut_off, not_http, serving, silent, with_body
from cupel.protocol.testing.memory_store import MemoryStore
from cupel.protocol.testing.patterns import pattern_bytes

BLOCKS = [pattern_bytes(f"block {number}", 50_000 + number) for number in range(5)]
CIDS = [Cid.raw_of(block) for block in BLOCKS]
ABSENT = Cid.raw_of(b"absent")


def answer_of(*blocks: bytes | None) -> bytes:
    lengths = bundle.to_lengths([None if block is None else len(block) for block in blocks])
    return lengths + b"".join(block for block in blocks if block is not None)


async def ask(url: str, cids: list[Cid]) -> tuple[NotDelivered | None, list[tuple[int, object]], list[bytes]]:
    """Why no more came, what was heard of each place, and what was kept."""
    heard: list[tuple[int, object]] = []
    kept: list[bytes] = []
    requests = Requests()
    try:
        reason = await requests.blocks(
            url,
            cids,
            lambda block, cid: kept.append(bytes(block)),
            lambda place, why: heard.append((place, why)),
        )
    finally:
        requests.close()
    return reason, heard, kept


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=bundle.MAX_BUNDLE))
def test_a_request_is_read_as_it_was_written(digests: list[bytes]) -> None:
    cids = [Cid.from_digest(digest) for digest in digests]
    assert bundle.from_request(bundle.to_request(cids)) == cids


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", Reason.SIZE),
        (CIDS[0].to_bytes() + b"x", Reason.SIZE),
        (CIDS[0].to_bytes() * (bundle.MAX_BUNDLE + 1), Reason.SIZE),
        (b"\x00" * 36, Reason.CID),
    ],
)
def test_any_other_request_has_its_reason(body: bytes, reason: Reason) -> None:
    with pytest.raises(Rejected) as caught:
        bundle.from_request(body)
    assert caught.value.reason is reason


@given(st.lists(st.none() | st.integers(0, 2 << 20), min_size=1, max_size=bundle.MAX_BUNDLE))
def test_lengths_are_read_as_they_were_written_and_must_fill_the_answer(lengths: list[int | None]) -> None:
    told = bundle.to_lengths(lengths)
    num_bytes = len(told) + sum(length for length in lengths if length is not None)
    assert bundle.from_lengths(told, num_bytes) == lengths
    with pytest.raises(Rejected):
        bundle.from_lengths(told, num_bytes + 1)


@pytest.mark.parametrize("in_files", [False, True])
def test_what_is_here_comes_in_order_and_what_is_not_is_told(
    in_files: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    async def main() -> None:
        store = FilesystemStore(tmp_path_factory.mktemp("store")) if in_files else MemoryStore()
        for block in BLOCKS:
            store.put(block)
        server = BlockServer(store)
        url = f"http://127.0.0.1:{await server.start('127.0.0.1', 0)}"
        try:
            reason, heard, kept = await ask(url, [CIDS[3], ABSENT, CIDS[0]])
        finally:
            await server.close()
        assert reason is None
        assert heard == [(0, None), (1, NotDelivered.ABSENT), (2, None)]
        assert kept == [BLOCKS[3], BLOCKS[0]]
        assert (server.blocks_out, server.uploads) == (2, 0)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("answer", "reason", "num_heard"),
    [
        (with_body(answer_of(*BLOCKS[:2])), None, 2),
        (with_body(answer_of(BLOCKS[0], BLOCKS[0])), NotDelivered.LIED, 2),
        (with_body(answer_of(BLOCKS[1], BLOCKS[1])), NotDelivered.LIED, 1),
        (with_body(answer_of(*BLOCKS[:2]) + b"x"), NotDelivered.FAILED, 0),
        (with_body(answer_of(*BLOCKS[:2])[:-1]), NotDelivered.FAILED, 0),
        (with_body(answer_of(BLOCKS[0], bytes((2 << 20) + 1))), NotDelivered.FAILED, 0),
        (with_body(b""), NotDelivered.FAILED, 0),
        (with_body(b"", "503 Service Unavailable"), NotDelivered.BUSY, 0),
        (with_body(b"", "404 Not Found"), NotDelivered.FAILED, 0),
        (cut_off(answer_of(*BLOCKS[:2])), NotDelivered.FAILED, 0),
        (not_http, NotDelivered.FAILED, 0),
    ],
)
def test_every_other_answer_has_its_reason(
    answer: Answer, reason: NotDelivered | None, num_heard: int
) -> None:
    async def main() -> None:
        async with serving(answer) as url:
            told, heard, _ = await ask(url, CIDS[:2])
            assert (told, len(heard)) == (reason, num_heard)

    asyncio.run(main())


def test_cancelled_it_ends_at_once_and_what_keeping_raises_is_raised() -> None:
    def full(block: BytesLike, cid: Cid) -> None:
        raise StorageFull("no space left", "free some")

    async def main() -> None:
        requests = Requests()
        try:
            async with serving(silent) as url, serving(with_body(answer_of(BLOCKS[0]))) as other:
                asking = asyncio.create_task(requests.blocks(url, CIDS[:1], full, lambda place, why: None))
                await asyncio.wait([asking], timeout=0.1)
                asking.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await asking
                with pytest.raises(StorageFull):
                    await requests.blocks(other, CIDS[:1], full, lambda place, why: None)
        finally:
            requests.close()

    asyncio.run(main())


def test_a_request_counts_as_often_as_it_asks() -> None:
    async def main() -> None:
        store = MemoryStore()
        for block in BLOCKS:
            store.put(block)
        server = BlockServer(store, rate_limit=RateLimit(per_second=0.001, burst=7))
        url = f"http://127.0.0.1:{await server.start('127.0.0.1', 0)}"
        try:
            assert (await ask(url, CIDS))[0] is None
            assert (await ask(url, CIDS))[0] is NotDelivered.BUSY
        finally:
            await server.close()

    asyncio.run(main())
