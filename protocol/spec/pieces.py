"""Files cut into pieces that fit a transaction; twin of contracts/libraries/Pieces.sol.

A manifest begins with a head of 40 bytes about its file (a submission's update, a version's checkpoint): the Merkle
root over the file's pieces, and its length in bytes, big-endian. So any piece of a file whose manifest's SHA-256 is on
the chain can be demanded there. A leaf hash is the SHA-256 of a piece, so no node, which is a keccak-256, can pose as
one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cupel.protocol.spec import merkle
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.hashing import sha256

PIECE_BYTES: Final = 2048
MAX_PIECES: Final = 2**32
"""No file has more."""
MAX_FILE_BYTES: Final = MAX_PIECES * PIECE_BYTES
_ROOT_BYTES: Final = 32
HEAD_BYTES: Final = _ROOT_BYTES + 8


@dataclass(frozen=True, slots=True)
class Head:
    """What the chain reads of a manifest."""

    root: bytes
    """Merkle root over the pieces."""
    file_bytes: int

    def to_bytes(self) -> bytes:
        """The first bytes of the manifest."""
        return self.root + self.file_bytes.to_bytes(HEAD_BYTES - _ROOT_BYTES, "big")

    @classmethod
    def from_manifest(cls, manifest: bytes) -> Head:
        """The head of a manifest. Rejected(SIZE) where the chain finds none."""
        if len(manifest) < HEAD_BYTES:
            raise Rejected(Reason.SIZE, f"a manifest has {HEAD_BYTES} bytes or more, not {len(manifest)}")
        head = cls(manifest[:_ROOT_BYTES], int.from_bytes(manifest[_ROOT_BYTES:HEAD_BYTES], "big"))
        if head.file_bytes > MAX_FILE_BYTES:
            raise Rejected(Reason.SIZE, f"no file has {head.file_bytes} bytes")
        return head

    @property
    def num_pieces(self) -> int:
        """Pieces of the file."""
        return num_pieces(self.file_bytes)


def head_of(file: bytes) -> Head:
    """The head of the manifest of a file, which is not empty."""
    return Head(pieces_root(file), len(file))


def num_pieces(file_bytes: int) -> int:
    """Pieces of a file of this length."""
    return -(-file_bytes // PIECE_BYTES)


def pieces_root(file: bytes) -> bytes:
    """Merkle root over the pieces of a file. Rejected(MERKLE_EMPTY) for an empty one."""
    return merkle.root(_leaves(file))


def piece(file: bytes, index: int) -> tuple[bytes, tuple[bytes, ...]]:
    """Piece `index` of a file, and its siblings up to the root."""
    start = index * PIECE_BYTES
    return file[start : start + PIECE_BYTES], merkle.proof(_leaves(file), index)


def levels(file: bytes) -> list[list[bytes]]:
    """Every level of the tree over a file's pieces, from the padded leaves up to the root. Rejected(MERKLE_EMPTY)."""
    return merkle.levels(_leaves(file))


def _leaves(file: bytes) -> list[bytes]:
    view = memoryview(file)
    return [sha256(view[start : start + PIECE_BYTES]) for start in range(0, len(file), PIECE_BYTES)]
