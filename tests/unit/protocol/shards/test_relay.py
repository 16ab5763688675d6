"""A relay brings what is asked for, once, checked, and within its space."""

import asyncio
from pathlib import Path

from cupel.protocol.network.outcome import NotDelivered, Outcome
from cupel.protocol.shards.relay import Relay
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.storage.filesystem import FilesystemStore

BLOCKS = {Cid.raw_of(block): block for block in (bytes([number]) * 100 for number in range(6))}
CIDS = list(BLOCKS)


class Upstreams:
    """`good` has every block, `liar` lies."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def request(self, url: str, cid: Cid, max_bytes: int) -> Outcome:
        self.asked.append(url)
        await asyncio.sleep(0.01)
        return Outcome(NotDelivered.LIED if url == "liar" else BLOCKS.get(cid, NotDelivered.ABSENT), 0.0)


def test_one_question_for_many_askers_and_liars_are_left(tmp_path: Path) -> None:
    store, upstreams = FilesystemStore(tmp_path), Upstreams()
    relay = Relay(store, ["liar", "good"], upstreams.request, 10_000)

    async def main() -> None:
        assert await asyncio.gather(*(relay.bring(CIDS[0]) for _ in range(5))) == [True] * 5
        assert await relay.bring(CIDS[1])

    asyncio.run(main())
    assert upstreams.asked == ["liar", "good", "good"]
    assert store.get(CIDS[0]) == BLOCKS[CIDS[0]]


def test_what_nobody_has_is_not_asked_for_at_once_again(tmp_path: Path) -> None:
    upstreams = Upstreams()
    relay = Relay(FilesystemStore(tmp_path), ["good"], upstreams.request, 10_000)

    async def main() -> None:
        for _ in range(3):
            assert not await relay.bring(Cid.raw_of(b"nobody has it"))

    asyncio.run(main())
    assert upstreams.asked == ["good"]


def test_the_oldest_blocks_make_room_and_pins_stay(tmp_path: Path) -> None:
    store, upstreams = FilesystemStore(tmp_path), Upstreams()
    store.put(b"here before" * 10)
    store.pin(CIDS[0])
    relay = Relay(store, ["good"], upstreams.request, 300)

    async def main() -> None:
        for cid in CIDS:
            assert await relay.bring(cid)
            assert sum(store.num_bytes(each) for each in store.cids()) <= 310

    asyncio.run(main())
    assert set(store.cids()) == {CIDS[0], CIDS[4], CIDS[5]}
