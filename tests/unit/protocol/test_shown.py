"""What the chain shows is there for everybody, and a manifest that names another file is found out."""

import asyncio
import dataclasses
from types import SimpleNamespace
from typing import Any

import pytest

from cupel.protocol.chain.bindings import structs
from cupel.protocol.chain.demands import DemandRecord
from cupel.protocol.shown import ShownFiles, answers_by_place
from cupel.protocol.spec.demand import Answer, DataDemand, ManifestAnswer, Part, PieceAnswer, piece_answer
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.rollout import SubmissionManifest, pieced_reference
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.spec.shardcast.unixfs import CHUNK_BYTES
from cupel.protocol.storage.port import StorageFull
from cupel.protocol.testing.demand_vectors import CHECKPOINT, UPDATE, example_version, example_work
from cupel.protocol.testing.memory_store import MemoryStore
from cupel.protocol.testing.vectors import CHAIN_ID, HUB, NODE, example_params

WORK = example_work(example_params(), CHAIN_ID, HUB, NODE)
TASK, OTHER = WORK.context.task, "0x" + "0b" * 20
UPDATE_PIECES, CHECKPOINT_PIECES = 3, 2


def record(asked: DataDemand, shown: Answer | None, task: bytes = TASK, sequence: int = 3) -> DemandRecord:
    challenge = structs.Challenge(task, NODE, sequence, OTHER, OTHER, OTHER, 10_000, 100, 1070, bytes(32))
    kind = structs.DemandKind(asked.part)
    demand = structs.Demand(kind, asked.index, asked.chunk, bytes(32), 8, 5, 4, 32, 1040, 7)
    return DemandRecord(1, challenge, demand, shown)


def pieces_of(part: Part, manifest: bytes, file: bytes, count: int, **changes: Any) -> list[DemandRecord]:
    return [
        record(DataDemand(part, index), piece_answer(index, manifest, file), **changes)
        for index in range(count)
    ]


def taken(store: MemoryStore, *records: DemandRecord) -> set[bytes]:
    """Take what these show; the manifests found false."""
    feed: Any = SimpleNamespace(ledger=SimpleNamespace(demands=dict(enumerate(records))))
    false: set[bytes] = set()
    asyncio.run(ShownFiles(store, feed, TASK, false).take())
    return false


def test_an_update_whose_every_piece_was_shown_is_there() -> None:
    store = MemoryStore()
    records = pieces_of(Part.UPDATE, WORK.manifest, UPDATE, UPDATE_PIECES)
    assert taken(store, *records[1:]) == set()
    assert store.has(Cid.raw_of(WORK.manifest))
    assert not store.has(Cid.raw_of(UPDATE))
    assert taken(store, *records) == set()
    assert store.has(Cid.raw_of(UPDATE))


def test_so_is_a_checkpoint() -> None:
    store, manifest = MemoryStore(), example_version()[0].to_bytes()
    records = pieces_of(Part.CHECKPOINT, manifest, CHECKPOINT, CHECKPOINT_PIECES, sequence=4)
    assert taken(store, *records, record(DataDemand(Part.MANIFEST), ManifestAnswer(manifest))) == set()
    assert {Cid.raw_of(manifest), Cid.raw_of(CHECKPOINT)} <= set(store.cids())


def test_a_block_whose_every_piece_was_shown_is_there_though_the_rest_was_not() -> None:
    file = b"".join(number.to_bytes(2, "big") * 512 for number in range(2 * 1024 + 1))
    update = pieced_reference(file)
    manifest = dataclasses.replace(SubmissionManifest.from_bytes(WORK.manifest), update=update).to_bytes()
    store = MemoryStore()
    records = [
        record(
            DataDemand(Part.UPDATE, index), PieceAnswer(manifest, file[2048 * index : 2048 * (index + 1)], ())
        )
        for index in (*range(512, 1024), 1024, 7)
    ]
    taken(store, *records)
    leaves = [Cid.raw_of(file[start : start + CHUNK_BYTES]) for start in range(0, len(file), CHUNK_BYTES)]
    assert [store.has(leaf) for leaf in leaves] == [False, True, True]


def test_a_manifest_that_names_another_file_is_found_out() -> None:
    honest = SubmissionManifest.from_bytes(WORK.manifest)
    update = dataclasses.replace(honest.update, cid=str(Cid.raw_of(b"what nobody will ever see")))
    lying = dataclasses.replace(honest, update=update).to_bytes()
    records = pieces_of(Part.UPDATE, lying, UPDATE, UPDATE_PIECES)
    assert taken(MemoryStore(), *records) == {sha256(lying)}
    assert taken(MemoryStore(), *records[:2]) == set()


def test_others_tasks_and_open_demands_show_nothing() -> None:
    asked = DataDemand(Part.MANIFEST)
    strangers = record(asked, ManifestAnswer(WORK.manifest), task=bytes(32))
    assert answers_by_place([strangers, record(asked, None)], TASK) == {}
    store = MemoryStore()
    taken(store, strangers, record(asked, None))
    assert set(store.cids()) == set()


def test_what_a_full_disk_refused_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(block: bytes, cid: Cid | None = None) -> Cid:
        raise StorageFull("no space left", "free some")

    store = MemoryStore()
    records = pieces_of(Part.UPDATE, WORK.manifest, UPDATE, UPDATE_PIECES)
    feed: Any = SimpleNamespace(ledger=SimpleNamespace(demands=dict(enumerate(records))))
    shown = ShownFiles(store, feed, TASK, set())
    with monkeypatch.context() as patch:
        patch.setattr(store, "put", full)
        asyncio.run(shown.take())
    assert set(store.cids()) == set()
    asyncio.run(shown.take())
    assert store.has(Cid.raw_of(UPDATE))
