"""Work counted twice: one root of TOPLOC proofs for two problems among a node's commitments.

The states behind a proof depend on the prompt, so such a root was computed for one of the problems at most, and the
ObjectiveJudge convicts of it (RepeatedProof). Honest states can coincide all the same, if two problems have one prompt
or the policy ignores its prompts. So a node must not commit to a rollout whose root it has committed to for another
problem: it leaves out that rollout and what follows in the round.

Not a repetition, since it happens to the honest: equal roots for one problem, under whatever seeds and policies.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Self

from cupel.protocol.spec.rollout import RolloutLeaf

RING: Final = 64
"""Commitments of a node that the hub holds; older ones cannot be shown to the judge."""
_ENTRY: Final = struct.Struct(">III32s")
"""Sequence, index, problem, TOPLOC root."""
ENTRY_BYTES: Final = _ENTRY.size


@dataclass(frozen=True, slots=True)
class Place:
    """A rollout among a node's commitments."""

    sequence: int
    index: int
    problem: int


@dataclass(frozen=True, slots=True)
class Repetition:
    """Two rollouts with one root for two problems; `place` comes later in its commitment than `twin`, or in another."""

    place: Place
    twin: Place


@dataclass(frozen=True, slots=True)
class ProvenWork:
    """What each root of a node's commitments was given for."""

    commitments: Mapping[int, bytes] = field(default_factory=dict)
    """By sequence; packed, an entry of 44 bytes for each rollout: of 64 rounds there are many."""

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Inverse of `to_bytes`; data: whole entries."""
        commitments: dict[int, list[bytes]] = {}
        for start in range(0, len(data), ENTRY_BYTES):
            entry = data[start : start + ENTRY_BYTES]
            commitments.setdefault(_ENTRY.unpack(entry)[0], []).append(entry)
        return cls({sequence: b"".join(entries) for sequence, entries in commitments.items()})

    def to_bytes(self) -> bytes:
        """Every entry, in sequence order."""
        return b"".join(self.commitments[sequence] for sequence in sorted(self.commitments))

    def add(self, sequence: int, leaves: Sequence[RolloutLeaf]) -> ProvenWork:
        """With a commitment's leaves, in place of what was known of that sequence; forgets what left the ring."""
        held = {number: entries for number, entries in self.commitments.items() if number > sequence - RING}
        held[sequence] = b"".join(
            _ENTRY.pack(sequence, leaf.index, leaf.problem, leaf.toploc_root) for leaf in leaves
        )
        return ProvenWork(held)

    def beside(self, sequence: int) -> dict[bytes, Place]:
        """Roots of the commitments that the ring can hold together with `sequence`."""
        roots: dict[bytes, Place] = {}
        for number in sorted(self.commitments):
            if number != sequence and abs(number - sequence) < RING:
                for place in _ENTRY.iter_unpack(self.commitments[number]):
                    roots[place[-1]] = Place(*place[:-1])
        return roots


def first_repetition(
    sequence: int, leaves: Sequence[RolloutLeaf], known: Mapping[bytes, Place]
) -> Repetition | None:
    """The first of a commitment's leaves whose root stands for another problem, before it or in `known`; or None."""
    roots = dict(known)
    for leaf in leaves:
        place = _place(sequence, leaf)
        twin = roots.setdefault(leaf.toploc_root, place)
        if twin.problem != leaf.problem:
            return Repetition(place, twin)
    return None


def _place(sequence: int, leaf: RolloutLeaf) -> Place:
    return Place(sequence, leaf.index, leaf.problem)
