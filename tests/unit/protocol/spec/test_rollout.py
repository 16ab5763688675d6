"""Leaves bind everything: any change of context or content changes the hash."""

import dataclasses

import pytest

from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.rollout import (
    FileRef,
    LeafContext,
    Metrics,
    PolicyRef,
    Rollout,
    SubmissionManifest,
    leaf_hash,
    make_leaf,
    tokens_root,
)
from cupel.protocol.testing.vectors import BEACON, CHAIN_ID, HUB, NODE, TASK

CONTEXT = LeafContext(CHAIN_ID, HUB, TASK, NODE, 3, 5)
LEAF = make_leaf(1, Rollout(7, BEACON, (1, 2, 11), 10, (bytes(258),)), 4, TASK, 32)
MANIFEST = SubmissionManifest(
    TASK, NODE, 5, 3, PolicyRef(4, TASK), FileRef("bafk", 10), FileRef("bafk", 11), 512, Metrics(100, 200)
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
    assert SubmissionManifest.from_bytes(MANIFEST.to_bytes()) == MANIFEST


def test_a_manifest_over_the_size_limit_is_refused() -> None:
    data = dataclasses.replace(MANIFEST, node="x" * 5000).to_bytes()
    with pytest.raises(Rejected) as caught:
        SubmissionManifest.from_bytes(data)
    assert caught.value.reason is Reason.SIZE
