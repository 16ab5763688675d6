"""An evidence file: a finding with everything that it takes to come to it again, without a network.

A safetensors file of byte arrays, so that equal contents are equal bytes; its name is the SHA-256 of them.

    document     EvidenceDocument: who is accused of what, with observed and allowed values
    params       TaskParams, ABI-encoded        spec      TaskSpec document
    beacon       of the round, 32 bytes         manifest  of the submission
    rollouts     the file that it names; absent where the manifest's address names none
    update       likewise
    objective    what the ObjectiveJudge is to be told, if it can judge the finding: the challenge is ready to be sent
    twin_*       commitment, manifest and rollouts of the node's other commitment, if the finding is about two
    version      manifest of the canonical version, and
    checkpoint   its file, if the finding is about what the policy computes
    state        of the trainer before the round, if the finding is about the update and it was not the node's first

What only the chain can say stays the chain's: that the commitment was made, what the beacon was, which digest the
canonical version has. `check` names these facts beside its verdict.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from eth_abi.abi import decode as abi_decode
from eth_abi.abi import encode as abi_encode
from eth_abi.exceptions import DecodingError
from safetensors import SafetensorError
from safetensors.numpy import load, save

from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.rollout import Commitment
from cupel.protocol.spec.task import TASK_PARAMS_ABI, TaskParams
from cupel.protocol.storage import StorageError
from cupel.protocol.storage.replacing import replace_file
from cupel.verifier.evidence import EvidenceDocument

MAX_EXHIBIT_BYTES: Final = 64 * 1024 * 1024
"""With a larger checkpoint the file goes without, and whoever checks it brings the checkpoint."""
MAX_EXHIBITS: Final = 256
"""Newest files kept in a verifier's folder."""
SUFFIX: Final = ".evidence"
_COMMITMENT_ABI: Final = ("uint32", "uint32", "bytes32", "bytes32", "uint32", "uint40")
_ALWAYS: Final = frozenset({"document", "params", "spec", "beacon", "manifest"})
_SOMETIMES: Final = frozenset({"rollouts", "update", "objective", "version", "checkpoint", "state"})
_TWIN: Final = frozenset({"twin_commitment", "twin_manifest", "twin_rollouts"})


@dataclass(frozen=True, slots=True)
class Exhibit:
    """The parts of an evidence file, as bytes; `document` and `params` are decoded."""

    document: EvidenceDocument
    params: TaskParams
    parts: Mapping[str, bytes]
    """Every other part by its name."""

    def to_bytes(self) -> bytes:
        """The file; if it is too large, without checkpoint and state. Rejected(SIZE) if it is too large even so."""
        head = {
            "document": self.document.to_bytes(),
            "params": abi_encode([TASK_PARAMS_ABI], [self.params.as_abi()]),
        }
        parts = {**head, **self.parts}
        if sum(map(len, parts.values())) > MAX_EXHIBIT_BYTES // 2:
            parts.pop("checkpoint", None)
            parts.pop("state", None)
        file = save({name: np.frombuffer(data, dtype=np.uint8) for name, data in parts.items()})
        if len(file) > MAX_EXHIBIT_BYTES:
            raise Rejected(Reason.SIZE, f"the evidence has {len(file)} bytes, {MAX_EXHIBIT_BYTES} allowed")
        return file

    @classmethod
    def from_bytes(cls, data: bytes) -> Exhibit:
        """Inverse of `to_bytes`, for anybody's bytes.

        Rejected(SIZE); Rejected(SCHEMA) for what is no such file; Rejected as `EvidenceDocument.from_bytes`.
        """
        if len(data) > MAX_EXHIBIT_BYTES:
            raise Rejected(Reason.SIZE, f"{len(data)} bytes, {MAX_EXHIBIT_BYTES} allowed")
        parts = _parts(data)
        document = EvidenceDocument.from_bytes(parts.pop("document"))
        return cls(document, _params(parts.pop("params")), parts)

    def twin(self) -> Commitment | None:
        """The node's other commitment, if there is one. Rejected(ENCODING)."""
        data = self.parts.get("twin_commitment")
        if data is None:
            return None
        try:
            return Commitment(*abi_decode(_COMMITMENT_ABI, data))
        except (DecodingError, OverflowError) as error:
            raise Rejected(Reason.ENCODING, f"not a commitment: {error}") from None


def commitment_bytes(commitment: Commitment) -> bytes:
    """A commitment as `twin_commitment` holds it."""
    one = commitment
    values = (one.sequence, one.round, one.root, one.manifest, one.units, one.time)
    return abi_encode(_COMMITMENT_ABI, values)


def keep(folder: Path, file: bytes) -> Path:
    """Write an evidence file under its address and drop the oldest beyond MAX_EXHIBITS. StorageError."""
    path = folder / (sha256(file).hex() + SUFFIX)
    try:
        # On disk for good: a charge names the file by its digest, and jurors will ask for it.
        replace_file(path, file)
        by_age = sorted(folder.glob("*" + SUFFIX), key=lambda one: one.stat().st_mtime_ns)
        for old in by_age[:-MAX_EXHIBITS]:
            old.unlink()
    except OSError as error:
        problem = f"cannot write {path}: {error.strerror}"
        raise StorageError(problem, "free disk space or choose another data_dir") from error
    return path


def _parts(data: bytes) -> dict[str, bytes]:
    try:
        arrays = load(data)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise Rejected(Reason.SCHEMA, f"not an evidence file: {error}") from None
    names = set(arrays)
    if not names >= _ALWAYS or names - _ALWAYS - _SOMETIMES not in (set(), _TWIN):
        raise Rejected(Reason.SCHEMA, f"unknown or missing parts among {sorted(names)}")
    for name, array in arrays.items():
        if array.dtype != np.uint8 or array.ndim != 1:
            raise Rejected(Reason.SCHEMA, f"{name} is not an array of bytes")
    parts = {name: array.tobytes() for name, array in arrays.items()}
    if len(parts["beacon"]) != 32:
        raise Rejected(Reason.SCHEMA, "the beacon has 32 bytes")
    return parts


def _params(data: bytes) -> TaskParams:
    try:
        (values,) = abi_decode([TASK_PARAMS_ABI], data)
        return TaskParams.from_abi(values)
    except (DecodingError, OverflowError, TypeError, ValueError) as error:
        raise Rejected(Reason.ENCODING, f"not task parameters: {error}") from None
