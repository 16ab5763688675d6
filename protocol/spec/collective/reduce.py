"""Who sends which part of a vector when, in a ring reduce-scatter and all-gather (Patarasuk and Yuan 2009).

Of n members, each owns one of n segments. In step s a member sends segment (rank - s) to its right and receives
segment (rank - s - 1) from its left. The first n - 1 steps add what comes in, the others pass on what is complete.
Each segment is added up in one order and then copied, so floating point results are the same bits on all members too.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cupel.protocol.spec.diloco.outer import divide
from cupel.protocol.spec.encoding import address_bytes, words
from cupel.protocol.spec.hashing import domain, keccak256

ATTEMPT: Final = domain("cupel.collective-attempt.v1")
CHUNK_BYTES: Final = 1 << 20
DTYPES: Final = ("int16", "int32", "int64", "float32", "int8")
MAX_FLOAT: Final = 2.0**40


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

    @property
    def chunks(self) -> int:
        """Chunks of a segment; the same for all, so that some may be empty."""
        longest = -(-self.size // self.members) * self.itemsize
        return max(1, -(-longest // CHUNK_BYTES))

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


def in_range(chunk: npt.NDArray[Any]) -> bool:
    """Whether a chunk may be a sum of members' values: integers may; no NaN, nothing that could overflow in the end.

    Of a chunk of honest partial sums (values to MAX_FLOAT, to 2^10 members, to 2^18 values) the squares add up to at
    most 2^118. One product tells it, where a search for NaN and infinity would read the chunk three times.
    """
    if chunk.dtype != np.float32:
        return True
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.vdot(chunk, chunk) < np.float32(2.0**120))


def all_in_range(values: npt.NDArray[Any]) -> bool:
    """Whether a member may put these values in: floats of at most MAX_FLOAT, in chunks so as not to copy them."""
    step = CHUNK_BYTES // values.itemsize
    parts = (values[start : start + step] for start in range(0, values.size, step))
    return values.dtype != np.float32 or all(_is_small(part) for part in parts)


def _is_small(part: npt.NDArray[Any]) -> bool:
    # Where all squares together are within the bound, so is each: one product tells it of almost every chunk.
    with np.errstate(over="ignore", invalid="ignore"):
        if np.vdot(part, part) <= np.float32(MAX_FLOAT) ** 2:
            return True
    return bool(part.max() <= MAX_FLOAT and part.min() >= -MAX_FLOAT)


def finish(reduce: Reduce, total: npt.NDArray[Any], members: int) -> npt.NDArray[Any]:
    """The result from the combined values; a mean of integers is rounded half to even."""
    if reduce.operation is not Operation.MEAN:
        return total
    if reduce.dtype == "float32":
        return total / np.float32(members)
    return divide(total.astype(np.int64), members).astype(reduce.dtype)
