"""A node commits when others hold what it published, or when it must."""

from __future__ import annotations

import asyncio
import dataclasses
from collections import Counter
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from cupel.node.publishing import replication
from cupel.node.publishing.replication import (
    LEAST_COMMIT_SECONDS,
    Replication,
    replication_deadline,
)
from cupel.node.publishing.seams import Seams
from cupel.protocol.network import Announcement, AnnouncementKind
from cupel.protocol.spec.rounds import commit_deadline
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.testing.memory_store import MemoryStore
from cupel.protocol.testing.vectors import example_params

PARAMS = example_params()
ROUND = 2
FILES = (b"rollouts", b"update")
MANIFEST = b"manifest"


class Peers:
    """Two peers, which hold what they hold from some question on; every question takes a second of the chain."""

    def __init__(self, now: int, held: set[bytes], from_question: int = 0) -> None:
        self.time = now
        self.asked: Counter[Cid] = Counter()
        self.announced: list[bytes] = []
        self._held = {Cid.raw_of(content) for content in held}
        self._from = from_question

    async def now(self) -> int:
        self.time += 1
        return self.time

    async def holders(self, cid: Cid) -> int:
        self.asked[cid] += 1
        return 2 if cid in self._held and self.asked[cid] > self._from else 1

    async def announce(self, announcement: Announcement) -> None:
        self.announced.append(announcement.cid.digest)


def publish(peers: Peers, monkeypatch: pytest.MonkeyPatch, **changed: Any) -> None:
    monkeypatch.setattr(replication, "REPLICATION_POLL_SECONDS", 0)
    participant = SimpleNamespace(store=MemoryStore(), swarm=peers, chain=peers)
    ledger = SimpleNamespace(task=bytes(32), params=PARAMS)
    submission = SimpleNamespace(
        **{
            # What the node itself believes is not what is waited for.
            "manifest": SimpleNamespace(node=PARAMS.creator, round=ROUND),
            "files": FILES,
            "manifest_file": MANIFEST,
            "announced": (MANIFEST,),
            **changed,
        }
    )
    own = Replication(cast(Any, participant), cast(Any, ledger), 1 << 20, Seams())
    asyncio.run(own.publish(cast(Any, submission), lambda *_: None))


def test_it_waits_until_two_others_hold_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = commit_deadline(PARAMS, ROUND) - 10_000
    peers = Peers(begun, {*FILES, MANIFEST}, from_question=3)
    publish(peers, monkeypatch)
    assert peers.time == begun + 4
    assert set(peers.asked.values()) == {4}


def test_a_part_that_others_hold_is_not_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    deadline = replication_deadline(PARAMS, ROUND)
    peers = Peers(deadline - 6, {FILES[0], MANIFEST})
    publish(peers, monkeypatch)
    assert peers.asked == {Cid.raw_of(FILES[0]): 1, Cid.raw_of(MANIFEST): 1, Cid.raw_of(FILES[1]): 5}
    assert peers.time == deadline


def test_only_what_is_published_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever shows less, or announces rubbish besides, does not wait for what nobody can hold."""
    begun = commit_deadline(PARAMS, ROUND) - 10_000
    peers = Peers(begun, {FILES[1], MANIFEST})
    publish(peers, monkeypatch, files=FILES[1:], announced=(b"rubbish", MANIFEST))
    assert peers.time == begun + 1
    assert len(peers.announced) == 2
    silent = Peers(begun, set())
    publish(silent, monkeypatch, files=(), announced=())
    assert not silent.asked


class Announcing:
    """A swarm that announces submissions and has none of them."""

    def __init__(self, digests: list[bytes]) -> None:
        self.digests = digests
        self.asked: list[bytes] = []

    async def announcements(self) -> AsyncIterator[Announcement]:
        for digest in self.digests:
            cid = Cid.from_digest(digest)
            yield Announcement(AnnouncementKind.SUBMISSION, bytes(32), PARAMS.creator, ROUND, cid)


def test_an_announced_submission_is_fetched_once_and_not_remembered_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    digests = [bytes([number]) * 32 for number in (1, 2, 1, 2, 3, 1, 3)]
    swarm = Announcing(digests)

    async def fetch(_: Any, digest: bytes, *__: Any) -> None:
        swarm.asked.append(digest)

    monkeypatch.setattr(replication, "fetch_submission", fetch)
    monkeypatch.setattr(replication, "REMEMBERED", 2)
    participant = SimpleNamespace(store=MemoryStore(), swarm=swarm)
    ledger = SimpleNamespace(task=bytes(32), params=PARAMS)
    own = Replication(cast(Any, participant), cast(Any, ledger), 1 << 20, Seams())
    asyncio.run(own.run())
    assert [digest[0] for digest in swarm.asked] == [1, 2, 3, 1]


def test_time_is_left_for_the_commitment() -> None:
    slow = dataclasses.replace(PARAMS, commit_seconds=120, round_seconds=150)
    quick = dataclasses.replace(PARAMS, commit_seconds=8, round_seconds=10)
    assert replication_deadline(slow, ROUND) == commit_deadline(slow, ROUND) - 12
    assert replication_deadline(quick, ROUND) == commit_deadline(quick, ROUND) - LEAST_COMMIT_SECONDS
