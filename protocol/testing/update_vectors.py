"""Golden vectors of update files: every codec on whole-numbered gradients, and files that no codec reads."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cupel.protocol.spec.diloco.codec import get_codec
from cupel.protocol.spec.errors import Rejected

CODECS: Final = ("mxint8", "mxint4", "sparse-16", "sparse-8", "sparse-2")
MAX_EXPONENT: Final = -8


def whole_gradient(parameters: int) -> npt.NDArray[np.float32]:
    """Coordinates of many sizes, all multiples of 2^-24."""
    index = np.arange(parameters, dtype=np.int64)
    values = (index * index * 7919 + index * 104_729 + 31) % 4001 - 2000
    return np.ldexp(values.astype(np.float32), -24)


def update_vectors() -> dict[str, Any]:
    """The object of tests/vectors/update.json."""
    files, refused = [], []
    for name in CODECS:
        codec = get_codec(name)
        for parameters in (1, 40, 64, 150):
            update, _ = codec.encode(whole_gradient(parameters), MAX_EXPONENT)
            data = codec.to_bytes(update, parameters)
            files.append(
                {
                    "codec": name,
                    "parameters": parameters,
                    "file": _hex(data),
                    "mantissas": update.mantissas[:parameters].tolist(),
                    "exponents": update.exponents.tolist(),
                }
            )
        for title, changed in _malformed(data).items():
            refused.append(
                {"codec": name, "name": title, "file": _hex(changed), "reason": _reason(name, changed)}
            )
    return {"max_exponent": MAX_EXPONENT, "files": files, "refused_parameters": 150, "refused": refused}


def _malformed(data: bytes) -> dict[str, bytes]:
    """What a peer may send instead of a file of 150 parameters."""
    return {
        "empty": b"",
        "one byte short": data[:-1],
        "one byte long": data + b"\0",
        "all ones": b"\xff" * len(data),
        "last bit": data[:-1] + bytes([data[-1] ^ 1]),
    }


def _reason(name: str, data: bytes) -> str:
    try:
        get_codec(name).from_bytes(data, 150, MAX_EXPONENT)
    except Rejected as rejected:
        return rejected.reason.value
    return ""


def _hex(data: bytes) -> str:
    return "0x" + data.hex()
