"""Who sends which part of a vector when, in a ring reduce-scatter and all-gather (Patarasuk and Yuan 2009).

Of n members, each owns one of n segments. In step s a member sends segment (rank - s) to its right and receives
segment (rank - s - 1) from its left. The first n - 1 steps add what comes in, the others pass on what is complete.
Each segment is added up in one order and then copied, so floating point results are the same bits on all members too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cupel.protocol.spec.collective import native
from cupel.protocol.spec.diloco.outer import divide
from cupel.protocol.spec.encoding import address_bytes, words
from cupel.protocol.spec.hashing import domain, keccak256

ATTEMPT: Final = domain("cupel.collective-attempt.v2")
CHUNK_BYTES: Final = 1 << 20
DTYPES: Final = ("int16", "int32", "int64", "float32", "int8")
MAX_FLOAT: Final = 2.0**40
MAX_SUM: Final = 2.0**50
"""Of honest values of 2^10 members. A NaN or an infinity that was passed on is beyond it."""


class Operation(StrEnum):
    """How values of several members become one."""

    SUM = "sum"
    MEAN = "mean"
    MIN = "min"
    MAX = "max"


COMBINE: Final[dict[Operation, np.ufunc]] = {
    Operation.SUM: np.add,
    Operation.MEAN: np.add,
    Operation.MIN: np.minimum,
    Operation.MAX: np.maximum,
}


@dataclass(frozen=True, slots=True)
class Reduce:
    """What a reduce is named by: all members of the round's roster know it before they begin."""

    task: int
    round: int
    tag: int
    operation: Operation
    dtype: str
    size: int


@dataclass(frozen=True, slots=True)
class Plan:
    """One member's part: `members` in a ring of `size` values of `itemsize` bytes."""

    members: int
    rank: int
    size: int
    itemsize: int
    chunks: int = field(init=False)
    """Chunks of a segment; the same for all, so that some may be empty."""

    def __post_init__(self) -> None:
        """Counted once: it is asked for with every frame."""
        longest = -(-self.size // self.members) * self.itemsize
        object.__setattr__(self, "chunks", max(1, -(-longest // CHUNK_BYTES)))

    @property
    def items(self) -> int:
        """Chunks a member sends, and receives."""
        return 2 * (self.members - 1) * self.chunks

    def sent(self, item: int) -> slice:
        """Values of the item-th chunk to the right."""
        step, chunk = divmod(item, self.chunks)
        return self._chunk((self.rank - step) % self.members, chunk)

    def received(self, item: int) -> slice:
        """Values of the item-th chunk from the left."""
        step, chunk = divmod(item, self.chunks)
        return self._chunk((self.rank - step - 1) % self.members, chunk)

    def adds(self, item: int) -> bool:
        """Whether what is received is added up; otherwise it is complete."""
        return item < (self.members - 1) * self.chunks

    def needs(self, item: int) -> int:
        """How many chunks must have been received before this one can be sent."""
        return max(0, item - self.chunks + 1)

    def _chunk(self, segment: int, chunk: int) -> slice:
        start, stop = (self.size * edge // self.members for edge in (segment, segment + 1))
        length = stop - start
        return slice(start + length * chunk // self.chunks, start + length * (chunk + 1) // self.chunks)


def attempt_name(reduce: Reduce, roster: bytes, number: int, survivors: tuple[str, ...]) -> bytes:
    """32 bytes that name an attempt: the reduce, the digest of its roster, and who is left of it, in ring order."""
    operation, dtype = tuple(Operation).index(reduce.operation), DTYPES.index(reduce.dtype)
    head = words(reduce.task, reduce.round, reduce.tag, operation, dtype, reduce.size, roster, number)
    return keccak256(ATTEMPT + head + b"".join(address_bytes(member) for member in survivors))


def combine(
    operation: Operation, incoming: npt.NDArray[Any], own: npt.NDArray[Any], out: npt.NDArray[Any]
) -> bool:
    """Combine what came from the left with own values; whether these and the result are what they may be."""
    if native.IS_COMPILED and out.dtype == np.float32 and COMBINE[operation] is np.add:
        return native.kernel.add(incoming, own, out, MAX_FLOAT, MAX_SUM)
    COMBINE[operation](incoming, own, out=out)
    return in_range(own) and in_range(out, MAX_SUM)


def in_range(values: npt.NDArray[Any], most: float = MAX_FLOAT) -> bool:
    """Whether no value is NaN or beyond `most`: a member's own, or a sum of members' (MAX_SUM). Integers may be any."""
    if values.dtype != np.float32:
        return True
    if native.IS_COMPILED:
        return native.kernel.within(values, most)
    # Both are NaN where a value is.
    return bool(values.max(initial=0) <= most and values.min(initial=0) >= -most)


def finish(reduce: Reduce, total: npt.NDArray[Any], members: int) -> npt.NDArray[Any]:
    """The result from the combined values; a mean of integers is rounded half to even."""
    if reduce.operation is not Operation.MEAN:
        return total
    if reduce.dtype == "float32":
        return total / np.float32(members)
    return divide(total.astype(np.int64), members).astype(reduce.dtype)
