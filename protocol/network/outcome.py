"""What one request for one block came to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from cupel.protocol.spec.shardcast.cid import BytesLike


class NotDelivered(Enum):
    """Why a server did not deliver a block."""

    ABSENT = auto()
    """It says that it has no such block."""
    BUSY = auto()
    """It asks to be asked later."""
    FAILED = auto()
    """It refused, broke off, answered nonsense or not in time."""
    LIED = auto()
    """What it delivered is not the block."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A block whose bytes have the address asked for, or the reason why there is none."""

    result: BytesLike | NotDelivered
    seconds: float
