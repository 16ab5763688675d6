"""A chunk's support as the chain receives it: four bytes a point, in the order of the tie rule.

    bytes 0-1    pattern, big-endian
    bytes 2-3    index, big-endian

Twin of contracts/libraries/ToplocSupport.sol.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.toploc.activations import MAGNITUDE_MASK, MAX_ELEMENTS

POINT_BYTES: Final = 4


def encode_support(support: Sequence[tuple[int, int]]) -> bytes:
    """Bytes of (index, pattern) points."""
    return b"".join(struct.pack(">HH", pattern, index) for index, pattern in support)


def decode_support(data: bytes, k: int, elements: int) -> list[tuple[int, int]]:
    """The k (index, pattern) points, if they have the form of a support of a chunk of `elements` elements.

    Rejected(TOPLOC_SUPPORT): wrong length, points out of order, an index twice or outside the chunk, or something
    other than +0.0 where a short chunk is filled up. Whether it is the chunk's support the list cannot tell: there
    may be greater elements that it leaves out. A pattern that is not finite is no fault of form either.
    """
    assert 1 <= elements <= MAX_ELEMENTS, f"chunk of {elements} elements"
    if len(data) != POINT_BYTES * k:
        raise Rejected(Reason.TOPLOC_SUPPORT, f"{len(data)} bytes, not {POINT_BYTES * k}")
    points = [(index, pattern) for pattern, index in struct.iter_unpack(">HH", data)]
    for place, (index, pattern) in enumerate(points):
        if place >= elements and (index, pattern) != (place, 0):
            raise Rejected(Reason.TOPLOC_SUPPORT, f"point {place} is not +0.0 behind {elements} elements")
        if place < elements <= index:
            raise Rejected(Reason.TOPLOC_SUPPORT, f"index {index} of {elements} elements")
    orders = [(-(pattern & MAGNITUDE_MASK), index) for index, pattern in points]
    if any(here >= following for here, following in pairwise(orders)):
        raise Rejected(Reason.TOPLOC_SUPPORT, "points are out of order")
    if len({index for index, _ in points}) != k:
        raise Rejected(Reason.TOPLOC_SUPPORT, "an index stands twice")
    return points
