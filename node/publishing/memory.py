"""What a node has proven: kept so that it never commits to one proof for two problems, which costs the stake.

On disk before the commitment is sent, as far back as the hub's ring reaches. A node that lost the file takes the
entries from its published rollouts again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from cupel.node.journal import Journal
from cupel.protocol.config import ConfigError
from cupel.protocol.spec.repetition import ENTRY_BYTES, RING, Place, ProvenWork
from cupel.protocol.spec.rollout import Commitment, RolloutLeaf

_NAME: Final = "proven"


class Memory:
    """The TOPLOC roots of a node's commitments, and the problems they were given for."""

    def __init__(self, journal: Journal) -> None:
        """Open the journal's memory. ConfigError if the file is none, StorageError if it cannot be read."""
        self._journal = journal
        self._proven = _opened(journal.load(_NAME) or b"")

    def beside(self, sequence: int) -> dict[bytes, Place]:
        """What commitment `sequence` must not repeat."""
        return self._proven.beside(sequence)

    def record(self, sequence: int, leaves: Sequence[RolloutLeaf]) -> None:
        """Remember a commitment about to be sent. StorageError if that fails: then do not send it."""
        self._proven = self._proven.add(sequence, leaves)
        self._journal.save(_NAME, self._proven.to_bytes())

    def gaps(self, commitments: Iterable[Commitment]) -> tuple[Commitment, ...]:
        """Of a node's commitments in sequence order, the rollouts in the ring that are not remembered."""
        held = list(commitments)[-RING:]
        return tuple(one for one in held if one.units and one.sequence not in self._proven.commitments)


def _opened(data: bytes) -> ProvenWork:
    if len(data) % ENTRY_BYTES:
        problem = "the journal's memory of proven work is damaged"
        raise ConfigError(
            "data_dir", problem, "Remove its file `proven`; it is made again from what was published"
        )
    return ProvenWork.from_bytes(data)
