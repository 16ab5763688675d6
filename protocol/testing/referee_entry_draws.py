"""Drawn entries of every part of a trace, and a digest of what they are read from and give.

Twin of tests/contracts/vectors/RefereeEntryDraws.t.sol, which draws the same cases from the same hashes. Beside the
arithmetic of `referee_draws` this compares the way to it: which rows and weights an entry of a drawn shape is computed
from, and which of their entries. The rows themselves are drawn, within what an honest trace can hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from cupel.protocol.model.layout import ARCHITECTURE
from cupel.protocol.spec.hashing import keccak256
from cupel.protocol.spec.referee.execution import compute
from cupel.protocol.spec.referee.fixed import MAX_ACTIVATION
from cupel.protocol.spec.referee.layout import Part, Row, locate, row_length, sources, weight_rows
from cupel.protocol.spec.referee.steps import inverse_root
from cupel.protocol.spec.referee.trace import Kind
from cupel.protocol.spec.task import ModelShape

SEED: Final = 20_261_126
COUNT: Final = 64
WORDS_OF_ROW: Final = 16
"""The first says how large the entries are, each of the others has six activations or eight weights."""
ENTRIES_OF_WORD: Final = 6
WEIGHTS_OF_WORD: Final = 8
GREATEST: Final = 40
"""In the place of a shift: every entry is the greatest there is."""


def entry_draws_vectors() -> dict[str, Any]:
    """The digests that the suite compares."""
    return digests(SEED, COUNT)


def digests(seed: int, count: int) -> dict[str, Any]:
    """Of cases 0 to `count` of every part, by part number."""
    return {
        "seed": seed,
        "count": count,
        "digests": ["0x" + digest(seed, part, count).hex() for part in Part],
    }


def digest(seed: int, part: Part, count: int) -> bytes:
    """Chain of hashes over the cases of one part; zero for none."""
    chain = bytes(32)
    for number in range(count):
        prefix = b"".join(word.to_bytes(32, "big") for word in (seed, part, number))
        told = _case(part, prefix)
        chain = keccak256(chain + b"".join(word.to_bytes(32, "big", signed=True) for word in told))
    return chain


def _word(prefix: bytes, place: int) -> bytes:
    return keccak256(prefix + place.to_bytes(32, "big"))


def _case(part: Part, prefix: bytes) -> Sequence[int]:
    """Numbers of the rows and of the weights that the entry reads, and its value."""
    drawn = int.from_bytes(_word(prefix, 0), "big")
    digit = drawn.to_bytes(32, "little")
    heads, layers = 1 + digit[0] % 3, 1 + digit[3] % 2
    shape = ModelShape(ARCHITECTURE, 1, layers, heads * (4 + digit[1] % 5), heads, 1 + digit[2] % 20, 8)
    tokens = 1 + digit[4] % 6
    is_of_layer = Part.EMBED < part < Part.FINAL_MOMENTS
    row = Row(
        part,
        digit[6] % layers if is_of_layer else 0,
        digit[7] % heads if Part.SCORE <= part <= Part.MIX else 0,
        digit[5] % tokens,
    )
    column = (drawn >> 64) % row_length(shape, row)
    read = sources(shape, tokens, row, column)
    weighed = weight_rows(shape, row, column, 0)
    rows = [
        _row(shape, locate(shape, tokens, number), prefix, 1 + place * WORDS_OF_ROW)
        for place, number in enumerate(read)
    ]
    length = shape.feed_forward if part == Part.FEED_OUT else shape.width
    weights = [
        _weights(length, prefix, 1 + (len(read) + place) * WORDS_OF_ROW) for place in range(len(weighed))
    ]
    return (*read, *weighed, compute(shape, row, column, rows, weights))


def _row(shape: ModelShape, row: Row, prefix: bytes, first: int) -> list[int]:
    """Entries as large as an honest row's of this kind can be."""
    scale = _word(prefix, first)[31] % (GREATEST + 1)
    length = row_length(shape, row)
    words = b"".join(
        _word(prefix, first + place)[:30] for place in range(1, 1 + -(-length // ENTRIES_OF_WORD))
    )
    raw = [int.from_bytes(words[5 * place : 5 * place + 5], "big", signed=True) for place in range(length)]
    match row.kind:
        case Kind.MOMENTS:
            return [0, 0, _activation(raw[0], scale), inverse_root(2**27 + ((raw[1] % 2**40) << 58 >> scale))]
        case Kind.EXP_SUM:
            return [0, 1 + (raw[0] % 2**38 >> min(scale, 37))]
        case Kind.EXP:
            return [entry % (2**30 + 1) >> scale % 31 for entry in raw]
        case Kind.SOFTMAX:
            return [entry % (2**24 + 1) >> scale % 25 for entry in raw]
        case _:
            return [_activation(entry, scale) for entry in raw]


def _activation(raw: int, scale: int) -> int:
    if scale < GREATEST:
        return raw >> scale
    return -MAX_ACTIVATION if raw < 0 else MAX_ACTIVATION


def _weights(length: int, prefix: bytes, first: int) -> list[int]:
    """A row of weights, 25 bits each."""
    scale = 7 + _word(prefix, first)[31] % 25
    words = b"".join(_word(prefix, first + place) for place in range(1, 1 + -(-length // WEIGHTS_OF_WORD)))
    return [
        int.from_bytes(words[4 * place : 4 * place + 4], "big", signed=True) >> scale
        for place in range(length)
    ]
