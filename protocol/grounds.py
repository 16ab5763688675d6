"""What the versions that a process holds rest on: their parent and a round's accepted work, or a poster's word."""

from __future__ import annotations

from collections.abc import Mapping

from cupel.protocol.chain.ledger import TaskLedger
from cupel.protocol.spec.rounds import CommittedWork


class Grounds:
    """Of each version by its number; a version that was whole before anybody looked has none."""

    def __init__(self) -> None:
        self.unproven: set[int] = set()
        """Versions that rest on somebody's word, or on one that does."""
        self._work: dict[int, tuple[CommittedWork, ...]] = {}

    def made_of(self, number: int, work: tuple[CommittedWork, ...], on_trust: bool = False) -> None:
        """The version was computed from this. on_trust: and from a parent that rests on somebody's word."""
        self._work[number] = work
        if on_trust:
            self.unproven.add(number)
        else:
            self.unproven.discard(number)

    def taken(self, number: int) -> None:
        """The version was taken as it was posted."""
        self._work.pop(number, None)
        self.unproven.add(number)

    def forget(self, number: int) -> None:
        """The version is held no more."""
        self._work.pop(number, None)
        self.unproven.discard(number)

    def outdated(self, ledger: TaskLedger, now: int) -> int | None:
        """The oldest version that was made of other work than counts now; None if all are right.

        It happens to versions that nobody has posted: a node was slashed meanwhile, or the chain was reorganised.
        """
        return next(
            (
                number
                for number in sorted(self._work)
                if ledger.accepted(number - 1, now) != self._work[number]
            ),
            None,
        )

    def refuted(self, digests: Mapping[int, bytes], ledger: TaskLedger) -> bool:
        """Whether a version held rests on the word of a poster that lost its stake, and nobody else posted the same."""
        return any(_lost(number, digests[number], ledger) for number in self.unproven)


def _lost(number: int, digest: bytes, ledger: TaskLedger) -> bool:
    stands = ledger.checkpoint(number)
    posters = [record.node for record in ledger.posted if record.digest == digest]
    return any(map(ledger.slashed, posters)) and (stands is None or stands.digest != digest)
