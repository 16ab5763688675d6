"""Golden vectors of the float32 kind of TOPLOC proof: builds, malformed proofs and comparisons."""

from __future__ import annotations

import dataclasses
from typing import Any, Final

import numpy as np

from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.toploc.float32 import Patterns32, build_proof, decode_proof, to_bytes
from cupel.protocol.spec.toploc.float32_comparison import compare
from cupel.protocol.spec.toploc.float32_field import PRIME, evaluate
from cupel.protocol.spec.toploc.proof import Proof

K: Final = 8
# One greatest magnitude, then four equal ones for three places: the last loses by its index.
TIES: Final = (0x3F800000, 0xC0000000, 0x40000000, 0xC0400000, 0x40000000, 0x3F000000, 0xC0000000)


def likely_float32(elements: int, salt: int = 0) -> Patterns32:
    """Patterns of magnitudes 0.5 to 4 and either sign, like those of a real model's normalised states."""
    index = np.arange(elements, dtype=np.uint64) + np.uint64(salt)
    mixed = (index * index * np.uint64(7919) + index * np.uint64(2654435761) + np.uint64(12345)) % np.uint64(
        4294967311
    )
    sign, magnitude = mixed % np.uint64(2) << np.uint64(31), mixed // np.uint64(2) % np.uint64(0x1800000)
    return (sign + np.uint64(0x3F000000) + magnitude).astype(np.uint32)


def float32_vectors() -> dict[str, Any]:
    """The object of tests/vectors/toploc_float32.json."""
    return {
        "prime": PRIME,
        "builds": [
            _build("32 x 64", likely_float32(32 * 64), 128),
            _build("ties go to the lower index", np.array(TIES, dtype=np.uint32), 4),
            _build("short chunk continued with zeros", likely_float32(5, 3), K),
        ],
        "proofs": _proof_cases(),
        "comparisons": _comparisons(),
    }


def _build(name: str, patterns: Patterns32, k: int) -> dict[str, Any]:
    proof = build_proof(patterns, k)
    claims = [evaluate(decode_proof(proof, k).coefficients, place) for place in (0, 1, 65_496)]
    is_small = patterns.size <= 64
    return {
        "name": name,
        "topk": k,
        "elements": patterns.size,
        "patterns": _words(patterns) if is_small else "",
        "proof": _hex(proof) if is_small else "",
        "sha256": _hex(sha256(proof)),
        "claims": claims,
    }


def _proof_cases() -> list[dict[str, Any]]:
    good = decode_proof(build_proof(likely_float32(64), K), K)
    data, c = to_bytes(good), good.coefficients
    cases = {
        "valid": data,
        "valid, one zero at the top": to_bytes(Proof((*c[:-1], 0))),
        "valid, largest coefficients": to_bytes(Proof((PRIME - 1,) * K)),
        "empty": b"",
        "modulus only": data[:4],
        "one byte short": data[:-1],
        "one coefficient short": data[:-4],
        "one byte long": data + b"\0",
        "one coefficient long": data + bytes(4),
        "the bfloat16 kind's length": data[: 2 + 2 * K],
        "null modulus": bytes(4) + data[4:],
        "modulus above": (PRIME + 1).to_bytes(4, "big") + data[4:],
        "first coefficient equal to the prime": data[:4] + PRIME.to_bytes(4, "big") + data[8:],
        "last coefficient 4294967295": data[:-4] + b"\xff\xff\xff\xff",
        "all coefficients zero": to_bytes(Proof((0,) * K)),
        "constant": to_bytes(Proof((0x40800000, *(0,) * (K - 1)))),
        "upper half zero": to_bytes(Proof((*c[: K // 2], *(0,) * (K // 2)))),
    }
    return [_proof_case(name, proof) for name, proof in cases.items()]


def _proof_case(name: str, proof: bytes) -> dict[str, Any]:
    reason = ""
    try:
        decode_proof(proof, K)
    except Rejected as rejected:
        reason = rejected.reason.value
    return {"name": name, "topk": K, "proof": _hex(proof), "reason": reason}


def _comparisons() -> list[dict[str, Any]]:
    proven = likely_float32(64)
    proof = build_proof(proven, K)
    recomputed = {
        "equal": proven,
        "negated": proven ^ np.uint32(0x80000000),
        "next pattern": proven ^ np.uint32(1),
        "rounded to bfloat16": proven & np.uint32(0xFFFF0000),
        "elsewhere": np.roll(proven, 1),
    }
    return [
        {
            "name": name,
            "topk": K,
            "proof": _hex(proof),
            "patterns": _words(patterns),
            **dataclasses.asdict(compare(decode_proof(proof, K), patterns, K)),
        }
        for name, patterns in recomputed.items()
    ]


def _words(patterns: Patterns32) -> str:
    """Hex of big-endian patterns, four bytes each."""
    return _hex(patterns.astype(">u4").tobytes())


def _hex(data: bytes) -> str:
    return "0x" + data.hex()
