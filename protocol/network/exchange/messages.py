"""What two peers tell each other of one file: a question and its answer have the same form.

    magic "CSX1" | session, 8 bytes | port, 2 | want, 2 | leaves, 4 | holdings, (leaves + 7) // 8 | names

Numbers are big-endian. Bit i % 8 of byte i // 8 of the holdings says that leaf i is here. Names are peers' URLs, each
behind one byte of its length. Whatever a peer sends, what is read of it is bounded by the file and MAX_NAMED.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from cupel.protocol.network.exchange.contacts import MAX_NAMED, MAX_URL_CHARACTERS, parse_url
from cupel.protocol.spec.errors import Reason, Rejected

SESSION_BYTES: Final = 8
_MAGIC: Final = b"CSX1"
_HEAD: Final = struct.Struct(f">4s{SESSION_BYTES}sHHI")


@dataclass(frozen=True, slots=True)
class Message:
    """One side's state of the file."""

    session: bytes
    """Tells this process from others at the same address."""
    port: int
    """Where it serves; 0 for one that only fetches, behind NAT for example: nobody shall ask it."""
    want: int
    """Leaves it could fetch from the other side until they speak again."""
    holdings: int
    """Leaves it has, as a set; a publisher says which it would rather have fetched from it."""
    names: tuple[str, ...] = ()
    """URLs of peers that spoke to it about this file."""

    def to_bytes(self, num_leaves: int) -> bytes:
        """The message about a file of so many leaves."""
        head = _HEAD.pack(_MAGIC, self.session, self.port, self.want, num_leaves)
        names = b"".join(bytes([len(name)]) + name.encode("ascii") for name in self.names)
        return head + self.holdings.to_bytes(_mask_bytes(num_leaves), "little") + names

    @classmethod
    def from_bytes(cls, message: bytes, num_leaves: int) -> Message:
        """Inverse of `to_bytes`. Rejected(SIZE, ENCODING, SCHEMA), or Rejected(ENDPOINT) for a name."""
        if len(message) > max_message_bytes(num_leaves):
            raise Rejected(Reason.SIZE, f"message of {len(message)} bytes about {num_leaves} leaves")
        end = _HEAD.size + _mask_bytes(num_leaves)
        if len(message) < end:
            raise Rejected(Reason.ENCODING, "message cut off")
        magic, session, port, want, claimed = _HEAD.unpack_from(message)
        if magic != _MAGIC or claimed != num_leaves:
            raise Rejected(Reason.SCHEMA, "not a message about this file")
        holdings = int.from_bytes(message[_HEAD.size : end], "little")
        if holdings >> num_leaves:
            raise Rejected(Reason.SCHEMA, "leaves behind the file's last")
        return cls(session, port, want, holdings, _names(message[end:]))


def max_message_bytes(num_leaves: int) -> int:
    """Size of the largest message about a file of so many leaves."""
    return _HEAD.size + _mask_bytes(num_leaves) + MAX_NAMED * (1 + MAX_URL_CHARACTERS)


def _mask_bytes(num_leaves: int) -> int:
    return (num_leaves + 7) // 8


def _names(encoded: bytes) -> tuple[str, ...]:
    names: list[str] = []
    start = 0
    while start < len(encoded):
        end = start + 1 + encoded[start]
        if end > len(encoded) or len(names) == MAX_NAMED:
            raise Rejected(Reason.ENCODING, "names cut off, or too many")
        try:
            names.append(parse_url(encoded[start + 1 : end].decode("ascii")))
        except UnicodeDecodeError:
            raise Rejected(Reason.ENDPOINT, "a name is ASCII") from None
        start = end
    return tuple(names)
