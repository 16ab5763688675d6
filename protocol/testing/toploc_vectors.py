"""Golden vectors of TOPLOC: proofs of fixed activations, malformed proofs and comparisons.

The two builds named after the toploc package (0.1.6) have inputs without ties or random draws; their SHA-256 is that
of its output. The 8 x 16 case also shows that a synthetic ramp can give a degenerate polynomial, which the
package accepts and the protocol does not.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.toploc import Proof, build_proof, compare, decode_proof
from cupel.protocol.spec.toploc.activations import Patterns, top_points
from cupel.protocol.spec.toploc.polynomial import PRIME, evaluate

K = 8
# One greatest magnitude, then four equal ones for three places: the last loses by its index.
TIES = (0x3F80, 0xC000, 0x4000, 0xC040, 0x4000, 0x3F00, 0xC000)


def ramp_patterns(chunk: int, elements: int) -> Patterns:
    """Finite patterns without equal magnitudes: at most 32639 elements."""
    index = np.arange(elements, dtype=np.int64)
    magnitude = (12345 * index + 1000 * chunk) % 32639 + 1
    return ((((7 * index + chunk) % 2) << 15) + magnitude).astype(np.uint16)


def likely_patterns(elements: int) -> Patterns:
    """Patterns of magnitudes 0.5 to 4 and either sign, like those of a real model's normalised states."""
    index = np.arange(elements, dtype=np.int64)
    mixed = (index * index * 7919 + index * 104729 + 12345) % 65521
    return ((mixed % 2 << 15) + 0x3F00 + mixed // 2 % 0x180).astype(np.uint16)


def ramp_chunks(tokens: int, width: int, chunk_tokens: int) -> list[Patterns]:
    """The chunks of a completion of `tokens` rows of `width` elements."""
    starts = range(0, tokens, chunk_tokens)
    rows = [min(chunk_tokens, tokens - start) for start in starts]
    return [ramp_patterns(chunk, count * width) for chunk, count in enumerate(rows)]


def toploc_vectors() -> dict[str, Any]:
    """The object of tests/vectors/toploc.json."""
    return {
        "builds": [
            _build("toploc package 64 x 256", ramp_chunks(64, 256, 32), 128),
            _build("toploc package 8 x 16", ramp_chunks(8, 16, 3), 4),
            _build("ties go to the lower index", [np.array(TIES, dtype=np.uint16)], 4),
            _build("short chunk continued with zeros", [ramp_patterns(3, 5)], K),
        ],
        "proofs": _proof_cases(),
        "evaluations": _evaluations(),
        "comparisons": _comparisons(),
    }


def _build(name: str, chunks: list[Patterns], k: int) -> dict[str, Any]:
    proofs = [build_proof(patterns, k) for patterns in chunks]
    is_small = chunks[0].size < 64
    return {
        "name": name,
        "topk": k,
        "patterns": [_words(patterns) for patterns in chunks] if is_small else [],
        "proofs": [_hex(proof) for proof in proofs],
        "sha256": _hex(sha256(b"".join(proofs))),
    }


def _proof_cases() -> list[dict[str, Any]]:
    good = decode_proof(build_proof(likely_patterns(64), K), K)
    data, c = good.to_bytes(), good.coefficients
    cases = [
        ("valid", data),
        ("valid, one zero at the top", Proof((*c[:-1], 0)).to_bytes()),
        ("valid, only the lowest of the upper half", Proof((0, 0, 0, 0, 1, 0, 0, 0)).to_bytes()),
        ("valid, largest coefficients", Proof((PRIME - 1,) * K).to_bytes()),
        ("null modulus", bytes(2) + data[2:]),
        ("null proof of the toploc package", bytes(2 + 2 * K)),
        ("modulus below", (PRIME - 1).to_bytes(2, "big") + data[2:]),
        ("modulus above", (PRIME + 1).to_bytes(2, "big") + data[2:]),
        ("empty", b""),
        ("modulus only", data[:2]),
        ("one byte short", data[:-1]),
        ("one coefficient short", data[:-2]),
        ("one byte long", data + b"\0"),
        ("one coefficient long", data + b"\0\0"),
        ("first coefficient equal to the prime", data[:2] + PRIME.to_bytes(2, "big") + data[4:]),
        ("last coefficient 65535", data[:-2] + b"\xff\xff"),
        ("all coefficients zero", Proof((0,) * K).to_bytes()),
        ("constant", Proof((0x4080, *(0,) * (K - 1))).to_bytes()),
        ("upper half zero", Proof((*c[: K // 2], *(0,) * (K // 2))).to_bytes()),
    ]
    # Points 5, 65502, 7 share a residue modulo 65497, so the package folds by 65496; here the modulus is pinned.
    folded = bytes.fromhex("ffd8449cfe1b002a")
    return [
        *(_proof_case(name, proof, K) for name, proof in cases),
        _proof_case("folded by the package", folded, 3),
    ]


def _proof_case(name: str, proof: bytes, k: int) -> dict[str, Any]:
    reason = ""
    try:
        decode_proof(proof, k)
    except Rejected as rejected:
        reason = rejected.reason.value
    return {"name": name, "topk": k, "proof": _hex(proof), "malformed": bool(reason), "reason": reason}


def _evaluations() -> list[dict[str, Any]]:
    """A proof's claims at its own support, where they are the patterns, and off it."""
    patterns = ramp_patterns(0, 32 * 256)
    proof = build_proof(patterns, 128)
    support = top_points(patterns, 128)
    places = [index for index, _ in support[:4]] + [0, 1, PRIME - 1]
    claims = [evaluate(decode_proof(proof, 128).coefficients, place) for place in places]
    return [{"topk": 128, "proof": _hex(proof), "indices": places, "claims": claims}]


def _comparisons() -> list[dict[str, Any]]:
    proven = likely_patterns(64)
    proof = build_proof(proven, K)
    recomputed = {
        "equal": proven,
        "negated": proven ^ np.uint16(0x8000),
        "next mantissa": proven ^ np.uint16(1),
        "elsewhere": np.roll(proven, 1),
    }
    return [_comparison(name, proof, patterns) for name, patterns in recomputed.items()]


def _comparison(name: str, proof: bytes, patterns: Patterns) -> dict[str, Any]:
    result = dataclasses.asdict(compare(decode_proof(proof, K), patterns, K))
    return {"name": name, "topk": K, "proof": _hex(proof), "patterns": _words(patterns), **result}


def _words(patterns: Patterns) -> str:
    """Hex of big-endian patterns, two bytes each."""
    return _hex(patterns.astype(">u2").tobytes())


def _hex(data: bytes) -> str:
    return "0x" + data.hex()
