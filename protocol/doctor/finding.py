"""What an examination found: one line, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is."""

    GOOD = "good"
    MIND = "mind"
    """Work is possible; less of it, or less safely."""
    BAD = "bad"
    """Work is not possible."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    subject: str
    level: Level
    text: str
    remedy: str = ""
    """Empty if nothing has to be done."""

    def __post_init__(self) -> None:
        assert (self.level is Level.GOOD) == (not self.remedy), (
            f"{self.subject}: {self.level} with a remedy, or not"
        )


def good(subject: str, text: str) -> Finding:
    """Nothing to do."""
    return Finding(subject, Level.GOOD, text)


def mind(subject: str, text: str, remedy: str) -> Finding:
    """Works, and could be better."""
    return Finding(subject, Level.MIND, text, remedy)


def bad(subject: str, text: str, remedy: str) -> Finding:
    """Does not work."""
    return Finding(subject, Level.BAD, text, remedy)
