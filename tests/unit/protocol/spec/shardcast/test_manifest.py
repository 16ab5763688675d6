"""The weights manifest: one byte string per value, bounded, everything else refused."""

import dataclasses
from typing import Any

import pytest

from cupel.protocol.spec.encoding import canonical_json, parse_canonical_json
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.pieces import HEAD_BYTES, MAX_FILE_BYTES
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.spec.shardcast.manifest import (
    MAX_MANIFEST_BYTES,
    ContentRef,
    TensorShape,
    WeightsManifest,
    index_digest,
)

TENSORS = (TensorShape("head.bias", (4,)), TensorShape("head.weight", (4, 2)), TensorShape("scale", ()))
MANIFEST = WeightsManifest(
    version=3,
    parent=sha256(b"version 2"),
    file=Cid.raw_of(b"checkpoint"),
    file_bytes=10,
    pieces=sha256(b"checkpoint"),
    tensors=index_digest(TENSORS),
    update=ContentRef(Cid.raw_of(b"update"), 7),
    canonical_root=sha256(b"weights"),
)
HEAD = sha256(b"checkpoint") + bytes(7) + b"\x0a"


def document_of(manifest: WeightsManifest) -> dict[str, Any]:
    return parse_canonical_json(manifest.to_bytes()[HEAD_BYTES:], MAX_MANIFEST_BYTES)


def test_round_trip_and_digest() -> None:
    encoded = MANIFEST.to_bytes()
    assert WeightsManifest.from_bytes(encoded) == MANIFEST
    assert MANIFEST.digest == sha256(encoded)
    assert Cid.from_digest(MANIFEST.digest) == Cid.raw_of(encoded)
    assert WeightsManifest.of(
        3,
        sha256(b"version 2"),
        b"checkpoint",
        TENSORS,
        b"update\n",
        canonical_root=sha256(b"weights"),
    ) == dataclasses.replace(MANIFEST, update=ContentRef(Cid.raw_of(b"update\n"), 7))


def test_the_bytes_are_those_of_the_format() -> None:
    assert (
        MANIFEST.to_bytes()
        == HEAD
        + (
            '{"canonical_root":"'
            + sha256(b"weights").hex()
            + '","file":{"cid":"'
            + str(MANIFEST.file)
            + '","size":10},"fraction_bits":20,"kind":"cupel.weights.v1",'
            '"parent":"' + sha256(b"version 2").hex() + '","pieces":"' + sha256(b"checkpoint").hex() + '",'
            '"tensors":"' + MANIFEST.tensors.hex() + '","update":{"cid":"' + str(Cid.raw_of(b"update")) + '",'
            '"size":7},"version":3}'
        ).encode()
    )


def test_the_index_names_every_tensor_in_order() -> None:
    index = (
        b'{"fraction_bits":20,"kind":"cupel.tensors.v1","tensors":'
        b'[["head.bias",[4]],["head.weight",[4,2]],["scale",[]]]}'
    )
    assert index_digest(TENSORS) == sha256(index)
    with pytest.raises(AssertionError):
        index_digest(TENSORS[::-1])
    with pytest.raises(AssertionError):
        index_digest(TENSORS[:1] * 2)


def test_the_longest_manifest_can_be_shown() -> None:
    most = ContentRef(MANIFEST.file, MAX_FILE_BYTES)
    longest = dataclasses.replace(MANIFEST, version=2**32 - 1, file_bytes=MAX_FILE_BYTES, update=most)
    assert len(longest.to_bytes()) < 700
    assert WeightsManifest.from_bytes(longest.to_bytes()) == longest
    with pytest.raises(Rejected):
        dataclasses.replace(MANIFEST, file_bytes=MAX_FILE_BYTES + 1)


@pytest.mark.parametrize("place", [0, 31, 39])
def test_a_head_of_another_file_is_rejected(place: int) -> None:
    encoded = bytearray(MANIFEST.to_bytes())
    encoded[place] ^= 1
    with pytest.raises(Rejected) as caught:
        WeightsManifest.from_bytes(bytes(encoded))
    assert caught.value.reason is Reason.SCHEMA


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
        ("canonical_root", None),
        ("canonical_root", sha256(b"weights").hex().upper()),
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
        ("pieces", 1),
        ("pieces", "ab"),
        ("pieces", "00" * 32),
        ("tensors", [["a", [1]]]),
        ("tensors", "ab"),
        ("unknown", 1),
    ],
)
def test_any_other_value_is_rejected(key: str, value: Any) -> None:
    document = document_of(MANIFEST) | {key: value}
    with pytest.raises(Rejected) as caught:
        WeightsManifest.from_bytes(HEAD + canonical_json(document))
    assert caught.value.reason in (Reason.SCHEMA, Reason.CID)


def test_missing_keys_other_encodings_and_excess_size_are_rejected() -> None:
    document = document_of(MANIFEST)
    for key in document:
        with pytest.raises(Rejected):
            WeightsManifest.from_bytes(
                HEAD + canonical_json({name: document[name] for name in document if name != key})
            )
    for encoded, reason in [
        (HEAD + b" " + MANIFEST.to_bytes()[HEAD_BYTES:], Reason.ENCODING),
        (HEAD + b"[]", Reason.ENCODING),
        (HEAD[:-1], Reason.SIZE),
        (b"\xff" * HEAD_BYTES + MANIFEST.to_bytes()[HEAD_BYTES:], Reason.SIZE),
        (b" " * (MAX_MANIFEST_BYTES + 1), Reason.SIZE),
    ]:
        with pytest.raises(Rejected) as caught:
            WeightsManifest.from_bytes(encoded)
        assert caught.value.reason is reason
