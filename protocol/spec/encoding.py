"""Canonical bytes: ABI words for what Solidity reads, canonical JSON for documents.

Canonical JSON is UTF-8 with sorted keys, no white space and no floats, so that one value has one digest.
"""

from __future__ import annotations

import json
from typing import Any, Final

from cupel.protocol.spec.errors import Reason, Rejected

WORD_BYTES: Final = 32
# Deep nesting buys an attacker a recursion error in the parser; our documents nest four levels.
MAX_JSON_DEPTH: Final = 16


def address_bytes(address: str) -> bytes:
    """The 20 bytes of a 0x-prefixed hexadecimal address."""
    assert address.startswith("0x"), f"not an address: {address}"
    raw = bytes.fromhex(address[2:])
    assert len(raw) == 20, f"not an address: {address}"
    return raw


def words(*values: int | bytes | str) -> bytes:
    """Solidity's `abi.encode` of static values, one 32-byte word each.

    int is a uint256, a 32-byte value a bytes32, a 0x string an address.
    """
    return b"".join(_word(value) for value in values)


def _word(value: int | bytes | str) -> bytes:
    if isinstance(value, str):
        return address_bytes(value).rjust(WORD_BYTES, b"\0")
    if isinstance(value, bytes):
        assert len(value) == WORD_BYTES, f"a bytes32 has 32 bytes, not {len(value)}"
        return value
    return value.to_bytes(WORD_BYTES, "big")


def canonical_json(value: Any) -> bytes:
    """The one byte string of a document.

    Asserts that it holds no floats and only string keys: a document of ours that does is our bug.
    """
    _assert_canonical(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def parse_canonical_json(data: bytes, max_bytes: int) -> dict[str, Any]:
    """The object that `data` is the canonical form of.

    Rejected(SIZE) above `max_bytes`, Rejected(ENCODING) for anything that is not a JSON object in canonical form.
    """
    if len(data) > max_bytes:
        raise Rejected(Reason.SIZE, f"document of {len(data)} bytes, at most {max_bytes} allowed")
    if _nesting(data) > MAX_JSON_DEPTH:
        raise Rejected(Reason.ENCODING, f"document nests deeper than {MAX_JSON_DEPTH}")
    try:
        value = json.loads(data, parse_float=_no_float, parse_constant=_no_float)
        canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    except ValueError as error:
        raise Rejected(Reason.ENCODING, f"not JSON: {error}") from None
    if not isinstance(value, dict):
        raise Rejected(Reason.ENCODING, "a document is a JSON object")
    if canonical != data:
        raise Rejected(Reason.ENCODING, "not in canonical form")
    return value


def _no_float(text: str) -> Any:
    raise ValueError(f"{text} is not an integer")


def _nesting(data: bytes) -> int:
    """Nesting depth by brackets alone: those inside strings count too, which only makes it stricter."""
    depth = deepest = 0
    for byte in data:
        if byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest


def _assert_canonical(value: Any) -> None:
    if isinstance(value, dict):
        assert all(isinstance(key, str) for key in value), "JSON keys are strings"
        for item in value.values():
            _assert_canonical(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _assert_canonical(item)
    else:
        assert value is None or isinstance(value, (str, int, bool)), (
            f"{type(value).__name__} is not canonical"
        )
