"""What a node remembers of its commitments survives a restart, and what is missing is known."""

import dataclasses
from pathlib import Path

import pytest

from cupel.node.journal import Journal
from cupel.node.publishing.memory import Memory
from cupel.protocol.config import ConfigError
from cupel.protocol.spec.repetition import RING, Place
from cupel.protocol.spec.rollout import Commitment, RolloutLeaf

LEAF = RolloutLeaf(2, 4, bytes(32), 7, bytes(32), 9, bytes(32), b"\5" * 32, 0)


def commitment(sequence: int, units: int = 8) -> Commitment:
    return Commitment(sequence, sequence, bytes(32), bytes(32), units, 1000)


def test_it_survives_a_restart(tmp_path: Path) -> None:
    first = Memory(Journal(tmp_path))
    assert first.beside(4) == {}
    first.record(3, [LEAF, dataclasses.replace(LEAF, index=3, toploc_root=b"\6" * 32)])
    first.record(4, [LEAF])
    again = Memory(Journal(tmp_path))
    assert again.beside(5) == first.beside(5) == {b"\5" * 32: Place(4, 2, 7), b"\6" * 32: Place(3, 3, 7)}
    assert again.beside(4) == {b"\5" * 32: Place(3, 2, 7), b"\6" * 32: Place(3, 3, 7)}


def test_gaps_are_the_rollouts_of_the_ring_that_it_does_not_hold(tmp_path: Path) -> None:
    memory = Memory(Journal(tmp_path))
    memory.record(RING + 2, [LEAF])
    history = [commitment(sequence, 0 if sequence % 2 else 8) for sequence in range(RING + 3)]
    gaps = memory.gaps(history)
    assert [one.sequence for one in gaps] == list(range(4, RING + 2, 2))


def test_a_damaged_file_says_what_to_do(tmp_path: Path) -> None:
    Journal(tmp_path).save("proven", b"torn")
    with pytest.raises(ConfigError, match="Remove its file"):
        Memory(Journal(tmp_path))
