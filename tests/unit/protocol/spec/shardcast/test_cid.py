"""Content identifiers: one spelling each, everything else refused."""

import pytest

from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.shardcast.cid import Cid, Codec

# The empty raw block, as every IPFS tool prints it.
EMPTY = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"


def test_text_and_binary_round_trip() -> None:
    for codec in Codec:
        cid = Cid(codec, sha256(b"cupel"))
        assert Cid.parse(str(cid)) == cid
        assert Cid.from_bytes(cid.to_bytes()) == cid


def test_the_empty_block_has_the_address_that_ipfs_gives_it() -> None:
    assert str(Cid.raw_of(b"")) == EMPTY
    assert Cid.from_digest(sha256(b"")) == Cid.parse(EMPTY)


def test_a_cid_addresses_its_block_and_no_other() -> None:
    assert Cid.parse(EMPTY).addresses(b"")
    assert not Cid.parse(EMPTY).addresses(b"\0")


@pytest.mark.parametrize(
    "text",
    [
        "",
        EMPTY[:-1],
        EMPTY + "a",
        EMPTY.upper(),
        "B" + EMPTY[1:],
        "z" + EMPTY[1:],
        EMPTY[:-1] + "=",
        EMPTY[:-1] + "1",
        EMPTY[:-1] + "\u0131",
        # The last character with its two unused bits set decodes to the same bytes.
        EMPTY[:-1] + "v",
        "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG",
        "bafyrei" + EMPTY[7:],
    ],
)
def test_any_other_text_is_rejected(text: str) -> None:
    with pytest.raises(Rejected) as caught:
        Cid.parse(text)
    assert caught.value.reason is Reason.CID


def test_any_other_binary_is_rejected() -> None:
    binary = Cid.parse(EMPTY).to_bytes()
    for index, value in [(0, 0), (0, 2), (1, 0x71), (2, 0x1B), (3, 31)]:
        changed = bytearray(binary)
        changed[index] = value
        with pytest.raises(Rejected) as caught:
            Cid.from_bytes(bytes(changed))
        assert caught.value.reason is Reason.CID
    for wrong_length in (binary[:-1], binary + b"\0", b""):
        with pytest.raises(Rejected):
            Cid.from_bytes(wrong_length)
