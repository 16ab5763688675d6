"""What the three processes of a node do next: pure functions of which files a round has. Nothing here reads or waits.

order             publisher     which round, seed and versions; one made anew takes its place
rollouts.stable   rollouts      the round's rollouts are whole
trained.stable    trainer       its update and the trainer's state are whole
refused           either        why there will be none
closed            publisher     the round is committed, or nothing more comes of it
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cupel.protocol.spec import documents
from cupel.protocol.spec.hashing import sha256

PUBLISHER: Final = "publisher"
ROLLOUTS: Final = "rollouts"
TRAINER: Final = "trainer"

_ORDER_KIND: Final = "cupel.node-order.v1"
_MAX_ORDER_BYTES: Final = 4096


@dataclass(frozen=True, slots=True)
class Order:
    """What the publisher wants of a round. Everything made of it follows from it and from the weights it names."""

    round: int
    seed: bytes
    sampler: int
    """Version that the rollouts are sampled with; every rollout bears it."""
    sampler_digest: bytes
    base: int
    """Version that training starts from."""
    after: int
    """Round whose trainer state training goes on from; the order's own round: from none."""
    train_until: int = 0
    """When training should be over, where slow nodes may do fewer steps: seconds of this machine's clock since 1970."""

    def to_bytes(self) -> bytes:
        """Canonical bytes."""
        return documents.encode(_ORDER_KIND, self)

    @property
    def digest(self) -> bytes:
        """SHA-256 of the canonical bytes."""
        return sha256(self.to_bytes())

    @classmethod
    def from_bytes(cls, data: bytes) -> Order:
        """Inverse of `to_bytes`. Rejected as `documents.decode`."""
        return documents.decode(cls, _ORDER_KIND, data, _MAX_ORDER_BYTES)


@dataclass(frozen=True, slots=True)
class RoundFiles:
    """Which of a round's files are there."""

    round: int
    rolled: bool = False
    trained: bool = False
    refused: bool = False
    closed: bool = False

    @property
    def is_open(self) -> bool:
        """Whether something may still come of it."""
        return not self.closed and not self.refused


@dataclass(frozen=True, slots=True)
class Work:
    """Do the round's part."""

    round: int


@dataclass(frozen=True, slots=True)
class WaitFor:
    """Nothing to do until `whom` has made `what`."""

    whom: str
    what: str


def next_rollouts(rounds: Sequence[RoundFiles], most_ahead: int) -> Work | WaitFor:
    """The rollout process's next step. rounds: those ordered, ascending.

    It runs at most `most_ahead` rounds in front of the trainer: what it sampled beyond would be over age when its turn
    comes.
    """
    open_rounds = [one for one in rounds if one.is_open and not one.trained]
    waiting = [one.round for one in open_rounds if one.rolled]
    todo = [one.round for one in open_rounds if not one.rolled]
    if not todo:
        return WaitFor(PUBLISHER, "the order for another round")
    if len(waiting) > most_ahead:
        return WaitFor(TRAINER, f"the update of round {waiting[0]}, {len(waiting)} rounds of rollouts wait")
    return Work(todo[0])


def next_training(rounds: Sequence[RoundFiles]) -> Work | WaitFor:
    """The trainer's next step: rounds in order, each once. rounds: those ordered, ascending."""
    todo = [one for one in rounds if one.is_open and not one.trained]
    if not todo:
        return WaitFor(PUBLISHER, "the order for another round")
    if not todo[0].rolled:
        return WaitFor(ROLLOUTS, f"the rollouts of round {todo[0].round}")
    return Work(todo[0].round)
