"""Blocks from several sources at once, whatever some of them do."""

import asyncio
from collections import Counter

import pytest

from cupel.protocol.network.outcome import NotDelivered, Outcome
from cupel.protocol.shards import download as download_module
from cupel.protocol.shards.download import NotFetched, download, fetch_leaves
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.shardcast import unixfs
from cupel.protocol.spec.shardcast.cid import Cid, Codec
from cupel.protocol.spec.shardcast.unixfs import file_dag
from cupel.protocol.storage.files import read_file
from cupel.protocol.testing.memory_store import MemoryStore
from cupel.protocol.testing.patterns import pattern_bytes

CONTENT = pattern_bytes("file", 95)


@pytest.fixture(autouse=True)
def _small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unixfs, "CHUNK_BYTES", 10)
    monkeypatch.setattr(unixfs, "MAX_LINKS", 3)
    monkeypatch.setattr(download_module, "RETRY_SECONDS", 0.001)
    monkeypatch.setattr(download_module, "GIVE_UP_SECONDS", 0.5)


class Sources:
    """Servers by name: what each delivers, or why not."""

    def __init__(self, **answers: dict[Cid, bytes] | NotDelivered) -> None:
        self._answers = answers
        self.asked: Counter[str] = Counter()

    async def request(self, url: str, cid: Cid, max_bytes: int) -> Outcome:
        self.asked[url] += 1
        await asyncio.sleep(0)
        answer = self._answers[url]
        if isinstance(answer, NotDelivered):
            return Outcome(answer, 0.0)
        block = answer.get(cid)
        assert block is None or len(block) <= max_bytes
        return Outcome(NotDelivered.ABSENT if block is None else block, 0.0)


def fetch(sources: Sources, names: list[str], store: MemoryStore) -> tuple[Cid, int]:
    root = file_dag(CONTENT, 10, 3)[0]
    heard = 0

    def progress(num_bytes: int) -> None:
        nonlocal heard
        heard += num_bytes

    async def main() -> None:
        leaves = await fetch_leaves(root, names, store, sources.request)
        await download(root, names, store, leaves, sources.request, progress)

    asyncio.run(main())
    return root, heard


def test_a_file_comes_from_all_who_have_parts_of_it_past_liars_and_the_dead() -> None:
    root, blocks = file_dag(CONTENT, 10, 3)
    nodes = {cid: block for cid, block in blocks if cid.codec is Codec.DAG_PB}
    leaves = [pair for pair in blocks if pair[0].codec is Codec.RAW]
    sources = Sources(
        even=dict(leaves[::2]) | nodes,
        odd=dict(leaves[1::2]),
        liar=NotDelivered.LIED,
        dead=NotDelivered.FAILED,
    )
    store = MemoryStore()
    assert fetch(sources, ["liar", "dead", "odd", "even"], store) == (root, len(CONTENT))
    assert read_file(store, root, len(CONTENT)) == CONTENT
    # Once for each request in progress, and for each node.
    assert sources.asked["liar"] <= download_module.REQUESTS_PER_SOURCE + len(nodes)


def test_what_is_here_is_not_asked_for() -> None:
    root, blocks = file_dag(CONTENT, 10, 3)
    store = MemoryStore()
    for cid, block in blocks:
        store.put(block, cid)
    sources = Sources(only=NotDelivered.FAILED)
    assert fetch(sources, ["only"], store) == (root, 0)
    assert not sources.asked


@pytest.mark.parametrize("reason", [NotDelivered.FAILED, NotDelivered.LIED, NotDelivered.ABSENT])
def test_a_file_nobody_delivers_is_given_up_and_says_why(reason: NotDelivered) -> None:
    root, blocks = file_dag(CONTENT, 10, 3)
    with pytest.raises(NotFetched, match=f"only: {reason.name.lower()}"):
        fetch(Sources(only=reason), ["only"], MemoryStore())
    store = MemoryStore()
    for cid, block in blocks[1:]:
        store.put(block, cid)
    with pytest.raises(NotFetched, match=f"1 blocks of {root} are missing .*only: {reason.name.lower()}"):
        fetch(Sources(only=reason), ["only"], store)


def test_a_root_that_is_no_file_is_rejected() -> None:
    block = b"\x0a\x00"
    cid = Cid.of(Codec.DAG_PB, block)
    sources = Sources(only={cid: block})
    with pytest.raises(Rejected):
        asyncio.run(fetch_leaves(cid, ["only"], MemoryStore(), sources.request))
