"""Canonical versions: a chain of digests that depends on every update, and on nothing else."""

import dataclasses

import numpy as np
import pytest

from cupel.protocol.model.canonical import CanonicalVersion, follow, make_version, next_version, read_version
from cupel.protocol.model.checkpoint import genesis
from cupel.protocol.model.layout import layout_of
from cupel.protocol.spec.diloco.blocks import Update, encode_update
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.testing.builders import example_spec

SPEC = example_spec()
LAYOUT = layout_of(SPEC.model)


def first() -> CanonicalVersion:
    weights = np.random.default_rng(1).normal(0, 0.1, LAYOUT.num_parameters).astype(np.float32)
    return make_version(0, None, genesis(weights), LAYOUT)


def update(seed: int) -> Update:
    flat = np.random.default_rng(seed).normal(0, 1e-3, LAYOUT.num_parameters).astype(np.float32)
    return encode_update(flat, -8)[0]


def test_the_order_of_updates_does_not_matter() -> None:
    updates = [update(seed) for seed in range(3)]
    digests = {next_version(first(), order, SPEC.aggregation).digest for order in (updates, updates[::-1])}
    assert len(digests) == 1
    assert next_version(first(), updates[:2], SPEC.aggregation).digest not in digests


def test_a_round_without_updates_makes_a_new_version_of_the_same_weights() -> None:
    current = first()
    following = next_version(current, [], SPEC.aggregation)
    assert (following.version, following.manifest.parent) == (1, current.digest)
    assert following.file == current.file


def test_a_version_is_read_back_from_what_is_served() -> None:
    version = next_version(first(), [update(5)], SPEC.aggregation)
    read = read_version(version.manifest.to_bytes(), version.file, version.digest, LAYOUT)
    assert (read.manifest, read.file) == (version.manifest, version.file)
    assert np.array_equal(read.state.weights, version.state.weights)


def test_a_version_follows_from_its_delta_alone() -> None:
    current = first()
    made = next_version(current, [update(5), update(6)], SPEC.aggregation)
    assert made.update is not None
    assert len(made.update) < len(made.file) / 7
    followed = follow(current, made.manifest.to_bytes(), made.update, made.digest, SPEC.aggregation)
    assert (followed.manifest, followed.file) == (made.manifest, made.file)
    still = next_version(made, [], SPEC.aggregation)
    assert still.update is None
    assert follow(made, still.manifest.to_bytes(), None, still.digest, SPEC.aggregation).file == made.file


def test_a_delta_that_leads_elsewhere_is_refused() -> None:
    current = first()
    made, other = (next_version(current, [update(seed)], SPEC.aggregation) for seed in (5, 6))
    manifest = made.manifest.to_bytes()
    for parent, text, delta, digest in (
        (current, manifest, other.update, made.digest),
        (current, manifest, made.update, other.digest),
        (current, other.manifest.to_bytes(), made.update, made.digest),
        (made, manifest, made.update, made.digest),
        (current, manifest, None, made.digest),
    ):
        with pytest.raises(Rejected) as caught:
            follow(parent, text, delta, digest, SPEC.aggregation)
        assert caught.value.reason is Reason.CHECKPOINT


def test_a_false_file_or_manifest_is_refused() -> None:
    version, other = first(), next_version(first(), [update(5)], SPEC.aggregation)
    for manifest, file, digest in (
        (version.manifest.to_bytes(), other.file, version.digest),
        (other.manifest.to_bytes(), other.file, version.digest),
        (b"{}", version.file, version.digest),
    ):
        with pytest.raises(Rejected):
            read_version(manifest, file, digest, LAYOUT)


def test_a_false_root_of_the_weights_is_refused() -> None:
    version = first()
    false = dataclasses.replace(version.manifest, canonical_root=bytes(32))
    with pytest.raises(Rejected) as caught:
        read_version(false.to_bytes(), version.file, false.digest, LAYOUT)
    assert caught.value.reason is Reason.CHECKPOINT


def test_another_model_is_refused() -> None:
    version = first()
    wider = layout_of(dataclasses.replace(SPEC.model, feed_forward=256))
    with pytest.raises(Rejected) as caught:
        read_version(version.manifest.to_bytes(), version.file, version.digest, wider)
    assert caught.value.reason is Reason.CHECKPOINT
