"""Which files an update may travel in: one name for each, all read back as the same integer blocks.

Whatever the codec, a decoded update is blocks of eight-bit integers with a power of two each, so sums are exact and
the aggregate (outer.py) does not ask which codec it was.

    mxint8      8.25 bits a parameter
    mxint4      4.25
    sparse-K    the K largest of 64 at two bits: 0.86 for K = 8, 0.33 for K = 2
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from cupel.protocol.spec.diloco import blocks, int4, sparse
from cupel.protocol.spec.diloco.blocks import BLOCK, MIN_EXPONENT, Update, num_blocks
from cupel.protocol.spec.errors import Reason, Rejected

_SPARSE: Final = "sparse-"


class Codec(Protocol):
    """One file format of updates."""

    def encode(
        self, flat: npt.NDArray[np.float32], max_exponent: int
    ) -> tuple[Update, npt.NDArray[np.float32]]:
        """The update that stands for `flat` (float32 [parameters], finite) and what it leaves out (the same shape)."""

    def to_bytes(self, update: Update, num_parameters: int) -> bytes:
        """Canonical bytes of an update this codec made."""

    def from_bytes(self, data: bytes, num_parameters: int, max_exponent: int) -> Update:
        """Inverse of `to_bytes`. Rejected(SIZE) or Rejected(UPDATE) for anything but canonical bytes."""

    def num_bytes(self, num_parameters: int) -> int:
        """Length of every file for so many parameters."""


@dataclass(frozen=True, slots=True)
class MxInt8:
    """Blocks of blocks.py."""

    def encode(
        self, flat: npt.NDArray[np.float32], max_exponent: int
    ) -> tuple[Update, npt.NDArray[np.float32]]:
        """As `Codec`."""
        return blocks.encode_update(flat, max_exponent)

    def to_bytes(self, update: Update, num_parameters: int) -> bytes:
        """As `Codec`."""
        return blocks.update_to_bytes(update)

    def from_bytes(self, data: bytes, num_parameters: int, max_exponent: int) -> Update:
        """As `Codec`."""
        return blocks.update_from_bytes(data, num_parameters, max_exponent)

    def num_bytes(self, num_parameters: int) -> int:
        """As `Codec`. The header names the arrays' sizes, so its length is that of an update of zeros."""
        count = num_blocks(num_parameters)
        zeros = Update(np.zeros(count * BLOCK, np.int8), np.full(count, MIN_EXPONENT, np.int8))
        return len(blocks.update_to_bytes(zeros))


@dataclass(frozen=True, slots=True)
class MxInt4:
    """Blocks of int4.py."""

    def encode(
        self, flat: npt.NDArray[np.float32], max_exponent: int
    ) -> tuple[Update, npt.NDArray[np.float32]]:
        """As `Codec`."""
        return int4.encode_int4(flat, max_exponent)

    def to_bytes(self, update: Update, num_parameters: int) -> bytes:
        """As `Codec`."""
        return int4.int4_to_bytes(update)

    def from_bytes(self, data: bytes, num_parameters: int, max_exponent: int) -> Update:
        """As `Codec`."""
        return int4.int4_from_bytes(data, num_parameters, max_exponent)

    def num_bytes(self, num_parameters: int) -> int:
        """As `Codec`."""
        return int4.num_int4_bytes(num_parameters)


@dataclass(frozen=True, slots=True)
class Sparse:
    """The `kept` largest of every 64 coordinates (sparse.py)."""

    kept: int

    def encode(
        self, flat: npt.NDArray[np.float32], max_exponent: int
    ) -> tuple[Update, npt.NDArray[np.float32]]:
        """As `Codec`."""
        return sparse.encode_sparse(flat, self.kept, max_exponent)

    def to_bytes(self, update: Update, num_parameters: int) -> bytes:
        """As `Codec`."""
        return sparse.sparse_to_bytes(update, num_parameters, self.kept)

    def from_bytes(self, data: bytes, num_parameters: int, max_exponent: int) -> Update:
        """As `Codec`."""
        return sparse.sparse_from_bytes(data, num_parameters, self.kept, max_exponent)

    def num_bytes(self, num_parameters: int) -> int:
        """As `Codec`."""
        return sparse.num_sparse_bytes(num_parameters, self.kept)


def get_codec(name: str) -> Codec:
    """The codec a task names. Rejected(TASK_SPEC) for a name that stands for none."""
    if name == "mxint8":
        return MxInt8()
    if name == "mxint4":
        return MxInt4()
    for kept in range(1, sparse.MAX_KEPT + 1):
        if name == f"{_SPARSE}{kept}":
            return Sparse(kept)
    raise Rejected(
        Reason.TASK_SPEC, f"aggregation.codec {name!r}: mxint8, mxint4 or {_SPARSE}1 to {sparse.MAX_KEPT}"
    )
