"""Releases: what is signed is what every wallet shows, and nothing older, foreign or under-signed is taken."""

from __future__ import annotations

import dataclasses
import itertools

import pytest
from eth_account.messages import _hash_eip191_message, encode_typed_data
from hypothesis import given
from hypothesis import strategies as st

from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.release import (
    MAX_SIGNATURES,
    MAX_STATEMENT_BYTES,
    Release,
    SignedRelease,
    Standing,
    agreeing,
    is_cut_off,
    read_statement,
    standing,
    version_key,
)
from cupel.protocol.spec.shardcast.unixfs import file_dag

CID = str(file_dag(b"wheel")[0])
RELEASE = Release(
    "0.2.0", "cupel-0.2.0-cp311-abi3-linux_x86_64.whl", b"\1" * 32, CID, 5, "0.1.0", "a" * 40, 1_800_000_000
)
FIELDS = {
    "version": "string", "wheel": "string", "sha256": "bytes32", "cid": "string", "size": "uint256",
    "minimum": "string", "commit": "string", "time": "uint256",
}  # fmt: skip
versions = st.lists(st.integers(0, 999_999), min_size=2, max_size=4).map(
    lambda parts: ".".join(map(str, parts))
)


def line(release: Release = RELEASE, r: int = 1) -> bytes:
    return SignedRelease(release, bytes([r]) * 32, b"\2" * 32, 0).to_line()


def reason_of(data: bytes) -> Reason:
    with pytest.raises(Rejected) as caught:
        read_statement(data)
    return caught.value.reason


def test_the_hash_is_that_of_every_wallet() -> None:
    types = {"Release": [{"name": name, "type": kind} for name, kind in FIELDS.items()]}
    domain = {"name": "Cupel Release", "version": "1"}
    signable = encode_typed_data(
        domain_data=domain, message_types=types, message_data=dataclasses.asdict(RELEASE)
    )
    assert RELEASE.digest == _hash_eip191_message(signable)


def test_another_value_anywhere_is_another_hash() -> None:
    others = [
        dataclasses.replace(RELEASE, version="0.2.1", wheel=RELEASE.wheel.replace("0.2.0", "0.2.1")),
        dataclasses.replace(RELEASE, wheel=RELEASE.wheel.replace("linux", "macosx")),
        dataclasses.replace(RELEASE, sha256=b"\2" * 32),
        dataclasses.replace(RELEASE, cid=str(file_dag(b"other")[0])),
        dataclasses.replace(RELEASE, size=6),
        dataclasses.replace(RELEASE, minimum="0.2.0"),
        dataclasses.replace(RELEASE, commit="b" * 40),
        dataclasses.replace(RELEASE, time=1),
    ]
    assert len({RELEASE.digest, *(other.digest for other in others)}) == len(FIELDS) + 1


@pytest.mark.parametrize(
    "change",
    [
        {"wheel": "cupel-0.2.1-cp311-abi3-linux_x86_64.whl"},
        {"wheel": "../cupel-0.2.0-py3-none-any.whl"},
        {"wheel": "cupel-0.2.0-py3-none-/etc/any.whl"},
        {"wheel": "torch-0.2.0-py3-none-any.whl"},
        {"version": "0.2.0rc1", "wheel": "cupel-0.2.0rc1-py3-none-any.whl"},
        {"minimum": "0.2.1"},
        {"minimum": "new"},
        {"size": 0},
        {"size": 1 << 40},
        {"commit": "HEAD"},
    ],
)
def test_what_no_release_says_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(Rejected) as caught:
        dataclasses.replace(RELEASE, **change)  # type: ignore[arg-type]  # on purpose
    assert caught.value.reason is Reason.RELEASE


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(Rejected) as caught:
        dataclasses.replace(RELEASE, cid="Qm")
    assert caught.value.reason is Reason.CID


def test_a_signature_is_added_by_appending_a_line() -> None:
    assert read_statement(line(r=1)) == (SignedRelease(RELEASE, b"\1" * 32, b"\2" * 32, 0),)
    assert [one.r[0] for one in read_statement(line(r=1) + line(r=2))] == [1, 2]


def test_statements_that_are_none() -> None:
    other = dataclasses.replace(RELEASE, time=1)
    assert reason_of(line() + line(other)) is Reason.RELEASE
    assert reason_of(b"") is Reason.ENCODING
    assert reason_of(line()[:-1]) is Reason.ENCODING
    assert reason_of(line() * (MAX_SIGNATURES + 1)) is Reason.ENCODING
    assert reason_of(bytes(MAX_STATEMENT_BYTES + 1)) is Reason.SIZE
    assert reason_of(line().replace(b'"time"', b'"tine"')) is Reason.SCHEMA
    assert reason_of(line().replace(b"linux", b"li/ux")) is Reason.RELEASE


@given(st.binary(max_size=300), st.integers(0, len(line())), st.integers(0, len(line())))
def test_any_bytes_are_read_or_refused(noise: bytes, start: int, end: int) -> None:
    for data in (noise, line()[:start] + noise + line()[end:]):
        try:
            lines = read_statement(data)
        except Rejected:
            continue
        assert b"".join(one.to_line() for one in lines) == data


@given(
    st.frozensets(st.sampled_from("ABCDE"), min_size=1),
    st.lists(st.sampled_from("ABCDEFG")),
    st.integers(1, 5),
)
def test_k_different_ones_of_the_trusted_must_have_signed(
    trusted: frozenset[str], signers: list[str], k: int
) -> None:
    counted = {signer for signer in signers if signer in trusted}
    try:
        assert set(agreeing(signers, trusted, k)) == counted
        assert len(counted) >= k
    except Rejected:
        assert len(counted) < k


@given(versions, versions, versions)
def test_versions_are_in_one_order(one: str, two: str, three: str) -> None:
    assert version_key(one + ".0") == version_key(one) if one.count(".") < 3 else True
    if version_key(one) <= version_key(two) <= version_key(three):
        assert version_key(one) <= version_key(three)
    key = [int(part) for part in one.split(".")]
    later = ".".join(map(str, [*key[:-1], key[-1] + 1]))
    assert key[-1] == 999_999 or version_key(later) > version_key(one)


def test_versions_compare_by_numbers_and_not_by_letters() -> None:
    order = ["0.1", "0.1.1", "0.2", "0.9.9", "0.10.0", "1.0", "1.0.0.1"]
    assert sorted(order, key=version_key) == order
    for earlier, later in itertools.combinations(order, 2):
        assert version_key(earlier) < version_key(later)
    for wrong in ("", "1", "1.", "01.2", "1.2.3.4.5", "1.-2", "1.2rc1", "1.2\n", "1.1٢"):
        with pytest.raises(Rejected):
            version_key(wrong)


@pytest.mark.parametrize(
    ("installed", "expected"),
    [
        ("0.1.9", Standing.NEWER),
        ("0.2", Standing.SAME),
        ("0.2.0.1", Standing.OLDER),
        ("0.10.0", Standing.OLDER),
    ],
)
def test_a_release_is_newer_or_not(installed: str, expected: Standing) -> None:
    assert standing(RELEASE, installed) is expected


def test_who_is_below_the_minimum_is_cut_off() -> None:
    assert [is_cut_off(RELEASE, installed) for installed in ("0.0.9", "0.1.0", "0.2.0")] == [
        True,
        False,
        False,
    ]
