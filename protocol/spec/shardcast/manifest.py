"""The manifest of a canonical version of the weights; its SHA-256 is the version's digest on the chain."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from cupel.protocol.spec.encoding import canonical_json, parse_canonical_json
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.spec.shardcast.unixfs import CHUNK_BYTES, MAX_FILE_BYTES

KIND: Final = "cupel.weights.v1"
# Weights are integers in units of 2**-20: below 2**24 in magnitude they convert to float32 exactly.
FRACTION_BITS: Final = 20
# A manifest is one block, so that its digest is all one needs to fetch it.
MAX_MANIFEST_BYTES: Final = CHUNK_BYTES
MAX_VERSION: Final = 2**32 - 1
# Real models have a few hundred tensors per billion parameters; four dimensions are the most in use.
MAX_TENSORS: Final = 8192
MAX_DIMENSIONS: Final = 8
MAX_PARAMETERS: Final = 2**40
_NAME = re.compile(r"[A-Za-z0-9_.\-]{1,200}")
_HEX_DIGEST = re.compile(r"[0-9a-f]{64}")
_KEYS: Final = {"kind", "version", "parent", "file", "update", "fraction_bits", "tensors"}


@dataclass(frozen=True, slots=True)
class TensorShape:
    """A tensor's name and dimensions."""

    name: str
    shape: tuple[int, ...]
    """Empty for a scalar."""

    @property
    def num_parameters(self) -> int:
        """Product of the dimensions."""
        return math.prod(self.shape)


@dataclass(frozen=True, slots=True)
class ContentRef:
    """A file by its address and size."""

    root: Cid
    file_bytes: int


@dataclass(frozen=True, slots=True)
class WeightsManifest:
    """What a version of the weights is made of, and where its checkpoint file is."""

    version: int
    parent: bytes | None
    """Digest of the previous version's manifest; none for version 0 only."""
    file: Cid
    """Root of the checkpoint file."""
    file_bytes: int
    tensors: tuple[TensorShape, ...]
    """Sorted by name: the order of every flat vector over the parameters."""
    update: ContentRef | None = None
    """What makes this version from its parent, as `diloco.delta` writes it; none if the weights are the parent's."""

    def __post_init__(self) -> None:
        _check(self)

    @property
    def num_parameters(self) -> int:
        """Parameters of all tensors together."""
        return sum(tensor.num_parameters for tensor in self.tensors)

    @property
    def digest(self) -> bytes:
        """SHA-256 of the canonical bytes: what goes on the chain, and the address of the manifest's block."""
        return sha256(self.to_bytes())

    def to_bytes(self) -> bytes:
        """Canonical bytes."""
        return canonical_json(
            {
                "kind": KIND,
                "version": self.version,
                "parent": None if self.parent is None else self.parent.hex(),
                "file": _plain(ContentRef(self.file, self.file_bytes)),
                "update": None if self.update is None else _plain(self.update),
                "fraction_bits": FRACTION_BITS,
                "tensors": [[tensor.name, list(tensor.shape)] for tensor in self.tensors],
            }
        )

    @classmethod
    def from_bytes(cls, manifest: bytes) -> WeightsManifest:
        """Inverse of `to_bytes`.

        Rejected(SIZE, ENCODING) as `parse_canonical_json`, Rejected(CID) for a file's address, Rejected(SCHEMA)
        for anything else that no manifest has.
        """
        document = parse_canonical_json(manifest, MAX_MANIFEST_BYTES)
        if set(document) != _KEYS or document["kind"] != KIND or document["fraction_bits"] != FRACTION_BITS:
            raise Rejected(Reason.SCHEMA, f"not a {KIND} document")
        file, update = _reference(document["file"]), document["update"]
        return cls(
            version=_natural(document["version"], "version"),
            parent=_parent(document["parent"]),
            file=file.root,
            file_bytes=file.file_bytes,
            tensors=_tensors(document["tensors"]),
            update=None if update is None else _reference(update),
        )


def _check(manifest: WeightsManifest) -> None:
    """Rules over whole values, the same for a manifest read and one made here. Rejected(SCHEMA)."""
    names = [tensor.name for tensor in manifest.tensors]
    problems = {
        "version out of range": not 0 <= manifest.version <= MAX_VERSION,
        "only version 0 has no parent": (manifest.parent is None) != (manifest.version == 0),
        "file size out of range": not 0 < manifest.file_bytes <= MAX_FILE_BYTES,
        "version 0 has no update": manifest.update is not None and manifest.version == 0,
        "update size out of range": manifest.update is not None
        and not 0 < manifest.update.file_bytes <= MAX_FILE_BYTES,
        "tensors are 1 to 8192, sorted by name, without repeats": not 0 < len(names) <= MAX_TENSORS
        or any(first >= second for first, second in itertools.pairwise(names)),
        "parameters out of range": not 0 < manifest.num_parameters <= MAX_PARAMETERS,
    }
    for problem, present in problems.items():
        if present:
            raise Rejected(Reason.SCHEMA, problem)


def _plain(reference: ContentRef) -> dict[str, str | int]:
    return {"cid": str(reference.root), "size": reference.file_bytes}


def _reference(value: Any) -> ContentRef:
    if not isinstance(value, dict) or set(value) != {"cid", "size"} or not isinstance(value["cid"], str):
        raise Rejected(Reason.SCHEMA, "a file is a CID and a size")
    return ContentRef(Cid.parse(value["cid"]), _natural(value["size"], "file size"))


def _parent(value: Any) -> bytes | None:
    if value is None:
        return None
    if not isinstance(value, str) or not _HEX_DIGEST.fullmatch(value):
        raise Rejected(Reason.SCHEMA, "the parent is a digest or null")
    return bytes.fromhex(value)


def _tensors(value: Any) -> tuple[TensorShape, ...]:
    if not isinstance(value, list) or len(value) > MAX_TENSORS:
        raise Rejected(Reason.SCHEMA, f"tensors are a list of at most {MAX_TENSORS}")
    return tuple(_tensor(entry) for entry in value)


def _tensor(entry: Any) -> TensorShape:
    match entry:
        case [str(name), list(shape)] if _NAME.fullmatch(name) and len(shape) <= MAX_DIMENSIONS:
            return TensorShape(name, _shape(shape))
    raise Rejected(Reason.SCHEMA, "a tensor is a name and a shape")


def _shape(dimensions: Sequence[Any]) -> tuple[int, ...]:
    shape = tuple(_natural(dimension, "dimension") for dimension in dimensions)
    # Bounded one by one, so that eight huge dimensions are never multiplied.
    if any(not 0 < dimension <= MAX_PARAMETERS for dimension in shape):
        raise Rejected(Reason.SCHEMA, "dimension out of range")
    return shape


def _natural(value: Any, name: str) -> int:
    # JSON true is a Python int.
    if type(value) is not int or value < 0:
        raise Rejected(Reason.SCHEMA, f"{name} is not a natural number")
    return value
