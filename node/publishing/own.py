"""What the chain says of a node's own work in a task, now: a reorganisation makes another ledger of it at any time."""

from __future__ import annotations

from typing import Final

from cupel.protocol.chain.ledger import TaskLedger
from cupel.protocol.participant import Participant
from cupel.protocol.spec.assignment import round_seed


class Outdated(Exception):
    """A reorganisation changed what work was made for: it is to be made anew."""


class OwnWork:
    """Looked up anew at every question, in the ledger as it was last refreshed."""

    def __init__(self, participant: Participant, task: bytes) -> None:
        self._participant: Final = participant
        self._task: Final = task

    @property
    def _ledger(self) -> TaskLedger:
        return self._participant.ledger.tasks[self._task]

    def sequence(self) -> int:
        """Place of the next commitment."""
        return len(self._ledger.commitments(self._participant.address))

    def rounds(self, least_units: int = 1) -> set[int]:
        """The rounds with a commitment of so many units."""
        commitments = self._ledger.commitments(self._participant.address)
        return {work.round for work in commitments if work.units >= least_units}

    def beacon(self, round_index: int) -> bytes:
        """The round's. Outdated while it is not open."""
        beacon = self._ledger.beacons.get(round_index)
        if beacon is None:
            raise Outdated("a reorganisation took its beacon away")
        return beacon

    def seed(self, round_index: int) -> bytes:
        """What all of the round's work follows from. Outdated while it is not open."""
        chain_id, hub = self._participant.chain.chain_id, self._participant.hub.address
        node = self._participant.address
        return round_seed(chain_id, hub, self._task, node, round_index, self.beacon(round_index))

    def require(self, round_index: int, seed: bytes, sequence: int | None = None) -> None:
        """Outdated if work made from this seed, and for this place, is not what the chain asks for now."""
        if self.seed(round_index) != seed:
            raise Outdated("a reorganisation gave it another beacon")
        if sequence is not None and self.sequence() != sequence:
            raise Outdated("a reorganisation took an earlier commitment away")
