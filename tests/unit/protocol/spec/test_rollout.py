"""Leaves bind everything: any change of context or content changes the hash."""

import dataclasses

import pytest

from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.pieces import MAX_FILE_BYTES, Head
from cupel.protocol.spec.rollout import (
    FileRef,
    LeafContext,
    Metrics,
    PiecedRef,
    PolicyRef,
    Rollout,
    SubmissionManifest,
    leaf_hash,
    make_leaf,
    tokens_root,
)
from cupel.protocol.testing.vectors import BEACON, CHAIN_ID, HUB, NODE, TASK

PIECES = b"\5" * 32
# Of MANIFEST, from before manifests could state inner steps.
DIGEST_BEFORE = "a92331ad0d313229e2b7db942aa8f423e0e33f998fcb4f1a09be08ac7a839fa0"
CONTEXT = LeafContext(CHAIN_ID, HUB, TASK, NODE, 3, 5)
LEAF = make_leaf(1, Rollout(7, BEACON, (1, 2, 11), 10, (bytes(258),)), 4, TASK, 32)
MANIFEST = SubmissionManifest(
    TASK,
    NODE,
    5,
    3,
    PolicyRef(4, TASK),
    FileRef("bafk", 10),
    PiecedRef("bafk", 11, PIECES),
    512,
    Metrics(100, 200),
)


def other(value: object) -> object:
    if isinstance(value, int):
        return value + 1
    return NODE if value == HUB else HUB if isinstance(value, str) else bytes(32)


def test_every_field_changes_the_leaf() -> None:
    hashes = {leaf_hash(CONTEXT, LEAF)}
    for field in dataclasses.fields(CONTEXT):
        changed = dataclasses.replace(CONTEXT, **{field.name: other(getattr(CONTEXT, field.name))})
        hashes.add(leaf_hash(changed, LEAF))
    for field in dataclasses.fields(LEAF):
        changed_leaf = dataclasses.replace(LEAF, **{field.name: other(getattr(LEAF, field.name))})
        hashes.add(leaf_hash(CONTEXT, changed_leaf))
    assert len(hashes) == 1 + len(dataclasses.fields(CONTEXT)) + len(dataclasses.fields(LEAF))


def test_tokens_root_depends_on_order_and_length() -> None:
    roots = {tokens_root(tokens, 2) for tokens in ((1, 2, 3), (1, 3, 2), (1, 2), (1, 2, 3, 0))}
    assert len(roots) == 4


def test_manifest_round_trip() -> None:
    data = MANIFEST.to_bytes()
    assert SubmissionManifest.from_bytes(data) == MANIFEST
    assert Head.from_manifest(data) == Head(PIECES, 11)


def test_steps_are_in_the_manifest_only_if_they_are_stated() -> None:
    assert MANIFEST.digest.hex() == DIGEST_BEFORE
    stated = dataclasses.replace(MANIFEST, inner_steps=3)
    assert b'"inner_steps":3' in stated.to_bytes()
    assert SubmissionManifest.from_bytes(stated.to_bytes()) == stated
    spelled_out = stated.to_bytes().replace(b'"inner_steps":3', b'"inner_steps":0')
    with pytest.raises(Rejected, match="default value is left out"):
        SubmissionManifest.from_bytes(spelled_out)


def test_the_longest_honest_manifest_can_be_shown() -> None:
    most, cid = 2**32 - 1, "b" * 59
    policy, update = PolicyRef(most, TASK), PiecedRef(cid, MAX_FILE_BYTES, TASK)
    metrics = Metrics(2**63 - 1, 2**63 - 1)
    manifest = SubmissionManifest(
        TASK, NODE, most, most, policy, FileRef(cid, MAX_FILE_BYTES), update, most, metrics, 2**63 - 1
    )
    assert len(manifest.to_bytes()) <= 768
    assert SubmissionManifest.from_bytes(manifest.to_bytes()) == manifest


@pytest.mark.parametrize("place", [0, 31, 39])
def test_a_head_of_another_file_is_refused(place: int) -> None:
    data = bytearray(MANIFEST.to_bytes())
    data[place] ^= 1
    with pytest.raises(Rejected) as caught:
        SubmissionManifest.from_bytes(bytes(data))
    assert caught.value.reason is Reason.SCHEMA


def test_a_manifest_over_the_size_limit_is_refused() -> None:
    data = dataclasses.replace(MANIFEST, node="x" * 5000).to_bytes()
    with pytest.raises(Rejected) as caught:
        SubmissionManifest.from_bytes(data)
    assert caught.value.reason is Reason.SIZE
