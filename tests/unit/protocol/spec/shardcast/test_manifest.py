"""The weights manifest: one byte string per value, bounded, everything else refused."""

import dataclasses
from typing import Any

import pytest

from cupel.protocol.spec.encoding import canonical_json, parse_canonical_json
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.spec.shardcast.manifest import (
    MAX_MANIFEST_BYTES,
    ContentRef,
    TensorShape,
    WeightsManifest,
)

MANIFEST = WeightsManifest(
    version=3,
    parent=sha256(b"version 2"),
    file=Cid.raw_of(b"checkpoint"),
    file_bytes=10,
    tensors=(TensorShape("head.bias", (4,)), TensorShape("head.weight", (4, 2)), TensorShape("scale", ())),
    update=ContentRef(Cid.raw_of(b"update"), 7),
)


def test_round_trip_and_digest() -> None:
    encoded = MANIFEST.to_bytes()
    assert WeightsManifest.from_bytes(encoded) == MANIFEST
    assert MANIFEST.digest == sha256(encoded)
    assert Cid.from_digest(MANIFEST.digest) == Cid.raw_of(encoded)
    assert MANIFEST.num_parameters == 4 + 8 + 1


def test_the_bytes_are_those_of_the_format() -> None:
    assert MANIFEST.to_bytes().decode() == (
        '{"file":{"cid":"' + str(MANIFEST.file) + '","size":10},"fraction_bits":20,"kind":"cupel.weights.v1",'
        '"parent":"' + sha256(b"version 2").hex() + '","tensors":[["head.bias",[4]],["head.weight",[4,2]],'
        '["scale",[]]],"update":{"cid":"' + str(Cid.raw_of(b"update")) + '","size":7},"version":3}'
    )


def test_version_zero_has_no_parent() -> None:
    genesis = dataclasses.replace(MANIFEST, version=0, parent=None, update=None)
    assert WeightsManifest.from_bytes(genesis.to_bytes()) == genesis


def test_a_version_of_its_parents_weights_has_no_update() -> None:
    same = dataclasses.replace(MANIFEST, update=None)
    assert WeightsManifest.from_bytes(same.to_bytes()) == same
    with pytest.raises(Rejected):
        dataclasses.replace(MANIFEST, version=0, parent=None)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("kind", "cupel.weights.v2"),
        ("version", -1),
        ("version", True),
        ("version", 2**32),
        ("version", 0),
        ("version", "3"),
        ("parent", None),
        ("parent", "ab"),
        ("parent", 7),
        ("parent", "A" * 64),
        ("file", "b"),
        ("file", {"cid": "b", "size": 1}),
        ("file", {"cid": str(MANIFEST.file), "size": 0}),
        ("file", {"cid": str(MANIFEST.file), "size": 2**60}),
        ("file", {"cid": str(MANIFEST.file), "size": 1, "more": 1}),
        ("file", {"cid": 1, "size": 1}),
        ("update", "b"),
        ("update", {"cid": str(MANIFEST.file), "size": 0}),
        ("update", {"cid": "b", "size": 1}),
        ("update", {"cid": str(MANIFEST.file)}),
        ("fraction_bits", 21),
        ("tensors", []),
        ("tensors", {}),
        ("tensors", [["a", [1], 2]]),
        ("tensors", [["a", 1]]),
        ("tensors", [[1, [1]]]),
        ("tensors", [["", [1]]]),
        ("tensors", [["a b", [1]]]),
        ("tensors", [["b", [1]], ["a", [1]]]),
        ("tensors", [["a", [1]], ["a", [1]]]),
        ("tensors", [["a", [0]]]),
        ("tensors", [["a", [-1]]]),
        ("tensors", [["a", [True]]]),
        ("tensors", [["a", [2**20, 2**21]]]),
        ("tensors", [["a", [1] * 9]]),
        ("tensors", [[f"t{index:06}", [1]] for index in range(8193)]),
        ("unknown", 1),
    ],
)
def test_any_other_value_is_rejected(key: str, value: Any) -> None:
    document = parse_canonical_json(MANIFEST.to_bytes(), MAX_MANIFEST_BYTES) | {key: value}
    with pytest.raises(Rejected) as caught:
        WeightsManifest.from_bytes(canonical_json(document))
    assert caught.value.reason in (Reason.SCHEMA, Reason.CID)


def test_missing_keys_other_encodings_and_excess_size_are_rejected() -> None:
    document = parse_canonical_json(MANIFEST.to_bytes(), MAX_MANIFEST_BYTES)
    for key in document:
        with pytest.raises(Rejected):
            WeightsManifest.from_bytes(
                canonical_json({name: document[name] for name in document if name != key})
            )
    for encoded, reason in [
        (b" " + MANIFEST.to_bytes(), Reason.ENCODING),
        (b"[]", Reason.ENCODING),
        (b" " * (MAX_MANIFEST_BYTES + 1), Reason.SIZE),
    ]:
        with pytest.raises(Rejected) as caught:
            WeightsManifest.from_bytes(encoded)
        assert caught.value.reason is reason
