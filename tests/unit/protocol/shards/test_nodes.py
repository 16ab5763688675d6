"""What a file is made of, past sources that lie, are dead, or have a part."""

import asyncio
from collections import Counter
from collections.abc import Callable

import pytest

from cupel.protocol.network.exchange.engine import NotFetched
from cupel.protocol.network.outcome import NotDelivered, Outcome
from cupel.protocol.shards import nodes as nodes_module
from cupel.protocol.shards.nodes import fetch_leaves
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.shardcast import unixfs
from cupel.protocol.spec.shardcast.cid import BytesLike, Cid, Codec
from cupel.protocol.spec.shardcast.unixfs import file_dag
from cupel.protocol.testing.memory_store import MemoryStore
from cupel.protocol.testing.patterns import pattern_bytes

CONTENT = pattern_bytes("file", 95)


@pytest.fixture(autouse=True)
def _small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unixfs, "CHUNK_BYTES", 10)
    monkeypatch.setattr(unixfs, "MAX_LINKS", 3)
    monkeypatch.setattr(nodes_module, "RETRY_SECONDS", 0.001)
    monkeypatch.setattr(nodes_module, "GIVE_UP_SECONDS", 0.5)


class Sources:
    """Servers by name: what each delivers, or why not."""

    def __init__(self, **answers: dict[Cid, bytes] | NotDelivered) -> None:
        self._answers = answers
        self.asked: Counter[str] = Counter()

    async def request(
        self, url: str, cid: Cid, max_bytes: int, keep: Callable[[BytesLike, Cid], None] | None = None
    ) -> Outcome:
        self.asked[url] += 1
        await asyncio.sleep(0)
        answer = self._answers[url]
        if isinstance(answer, NotDelivered):
            return Outcome(answer, 0.0)
        block = answer.get(cid)
        assert block is None or len(block) <= max_bytes
        return Outcome(NotDelivered.ABSENT if block is None else block, 0.0)


def fetch(sources: Sources, names: list[str], store: MemoryStore) -> list[Cid]:
    root = file_dag(CONTENT, 10, 3)[0]
    return [leaf.cid for leaf in asyncio.run(fetch_leaves(root, names, store, sources.request))]


def test_nodes_come_from_whoever_has_them_and_stay_here() -> None:
    _, blocks = file_dag(CONTENT, 10, 3)
    nodes = {cid: block for cid, block in blocks if cid.codec is Codec.DAG_PB}
    sources = Sources(liar=NotDelivered.LIED, dead=NotDelivered.FAILED, good=nodes)
    store = MemoryStore()
    leaves = [cid for cid, _ in blocks if cid.codec is Codec.RAW]
    assert fetch(sources, ["liar", "dead", "good"], store) == leaves
    assert set(store.cids()) == set(nodes)
    # Nothing that is here is asked for.
    assert fetch(Sources(only=NotDelivered.FAILED), ["only"], store) == leaves


@pytest.mark.parametrize("reason", [NotDelivered.FAILED, NotDelivered.LIED, NotDelivered.ABSENT])
def test_a_file_nobody_delivers_is_given_up_and_says_why(reason: NotDelivered) -> None:
    with pytest.raises(NotFetched, match=f"only: {reason.name.lower()}"):
        fetch(Sources(only=reason), ["only"], MemoryStore())


def test_a_root_that_is_no_file_is_rejected() -> None:
    block = b"\x0a\x00"
    cid = Cid.of(Codec.DAG_PB, block)
    sources = Sources(only={cid: block})
    with pytest.raises(Rejected):
        asyncio.run(fetch_leaves(cid, ["only"], MemoryStore(), sources.request))
