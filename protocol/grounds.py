"""What the versions that a process holds rest on: their parent and a round's accepted work, or a poster's word."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from cupel.protocol.chain.ledger import TaskLedger
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.rounds import CommittedWork

_RECORD: Final = struct.Struct(">QQ32s32s")


@dataclass(frozen=True, slots=True)
class Word:
    """A version that was taken as somebody posted it."""

    version: int
    digest: bytes

    def is_void(self, ledger: TaskLedger) -> bool:
        """Whether none of its postings stands any more. One that a reorganisation took back is none yet."""
        postings = [one for one in ledger.posted if (one.version, one.digest) == (self.version, self.digest)]
        return bool(postings) and not any(map(ledger.stands, postings))


@dataclass(frozen=True, slots=True)
class Lineage:
    """How a version was computed here, so that a process that comes back knows its own from others' word.

    It names all that the version follows from, so it says after a restart whether that still counts.
    """

    version: int
    base: Word
    """Genesis, or the version taken from others that this one was computed from, step by step."""
    history: bytes
    """32 bytes over the accepted work of every round since."""

    @classmethod
    def beginning(cls, version: int, digest: bytes) -> Lineage:
        """Of a version that was taken, not computed."""
        return cls(version, Word(version, digest), bytes(32))

    def followed_by(self, work: Iterable[CommittedWork]) -> Lineage:
        """Of the version that this one and the accepted work of its round make."""
        history = sha256(b"".join((self.history, *(one.manifest for one in work))))
        return Lineage(self.version + 1, self.base, history)

    def counts(self, ledger: TaskLedger, now: int) -> bool:
        """Whether what it rests on is beyond challenge, and the work is what counts now."""
        line = Lineage.beginning(self.base.version, self.base.digest)
        if line != Lineage.beginning(0, ledger.params.genesis_digest) and not ledger.is_settled(
            self.base.version, self.base.digest, now
        ):
            return False
        for work in ledger.accepted_of(range(self.base.version, self.version), now):
            line = line.followed_by(work)
        return line == self

    def to_bytes(self) -> bytes:
        """For the disk."""
        return _RECORD.pack(self.version, self.base.version, self.base.digest, self.history)

    @classmethod
    def from_bytes(cls, data: bytes) -> Lineage | None:
        """Inverse of `to_bytes`; None for anything else."""
        if len(data) != _RECORD.size:
            return None
        version, base, digest, history = _RECORD.unpack(data)
        return cls(version, Word(base, digest), history)


class Grounds:
    """Of each version by its number. Genesis has none: the task's parameters name it."""

    def __init__(self, genesis: bytes) -> None:
        """genesis: digest of version 0."""
        self._words: dict[int, Word] = {}
        self._work: dict[int, tuple[CommittedWork, ...]] = {}
        self._lines: dict[int, Lineage] = {0: Lineage.beginning(0, genesis)}

    @property
    def unproven(self) -> frozenset[int]:
        """Versions that rest on somebody's word, or on one that does."""
        return frozenset(self._words)

    def is_sound(self, number: int, ledger: TaskLedger, now: int) -> bool:
        """Whether a version held rests on nobody's word that can still be challenged."""
        word = self._words.get(number)
        return word is None or ledger.is_settled(word.version, word.digest, now)

    def made_of(self, number: int, work: tuple[CommittedWork, ...]) -> None:
        """The version was computed from this and its parent, whose word it rests on if that rests on one."""
        self._work[number] = work
        if number - 1 in self._lines:
            self._lines[number] = self._lines[number - 1].followed_by(work)
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
            self._lines[number] = Lineage.beginning(number, digest)

    def resumed(self, line: Lineage, ledger: TaskLedger, now: int) -> None:
        """The version is the one computed here before a restart; its lineage counts."""
        self._lines[line.version] = line
        if line.version > line.base.version:
            self._work[line.version] = ledger.accepted(line.version - 1, now)

    def lineage(self, number: int) -> Lineage | None:
        """How the version came about, as far as it is known."""
        return self._lines.get(number)

    def forget(self, number: int) -> None:
        """The version is held no more; what was made of it still rests on what it rested on."""
        self._work.pop(number, None)
        self._words.pop(number, None)
        if number > 0:
            self._lines.pop(number, None)

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
