"""Golden vectors of seeded sketches. States are whole numbers, so that every sum is exact on every machine."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.hashing import keccak256
from cupel.protocol.spec.toploc.sketch import chunk_seed, decode_sketch, distance_millionths, sketch, to_bytes

COUNT: Final = 4


def whole_states(tokens: int, width: int, outlier: int = 0) -> npt.NDArray[np.float32]:
    """States -7 to 7, and `outlier` in the first channel of every token if that is not zero."""
    index = np.arange(tokens * width, dtype=np.int64)
    states = ((index * index * 31 + index * 17 + 5) % 15 - 7).astype(np.float32).reshape(tokens, width)
    if outlier:
        states[:, 0] = outlier
    return states


def sketch_vectors() -> dict[str, Any]:
    """The object of tests/vectors/toploc_sketch.json."""
    seed = keccak256(b"sample seed")
    builds: list[dict[str, Any]] = []
    for chunk, (tokens, width, outlier) in enumerate(((4, 16, 0), (4, 16, 1000), (1, 4, 0), (32, 32, -90))):
        states, own = whole_states(tokens, width, outlier), chunk_seed(seed, chunk)
        numbers = sketch(states, own, COUNT)
        builds.append(
            {
                "tokens": tokens,
                "width": width,
                "outlier": outlier,
                "chunk": chunk,
                "seed": _hex(own),
                "sketch": _hex(to_bytes(numbers)),
                "distance_of_half": distance_millionths(numbers / np.float32(2), states, own),
            }
        )
    good = bytes.fromhex(builds[0]["sketch"][2:])
    malformed = {
        "valid": good,
        "empty": b"",
        "one byte short": good[:-1],
        "one number long": good + bytes(4),
        "infinity": b"\x7f\x80\x00\x00" + good[4:],
        "not a number": good[:-4] + b"\xff\xc0\x00\x00",
        "negative zero": b"\x80\x00\x00\x00" + good[4:],
    }
    cases = [
        {"name": name, "sketch": _hex(data), "reason": _reason(data)} for name, data in malformed.items()
    ]
    return {"sample_seed": _hex(seed), "numbers": COUNT, "builds": builds, "sketches": cases}


def _reason(data: bytes) -> str:
    try:
        decode_sketch(data, COUNT)
    except Rejected as rejected:
        return rejected.reason.value
    return ""


def _hex(data: bytes) -> str:
    return "0x" + data.hex()
