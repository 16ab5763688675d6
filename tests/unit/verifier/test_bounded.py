"""Many commitments: what a verifier keeps in memory and on disk stays bounded. The real journal and watch."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from cupel.protocol.spec.rounds import CommittedWork
from cupel.protocol.spec.task import Pooling
from cupel.protocol.spec.toploc.pooled import Pool
from cupel.verifier import journal as journal_module
from cupel.verifier.journal import Journal
from cupel.verifier.meters import Meters
from cupel.verifier.watch import Watch

TASK = b"\1" * 32
NODES = tuple("0x" + number.to_bytes(20, "big").hex() for number in range(1, 9))


class Silent:
    def emit(self, event: str, **fields: object) -> None:
        """Nobody listens."""


def folder_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_memory_and_disk_stay_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a few hundred commitments nothing grows: the next thousand take no more room."""
    monkeypatch.setattr(journal_module, "MAX_PASSED", 32)
    monkeypatch.setattr(journal_module, "MAX_VOTES", 16)
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
    journal, meters = Journal(tmp_path, TASK), Meters(Silent())
    watch = Watch(journal, Pooling(1_000), meters, 64)

    def work(count: int, begin: int) -> tuple[int, int]:
        for number in range(begin, begin + count):
            now, node = 1_000 + 20 * number, NODES[number % len(NODES)]
            root = number.to_bytes(32, "big")
            committed = CommittedWork(node, number, number, root, bytes(32), 512, now)
            watch.record(committed, Pool(32, 1_000, 0), None)
            meters.emit("verdict", check="reward", passed=True, reason="")
            meters.emit("error", message=f"problem {number}")
            journal.vote(number, 0, guilty=False)
        return tracemalloc.get_traced_memory()[0], folder_bytes(tmp_path)

    tracemalloc.start()
    work(300, 0)
    memory, disk = work(100, 300)
    later_memory, later_disk = work(1_000, 400)
    tracemalloc.stop()
    # Twenty bytes a commitment are more than the difference between two moments, and less than anything kept of one.
    assert later_memory < memory + 20_000
    assert later_disk < 1.1 * disk
    assert (len(journal.passed), len(journal.votes), len(meters.counts)) == (32, 16, 2)


def test_the_newest_are_remembered_across_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "MAX_PASSED", 4)
    journal = Journal(tmp_path, TASK)
    for number in range(9):
        journal.record_pass(bytes([number]) * 32, NODES[0], Pool())
    again = Journal(tmp_path, TASK)
    again.record_pass(bytes([9]) * 32, NODES[0], Pool())
    assert [number for number in range(10) if again.has_passed(bytes([number]) * 32)] == [6, 7, 8, 9]
