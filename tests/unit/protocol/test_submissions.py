"""What a commitment names: fetched whole, part by part, or known to be false."""

import asyncio
import dataclasses
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from cupel.protocol.network import BlockUnavailable
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.rollout import SubmissionManifest, pieced_reference
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.spec.shardcast.unixfs import file_dag
from cupel.protocol.submissions import (
    Missing,
    fetch_posted,
    fetch_rollouts,
    fetch_submission,
    fetch_update,
    missing_parts,
)
from cupel.protocol.testing.demand_vectors import CHECKPOINT, UPDATE, example_version, example_work
from cupel.protocol.testing.recorded_spans import recorded_spans
from cupel.protocol.testing.vectors import CHAIN_ID, HUB, NODE, example_params

WORK = example_work(example_params(), CHAIN_ID, HUB, NODE)
DIGEST = WORK.commitment.manifest
T = TypeVar("T")


class Peers:
    """A swarm that serves these files."""

    def __init__(self, *files: bytes) -> None:
        self.files = {file_dag(file)[0]: file for file in files}
        self.missing: tuple[range, ...] | None = None

    async def fetch_block(self, cid: Cid, deadline_seconds: float, max_bytes: int) -> bytes:
        if cid not in self.files:
            raise BlockUnavailable(cid, deadline_seconds, 1)
        return self.files[cid]

    async def fetch_file(self, root: Cid, max_bytes: int, deadline_seconds: float) -> bytes:
        file = await self.fetch_block(root, deadline_seconds, max_bytes)
        if len(file) > max_bytes:
            raise Rejected(Reason.SIZE, "too large")
        return file

    async def missing_spans(
        self, root: Cid, max_bytes: int, deadline_seconds: float
    ) -> tuple[range, ...] | None:
        return self.missing


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def missing(*files: bytes) -> Missing:
    swarm: Any = Peers(*files)
    return run(missing_parts(swarm, DIGEST, WORK.params, 10_000, 1))


def test_a_fetch_is_a_span_also_when_it_fails() -> None:
    swarm: Any = Peers(WORK.manifest, WORK.rollouts, UPDATE)
    nobody: Any = Peers()
    with recorded_spans() as told:
        run(fetch_submission(swarm, DIGEST, WORK.params, 10_000, 1))
        with pytest.raises(BlockUnavailable):
            run(fetch_submission(nobody, DIGEST, WORK.params, 10_000, 1))
    whole = {"manifest": "0x" + DIGEST.hex(), "bytes": sum(map(len, (WORK.manifest, WORK.rollouts, UPDATE)))}
    assert [(one.name, one.error) for one in told.spans] == [("fetch", ""), ("fetch", "BlockUnavailable")]
    assert [one.attributes for one in told.spans] == [whole, {"manifest": "0x" + DIGEST.hex()}]


def test_a_whole_submission_misses_nothing() -> None:
    swarm: Any = Peers(WORK.manifest, WORK.rollouts, UPDATE)
    files = run(fetch_submission(swarm, DIGEST, WORK.params, 10_000, 1))
    assert (files.manifest, files.rollouts, files.update) == (WORK.manifest, WORK.rollouts, UPDATE)
    assert missing(WORK.manifest, WORK.rollouts, UPDATE) == Missing(False, False, ())


def test_what_is_missing_is_told_part_by_part() -> None:
    assert missing() == Missing(True, True, (range(1),))
    assert missing(WORK.rollouts, UPDATE) == Missing(True, True, (range(1),))
    assert missing(WORK.manifest) == Missing(False, True, (range(3),))
    assert missing(WORK.manifest, WORK.rollouts) == Missing(False, False, (range(3),))
    assert missing(WORK.manifest, UPDATE) == Missing(False, True, ())


def test_only_pieces_of_blocks_that_nobody_delivers_are_missing() -> None:
    swarm: Any = Peers(WORK.manifest, WORK.rollouts)
    # UPDATE has three pieces of 2048 bytes; a manifest may be wrong about the length of its file.
    for spans, pieces in [
        ((range(2048, 4096),), (range(1, 2),)),
        ((range(1, 2049),), (range(2),)),
        ((range(2048), range(4096, 10_000)), (range(1), range(2, 3))),
        ((range(100_000, 200_000),), (range(3),)),
        ((), (range(3),)),
    ]:
        swarm.missing = spans
        assert run(missing_parts(swarm, DIGEST, WORK.params, 10_000, 1)) == Missing(False, False, pieces)


def test_what_is_false_is_not_missing() -> None:
    swarm: Any = Peers(b"no manifest", WORK.rollouts, UPDATE)
    assert run(missing_parts(swarm, sha256(b"no manifest"), WORK.params, 10_000, 1)) == Missing(
        False, False, ()
    )
    swarm = Peers(WORK.manifest, WORK.rollouts, UPDATE)
    assert run(missing_parts(swarm, DIGEST, WORK.params, 10, 1)) == Missing(False, False, ())


@pytest.mark.parametrize("served", [b"another update", b""])
def test_an_update_with_other_pieces_is_none(served: bytes) -> None:
    honest = SubmissionManifest.from_bytes(WORK.manifest)
    reference = dataclasses.replace(pieced_reference(UPDATE), cid=str(file_dag(served)[0]))
    manifest = dataclasses.replace(honest, update=reference).to_bytes()
    swarm: Any = Peers(manifest, WORK.rollouts, served)
    for refused in (
        run(fetch_update(swarm, sha256(manifest), 10_000, 1)),
        run(fetch_submission(swarm, sha256(manifest), WORK.params, 10_000, 1)).update,
    ):
        assert isinstance(refused, Rejected)
        assert refused.reason is Reason.MANIFEST


def test_nobody_looks_for_an_update_that_was_shown_to_be_another() -> None:
    swarm: Any = Peers(WORK.manifest, WORK.rollouts)
    files = run(fetch_submission(swarm, DIGEST, WORK.params, 10_000, 1, {DIGEST}))
    assert files.rollouts == WORK.rollouts
    assert isinstance(files.update, Rejected)
    assert files.update.reason is Reason.MANIFEST


def test_rollouts_are_fetched_whatever_the_update_is() -> None:
    swarm: Any = Peers(WORK.manifest, WORK.rollouts)
    manifest, rollouts = run(fetch_rollouts(swarm, DIGEST, WORK.params, 1))
    assert (manifest.to_bytes(), rollouts) == (WORK.manifest, WORK.rollouts)
    withheld: Any = Peers(WORK.manifest, UPDATE)
    with pytest.raises(BlockUnavailable):
        run(fetch_rollouts(withheld, DIGEST, WORK.params, 1))
    false: Any = Peers(b"no manifest")
    with pytest.raises(Rejected):
        run(fetch_rollouts(false, sha256(b"no manifest"), WORK.params, 1))


def test_a_posted_version_is_fetched_by_its_digest() -> None:
    manifest = example_version()[0]
    swarm: Any = Peers(manifest.to_bytes(), CHECKPOINT)
    assert run(fetch_posted(swarm, manifest.digest, 10_000, 1)) == (manifest.to_bytes(), CHECKPOINT)
    with pytest.raises(Rejected):
        run(fetch_posted(swarm, manifest.digest, 10, 1))
    nobody: Any = Peers(manifest.to_bytes())
    with pytest.raises(BlockUnavailable):
        run(fetch_posted(nobody, manifest.digest, 10_000, 1))
