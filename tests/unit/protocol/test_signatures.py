"""Signatures in documents: they recover to who signed, and what no key makes is refused."""

from __future__ import annotations

import pytest
from eth_account import Account

from cupel.protocol.signatures import sign, signer
from cupel.protocol.spec.errors import Reason, Rejected

ACCOUNT = Account.from_key(b"\1" * 32)


def test_a_signature_leads_to_who_signed() -> None:
    assert signer(b"\7" * 32, *sign(ACCOUNT, b"\7" * 32)) == ACCOUNT.address
    assert signer(b"\x08" * 32, *sign(ACCOUNT, b"\7" * 32)) != ACCOUNT.address


@pytest.mark.parametrize(("r", "s", "parity"), [(0, 1, 0), (1, 0, 0), (1, 1, 2), (2**256 - 1, 1, 0)])
def test_what_no_key_makes_is_refused(r: int, s: int, parity: int) -> None:
    with pytest.raises(Rejected) as caught:
        signer(b"\7" * 32, r.to_bytes(32, "big"), s.to_bytes(32, "big"), parity)
    assert caught.value.reason is Reason.SCHEMA
