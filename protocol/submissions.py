"""Fetching what a commitment names."""

from __future__ import annotations

import asyncio
from collections.abc import Container
from dataclasses import dataclass

from cupel.protocol.network import NetworkError, Swarm
from cupel.protocol.spans import note, span
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.pieces import PIECE_BYTES, num_pieces, pieces_root
from cupel.protocol.spec.rollout import MAX_MANIFEST_BYTES, FileRef, PiecedRef, SubmissionManifest
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.spec.shardcast.manifest import WeightsManifest
from cupel.protocol.spec.task import TaskParams

# Room in a rollouts file beside its arrays: the safetensors header.
_HEADER_BYTES = 4096
_ROLLOUT_BYTES = 32 + 8 + 4 + 4
_ANOTHER_UPDATE = Rejected(Reason.MANIFEST, "the update is not the file whose pieces the manifest names")


@dataclass(frozen=True, slots=True)
class SubmissionFiles:
    """The files of a submission. A Rejected stands for a file that no honest submission can have."""

    manifest: bytes
    rollouts: bytes | Rejected
    update: bytes | Rejected


def max_rollouts_bytes(params: TaskParams) -> int:
    """Largest rollouts file a task's round can give."""
    chunks = -(-params.max_tokens // params.chunk_tokens)
    row = _ROLLOUT_BYTES + 4 * params.max_tokens + chunks * (2 + 2 * params.topk)
    return params.units_per_round * row + _HEADER_BYTES


async def fetch_submission(
    swarm: Swarm,
    manifest_digest: bytes,
    params: TaskParams,
    max_update_bytes: int,
    deadline_seconds: float,
    false_updates: Container[bytes] = (),
) -> SubmissionFiles:
    """Fetch a submission by the digest on the chain; all of it is then served from here too.

    false_updates: manifests that name another update than was shown, which nobody needs to find.

    NetworkError if something cannot be had in time: that is no evidence of anything. A manifest that does not decode
    has no files to fetch; both are then Rejected with the same reason.
    """
    with span("fetch", manifest="0x" + manifest_digest.hex()):
        manifest = await fetch_manifest(swarm, manifest_digest, deadline_seconds)
        try:
            parsed = SubmissionManifest.from_bytes(manifest)
        except Rejected as rejected:
            return SubmissionFiles(manifest, rejected, rejected)
        note(bytes=len(manifest) + parsed.rollouts.size + parsed.update.size)
        most = max_rollouts_bytes(params)
        if manifest_digest in false_updates:
            rollouts = await _fetch_file(swarm, parsed.rollouts, most, deadline_seconds)
            return SubmissionFiles(manifest, rollouts, _ANOTHER_UPDATE)
        rollouts, update = await asyncio.gather(
            _fetch_file(swarm, parsed.rollouts, most, deadline_seconds),
            _fetch_update(swarm, parsed.update, max_update_bytes, deadline_seconds),
        )
        return SubmissionFiles(manifest, rollouts, update)


async def fetch_rollouts(
    swarm: Swarm, manifest_digest: bytes, params: TaskParams, deadline_seconds: float
) -> tuple[SubmissionManifest, bytes]:
    """A submission's manifest and rollouts file alone. NetworkError; Rejected for what no honest submission has."""
    manifest = SubmissionManifest.from_bytes(await fetch_manifest(swarm, manifest_digest, deadline_seconds))
    file = await _fetch_file(swarm, manifest.rollouts, max_rollouts_bytes(params), deadline_seconds)
    if isinstance(file, Rejected):
        raise file
    return manifest, file


async def fetch_update(
    swarm: Swarm, manifest_digest: bytes, max_bytes: int, deadline_seconds: float
) -> bytes | Rejected:
    """A submission's update file alone. NetworkError and Rejected as `fetch_submission`."""
    manifest = await fetch_manifest(swarm, manifest_digest, deadline_seconds)
    try:
        reference = SubmissionManifest.from_bytes(manifest).update
    except Rejected as rejected:
        return rejected
    return await _fetch_update(swarm, reference, max_bytes, deadline_seconds)


@dataclass(frozen=True, slots=True)
class Missing:
    """What nobody serves of a submission."""

    manifest: bool
    rollouts: bool
    update_pieces: tuple[range, ...]
    """Pieces of the update that nobody serves; the first one where nobody tells how many there are."""


async def missing_parts(
    swarm: Swarm, manifest_digest: bytes, params: TaskParams, max_update_bytes: int, deadline_seconds: float
) -> Missing:
    """Try each part of a submission by itself. A part that cannot be fetched because it is false is not missing."""
    try:
        manifest = await fetch_manifest(swarm, manifest_digest, deadline_seconds)
    except NetworkError:
        return Missing(manifest=True, rollouts=True, update_pieces=(range(1),))
    try:
        parsed = SubmissionManifest.from_bytes(manifest)
    except Rejected:
        return Missing(manifest=False, rollouts=False, update_pieces=())
    rollouts, update = await asyncio.gather(
        _fetch_file(swarm, parsed.rollouts, max_rollouts_bytes(params), deadline_seconds),
        _fetch_update(swarm, parsed.update, max_update_bytes, deadline_seconds),
        return_exceptions=True,
    )
    for result in (rollouts, update):
        if isinstance(result, BaseException) and not isinstance(result, NetworkError | Rejected):
            raise result
    lost: tuple[range, ...] = ()
    if isinstance(update, NetworkError):
        lost = await _missing_pieces(swarm, parsed.update, max_update_bytes, deadline_seconds)
    return Missing(manifest=False, rollouts=isinstance(rollouts, NetworkError), update_pieces=lost)


async def _missing_pieces(
    swarm: Swarm, reference: PiecedRef, max_bytes: int, deadline_seconds: float
) -> tuple[range, ...]:
    """Pieces of the blocks that nobody delivers; all of them where nobody tells which these are."""
    every = range(num_pieces(reference.size))
    spans = await swarm.missing_spans(Cid.parse(reference.cid), max_bytes, deadline_seconds)
    pieces = (range(span.start // PIECE_BYTES, num_pieces(span.stop)) for span in spans or ())
    return tuple(lost for lost in (every[one.start : one.stop] for one in pieces) if lost) or (every,)


async def fetch_posted(
    swarm: Swarm, digest: bytes, max_checkpoint_bytes: int, deadline_seconds: float
) -> tuple[bytes, bytes]:
    """Manifest and checkpoint of a posted version; both are then served from here too.

    NetworkError as `fetch_submission`; Rejected if the digest leads to no checkpoint of this size.
    """
    manifest = await fetch_manifest(swarm, digest, deadline_seconds)
    parsed = WeightsManifest.from_bytes(manifest)
    return manifest, await swarm.fetch_file(
        parsed.file, max_bytes=max_checkpoint_bytes, deadline_seconds=deadline_seconds
    )


async def fetch_manifest(swarm: Swarm, digest: bytes, deadline_seconds: float) -> bytes:
    """The manifest with this digest, of a submission or a version. NetworkError."""
    return await swarm.fetch_block(
        Cid.from_digest(digest), deadline_seconds=deadline_seconds, max_bytes=MAX_MANIFEST_BYTES
    )


async def _fetch_update(
    swarm: Swarm, reference: PiecedRef, max_bytes: int, deadline_seconds: float
) -> bytes | Rejected:
    """Rejected(MANIFEST) where the chain was promised the pieces of another file: everybody then takes it for none."""
    file = await _fetch_file(swarm, reference, max_bytes, deadline_seconds)
    if isinstance(file, Rejected):
        return file
    if not file or await asyncio.to_thread(pieces_root, file) != reference.pieces:
        return _ANOTHER_UPDATE
    return file


async def _fetch_file(
    swarm: Swarm, reference: FileRef | PiecedRef, max_bytes: int, deadline_seconds: float
) -> bytes | Rejected:
    try:
        root = Cid.parse(reference.cid)
        return await swarm.fetch_file(root, max_bytes=max_bytes, deadline_seconds=deadline_seconds)
    except Rejected as rejected:
        return rejected
