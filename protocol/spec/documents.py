"""Frozen dataclasses to and from canonical JSON documents, strictly.

A document has exactly the keys of its dataclass plus `kind`; integers are non-negative unless the class checks
otherwise. Fields may be int, str, bool, bytes (32-byte digests as 64 hex digits) or a nested frozen dataclass.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Any, TypeVar, get_type_hints

from cupel.protocol.spec.encoding import canonical_json, parse_canonical_json
from cupel.protocol.spec.errors import Reason, Rejected

T = TypeVar("T")
_HEX_DIGEST = re.compile(r"[0-9a-f]{64}")
# Every integer of a document fits the chain's narrowest wide word, so no document holds a number to choke on.
MAX_INTEGER = 2**63 - 1


def encode(kind: str, document: Any) -> bytes:
    """Canonical bytes of a dataclass under its document kind."""
    return canonical_json({"kind": kind, **_to_json(document)})


def decode(cls: type[T], kind: str, data: bytes, max_bytes: int) -> T:
    """The dataclass that `data` is the canonical form of.

    Rejected(SIZE), Rejected(ENCODING) as `parse_canonical_json`; Rejected(SCHEMA) for a wrong kind, a missing or
    unknown key, or a value of the wrong type.
    """
    value = parse_canonical_json(data, max_bytes)
    if value.pop("kind", None) != kind:
        raise Rejected(Reason.SCHEMA, f"not a {kind} document")
    return from_plain(cls, value, kind)


def _to_json(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return {field.name: _to_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return value.hex() if isinstance(value, bytes) else value


def from_plain(cls: type[T], value: Any, path: str) -> T:
    """A dataclass from nested dicts of plain values; `path` names the place in errors. Rejected(SCHEMA)."""
    if not isinstance(value, dict):
        raise Rejected(Reason.SCHEMA, f"{path} is an object")
    hints = get_type_hints(cls)
    names = {field.name for field in dataclasses.fields(cls)}  # type: ignore[arg-type]  # T is a dataclass
    if set(value) != names:
        raise Rejected(Reason.SCHEMA, f"{path}: unknown or missing keys {sorted(set(value) ^ names)}")
    return cls(**{name: _field(hints[name], value[name], f"{path}.{name}") for name in names})


def _field(expected: Any, value: Any, path: str) -> Any:
    if dataclasses.is_dataclass(expected):
        assert isinstance(expected, type)
        return from_plain(expected, value, path)
    if expected is bytes and isinstance(value, str) and _HEX_DIGEST.fullmatch(value):
        return bytes.fromhex(value)
    if expected is int and type(value) is int and 0 <= value <= MAX_INTEGER:
        return value
    if expected in (str, bool) and type(value) is expected:
        return value
    raise Rejected(Reason.SCHEMA, f"{path} is not a valid {getattr(expected, '__name__', expected)}")
