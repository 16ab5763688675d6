from dataclasses import replace

import pytest
from eth_account import Account

from cupel.node.collective.identity import Identity, Roster, check_member, new_identity, signed_member
from cupel.protocol.spec.errors import Reason, Rejected


@pytest.fixture
def signed():
    account = Account.from_key(b"\1" * 32)
    identity = new_identity(account.address)
    return identity, signed_member(account, identity, "127.0.0.1", 1)


def test_a_member_signs_its_certificate_and_endpoint(signed):
    _, member = signed
    check_member(member)
    for forged in (
        replace(member, port=2),
        replace(member, certificate=b"x"),
        replace(member, signature=b""),
    ):
        with pytest.raises(Rejected) as caught:
            check_member(forged)
        assert caught.value.reason is Reason.COLLECTIVE_MEMBER


def test_a_member_stands_once_in_a_roster(signed):
    _, member = signed
    with pytest.raises(Rejected) as caught:
        Roster([member, member])
    assert caught.value.reason is Reason.COLLECTIVE_MEMBER


@pytest.mark.parametrize("kind", ["a later version", "a curve that is none", "cut", "a name that is no text"])
def test_a_certificate_that_cannot_be_read_is_its_members_fault(signed, kind):
    identity, _ = signed
    whole = identity.certificate
    damaged = {
        "a later version": whole.replace(bytes.fromhex("a003020102"), bytes.fromhex("a003020122")),
        "a curve that is none": whole.replace(
            bytes.fromhex("2a8648ce3d030107"), bytes.fromhex("2a8648ce3d03017f")
        ),
        "cut": whole[:-1],
        "a name that is no text": whole.replace(b"0x", b"\xffx"),  # OpenSSL alone minds
    }[kind]
    assert damaged != whole
    account = Account.from_key(b"\1" * 32)
    with pytest.raises(Rejected) as caught:
        Roster([signed_member(account, Identity(identity.key, damaged), "127.0.0.1", 1)])
    assert caught.value.reason is Reason.COLLECTIVE_MEMBER


def test_a_statement_is_signed_by_the_certificates_key(signed):
    identity, member = signed
    roster, signature = Roster([member]), identity.sign(b"said")
    assert roster.signed(member.address, b"said", signature)
    assert not roster.signed(member.address, b"other", signature)
    assert not roster.signed(member.address, b"said", b"")
    assert not roster.signed("0x" + "00" * 20, b"said", signature)
