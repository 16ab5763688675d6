"""Frozen dataclasses to and from canonical JSON documents, strictly.

A document has exactly the keys of its dataclass plus `kind`; integers are non-negative unless the class checks
otherwise. Fields may be int, str, bool, bytes (32-byte digests as 64 hex digits) or a nested frozen dataclass.

A field with a default is left out of the document where it has its default, and only there: one value, one digest, and
documents from before the field existed keep theirs. A nested dataclass that may be absent is `Class | None = None`.
"""

from __future__ import annotations

import dataclasses
import functools
import re
import types
from typing import Any, TypeVar, get_args, get_type_hints

from cupel.protocol.spec.encoding import canonical_json, parse_canonical_json
from cupel.protocol.spec.errors import Reason, Rejected

T = TypeVar("T")
_HEX_DIGEST = re.compile(r"[0-9a-f]{64}")
# Every integer of a document fits the chain's narrowest wide word, so no document holds a number to choke on.
MAX_INTEGER = 2**63 - 1


def encode(kind: str, document: Any) -> bytes:
    """Canonical bytes of a dataclass under its document kind."""
    return canonical_json({"kind": kind, **to_plain(document)})


def decode(cls: type[T], kind: str, data: bytes, max_bytes: int) -> T:
    """The dataclass that `data` is the canonical form of.

    Rejected(SIZE), Rejected(ENCODING) as `parse_canonical_json`; Rejected(SCHEMA) for a wrong kind, a missing or
    unknown key, a value of the wrong type, or a default that is not left out.
    """
    value = parse_canonical_json(data, max_bytes)
    if value.pop("kind", None) != kind:
        raise Rejected(Reason.SCHEMA, f"not a {kind} document")
    document = from_plain(cls, value, kind)
    if encode(kind, document) != data:
        raise Rejected(Reason.SCHEMA, f"{kind}: a key with its default value is left out")
    return document


def to_plain(value: Any) -> Any:
    """A dataclass as nested dicts of plain values, without the fields that have their defaults."""
    if dataclasses.is_dataclass(value):
        pairs = ((field, getattr(value, field.name)) for field in dataclasses.fields(value))
        return {field.name: to_plain(item) for field, item in pairs if item != field.default}
    return value.hex() if isinstance(value, bytes) else value


def from_plain(cls: type[T], value: Any, path: str) -> T:
    """A dataclass from nested dicts of plain values; `path` names the place in errors. Rejected(SCHEMA).

    Keys with defaults may be left out or not: people write them down.
    """
    if not isinstance(value, dict):
        raise Rejected(Reason.SCHEMA, f"{path} is an object")
    hints = _hints(cls)  # type: ignore[arg-type]  # a class is hashable
    fields = dataclasses.fields(cls)  # type: ignore[arg-type]  # T is a dataclass
    needed = {field.name for field in fields if field.default is dataclasses.MISSING}
    wrong = (set(value) - {field.name for field in fields}) | (needed - set(value))
    if wrong:
        raise Rejected(Reason.SCHEMA, f"{path}: unknown or missing keys {sorted(wrong)}")
    return cls(**{name: _field(hints[name], value[name], f"{path}.{name}") for name in value})


@functools.cache  # evaluating them takes longer than all the rest
def _hints(cls: type) -> dict[str, Any]:
    return get_type_hints(cls)


def _field(expected: Any, value: Any, path: str) -> Any:
    if isinstance(expected, types.UnionType):
        (expected,) = (kind for kind in get_args(expected) if kind is not types.NoneType)
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
