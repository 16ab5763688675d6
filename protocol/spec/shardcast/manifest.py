"""The manifest of a canonical version of the weights; its SHA-256 is the version's digest on the chain.

It is short enough to be shown there, and so names the tensors by the digest of their index. The index itself is in the
header of the checkpoint file.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from cupel.protocol.spec import pieces
from cupel.protocol.spec.encoding import canonical_json, parse_canonical_json
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.pieces import HEAD_BYTES, Head
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.spec.shardcast.unixfs import MAX_FILE_BYTES, file_dag

KIND: Final = "cupel.weights.v1"
# Weights are integers in units of 2**-20: below 2**24 in magnitude they convert to float32 exactly.
FRACTION_BITS: Final = 20
MAX_MANIFEST_BYTES: Final = 1024
"""What the chain takes, and more than the longest numbers fill."""
MAX_VERSION: Final = 2**32 - 1
INDEX_KIND: Final = "cupel.tensors.v1"
_HEX_DIGEST = re.compile(r"[0-9a-f]{64}")
_KEYS: Final = {
    "canonical_root",
    "kind",
    "version",
    "parent",
    "file",
    "pieces",
    "update",
    "fraction_bits",
    "tensors",
}


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


def index_digest(tensors: Sequence[TensorShape]) -> bytes:
    """What a manifest names its tensors by: the SHA-256 of their names and dimensions in canonical form.

    tensors: sorted by name, without repeats: the order of every flat vector over the parameters.
    """
    assert all(first.name < second.name for first, second in itertools.pairwise(tensors)), "sorted by name"
    index = [[tensor.name, list(tensor.shape)] for tensor in tensors]
    return sha256(canonical_json({"kind": INDEX_KIND, "fraction_bits": FRACTION_BITS, "tensors": index}))


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
    pieces: bytes
    """Root over the pieces of the checkpoint file."""
    tensors: bytes
    """Digest of the tensor index, `index_digest`."""
    update: ContentRef | None = None
    """What makes this version from its parent, as `diloco.delta` writes it; none if the weights are the parent's."""
    canonical_root: bytes = field(kw_only=True)
    """Root of the tree over the canonical integers, `referee.weights_tree`: 32 bytes. Its key sorts first in the
    document, so that the chain reads it at a fixed place."""

    def __post_init__(self) -> None:
        _check(self)

    @classmethod
    def of(
        cls,
        version: int,
        parent: bytes | None,
        file: bytes,
        tensors: Sequence[TensorShape],
        update: bytes | None = None,
        *,
        canonical_root: bytes,
    ) -> WeightsManifest:
        """The manifest of a checkpoint file, and of the delta that leads to it."""
        delta = None if update is None else ContentRef(file_dag(update)[0], len(update))
        root, index = file_dag(file)[0], index_digest(tensors)
        over_pieces = pieces.pieces_root(file)
        return cls(version, parent, root, len(file), over_pieces, index, delta, canonical_root=canonical_root)

    @property
    def digest(self) -> bytes:
        """SHA-256 of the canonical bytes: what goes on the chain, and the address of the manifest's block."""
        return sha256(self.to_bytes())

    def to_bytes(self) -> bytes:
        """Canonical bytes: the head of the checkpoint file, for the chain, and a document that tells of it too."""
        document = canonical_json(
            {
                "canonical_root": self.canonical_root.hex(),
                "kind": KIND,
                "version": self.version,
                "parent": None if self.parent is None else self.parent.hex(),
                "file": _plain(ContentRef(self.file, self.file_bytes)),
                "update": None if self.update is None else _plain(self.update),
                "fraction_bits": FRACTION_BITS,
                "pieces": self.pieces.hex(),
                "tensors": self.tensors.hex(),
            }
        )
        return Head(self.pieces, self.file_bytes).to_bytes() + document

    @classmethod
    def from_bytes(cls, manifest: bytes) -> WeightsManifest:
        """Inverse of `to_bytes`.

        Rejected(SIZE, ENCODING) as `parse_canonical_json`, Rejected(CID) for a file's address, Rejected(SCHEMA)
        for anything else that no manifest has.
        """
        if len(manifest) > MAX_MANIFEST_BYTES:
            raise Rejected(
                Reason.SIZE, f"manifest of {len(manifest)} bytes, at most {MAX_MANIFEST_BYTES} allowed"
            )
        head = Head.from_manifest(manifest)
        document = parse_canonical_json(manifest[HEAD_BYTES:], MAX_MANIFEST_BYTES)
        if set(document) != _KEYS or document["kind"] != KIND or document["fraction_bits"] != FRACTION_BITS:
            raise Rejected(Reason.SCHEMA, f"not a {KIND} document")
        file, update = _reference(document["file"]), document["update"]
        root = _digest(document["pieces"], "root over pieces")
        if head != Head(root, file.file_bytes):
            raise Rejected(Reason.SCHEMA, "the manifest does not begin with the head of its file")
        return cls(
            version=_natural(document["version"], "version"),
            parent=None if document["parent"] is None else _digest(document["parent"], "parent"),
            file=file.root,
            file_bytes=file.file_bytes,
            pieces=root,
            tensors=_digest(document["tensors"], "tensor index"),
            update=None if update is None else _reference(update),
            canonical_root=_digest(document["canonical_root"], "canonical root"),
        )


def _check(manifest: WeightsManifest) -> None:
    """Rules over whole values, the same for a manifest read and one made here. Rejected(SCHEMA)."""
    problems = {
        "version out of range": not 0 <= manifest.version <= MAX_VERSION,
        "only version 0 has no parent": (manifest.parent is None) != (manifest.version == 0),
        "file size out of range": not 0 < manifest.file_bytes <= pieces.MAX_FILE_BYTES,
        "version 0 has no update": manifest.update is not None and manifest.version == 0,
        "update size out of range": manifest.update is not None
        and not 0 < manifest.update.file_bytes <= MAX_FILE_BYTES,
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


def _digest(value: Any, name: str) -> bytes:
    if not isinstance(value, str) or not _HEX_DIGEST.fullmatch(value):
        raise Rejected(Reason.SCHEMA, f"the {name} is no digest")
    return bytes.fromhex(value)


def _natural(value: Any, name: str) -> int:
    # JSON true is a Python int.
    if type(value) is not int or value < 0:
        raise Rejected(Reason.SCHEMA, f"{name} is not a natural number")
    return value
