"""What the versions that a process holds rest on: their parent and a round's accepted work, or a poster's word."""

from __future__ import annotations

from dataclasses import dataclass

from cupel.protocol.chain.ledger import TaskLedger
from cupel.protocol.spec.rounds import CommittedWork


@dataclass(frozen=True, slots=True)
class Word:
    """A version that was taken as somebody posted it."""

    version: int
    digest: bytes

    def is_void(self, ledger: TaskLedger) -> bool:
        """Whether none of its postings stands any more. One that a reorganisation took back is none yet."""
        postings = [one for one in ledger.posted if (one.version, one.digest) == (self.version, self.digest)]
        return bool(postings) and not any(map(ledger.stands, postings))


class Grounds:
    """Of each version by its number. Genesis has none: the task's parameters name it."""

    def __init__(self) -> None:
        self._words: dict[int, Word] = {}
        self._work: dict[int, tuple[CommittedWork, ...]] = {}

    @property
    def unproven(self) -> frozenset[int]:
        """Versions that rest on somebody's word, or on one that does."""
        return frozenset(self._words)

    def made_of(self, number: int, work: tuple[CommittedWork, ...]) -> None:
        """The version was computed from this and its parent, whose word it rests on if that rests on one."""
        self._work[number] = work
        word = self._words.get(number - 1)
        if word is None:
            self._words.pop(number, None)
        else:
            self._words[number] = word

    def taken(self, number: int, digest: bytes) -> None:
        """The version was taken as it was posted."""
        self._work.pop(number, None)
        if number > 0:
            self._words[number] = Word(number, digest)

    def forget(self, number: int) -> None:
        """The version is held no more; what was made of it still rests on what it rested on."""
        self._work.pop(number, None)
        self._words.pop(number, None)

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

    def refuted(self, ledger: TaskLedger) -> bool:
        """Whether a version held rests on a void word.

        What a process computed itself is as true as what it computed it from, whoever posted the same and whatever
        became of that node.
        """
        return any(word.is_void(ledger) for word in set(self._words.values()))
