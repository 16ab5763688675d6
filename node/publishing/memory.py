"""What a node has proven: kept so that it never commits to one proof for two problems, which costs the stake.

On disk before the commitment is sent, as far back as the hub's ring reaches. A node that lost the file takes the
entries from its published rollouts again.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import Final

from cupel.node.journal import Journal
from cupel.protocol.config import ConfigError
from cupel.protocol.spec.repetition import RING, Place, ProvenWork
from cupel.protocol.spec.rollout import Commitment, RolloutLeaf

_NAME: Final = "proven"
_ENTRY: Final = struct.Struct(">III32s")
"""Sequence, index, problem, TOPLOC root."""


class Memory:
    """The TOPLOC roots of a node's commitments, and the problems they were given for."""

    def __init__(self, journal: Journal) -> None:
        """Open the journal's memory. ConfigError if the file is none, StorageError if it cannot be read."""
        self._journal = journal
        self._proven = proven_from_bytes(journal.load(_NAME) or b"")

    def beside(self, sequence: int) -> dict[bytes, Place]:
        """What commitment `sequence` must not repeat."""
        return self._proven.beside(sequence)

    def record(self, sequence: int, leaves: Sequence[RolloutLeaf]) -> None:
        """Remember a commitment about to be sent. StorageError if that fails: then do not send it."""
        self._proven = self._proven.add(sequence, leaves)
        self._journal.save(_NAME, proven_to_bytes(self._proven))

    def gaps(self, commitments: Iterable[Commitment]) -> tuple[Commitment, ...]:
        """Of a node's commitments in sequence order, the rollouts in the ring that are not remembered."""
        held = list(commitments)[-RING:]
        return tuple(one for one in held if one.units and one.sequence not in self._proven.commitments)


def proven_to_bytes(proven: ProvenWork) -> bytes:
    """One entry of 44 bytes for each root of each commitment."""
    return b"".join(
        _ENTRY.pack(place.sequence, place.index, place.problem, root)
        for sequence in sorted(proven.commitments)
        for root, place in proven.commitments[sequence].items()
    )


def proven_from_bytes(data: bytes) -> ProvenWork:
    """Inverse of `proven_to_bytes`. ConfigError for bytes of another length."""
    if len(data) % _ENTRY.size:
        problem = "the journal's memory of proven work is damaged"
        raise ConfigError(
            "data_dir", problem, "Remove its file `proven`; it is made again from what was published"
        )
    commitments: dict[int, dict[bytes, Place]] = {}
    for sequence, index, problem_number, root in _ENTRY.iter_unpack(data):
        commitments.setdefault(sequence, {})[root] = Place(sequence, index, problem_number)
    return ProvenWork(commitments)
