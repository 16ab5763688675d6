"""Making a statement: each signer vouches for a wheel of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from eth_account import Account

from cupel.protocol.config import ConfigError
from cupel.protocol.release.making import add_signature
from cupel.protocol.signatures import signer
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.release import read_statement
from cupel.protocol.spec.shardcast.unixfs import file_dag

SIGNERS = [Account.from_key(bytes([number]) * 32) for number in (1, 2, 3)]
Made = Callable[..., Path]


def test_a_statement_describes_the_wheel_and_names_who_signed(released: Made) -> None:
    statement = released("9.9.0")
    content = statement.with_name("cupel-9.9.0-py3-none-any.whl").read_bytes()
    lines = read_statement(statement.read_bytes())
    release = lines[0].release
    assert (release.version, release.minimum, release.commit) == ("9.9.0", "0.1.0", "a" * 40)
    assert (release.sha256, release.cid, release.size) == (
        sha256(content),
        str(file_dag(content)[0]),
        len(content),
    )
    assert [signer(release.digest, one.r, one.s, one.parity) for one in lines] == [
        account.address for account in SIGNERS[:2]
    ]


def test_who_built_another_wheel_does_not_sign(released: Made, wheel_of: Made) -> None:
    statement = released("9.9.0")
    before = statement.read_bytes()
    other = wheel_of("9.9.0", "something-else", folder="other")
    with pytest.raises(Rejected) as caught:
        add_signature(statement, other, None, SIGNERS[2])
    assert caught.value.reason is Reason.RELEASE
    assert statement.read_bytes() == before


def test_nobody_signs_twice(released: Made) -> None:
    statement = released("9.9.0")
    with pytest.raises(Rejected, match="has signed it already"):
        add_signature(statement, statement.with_name("cupel-9.9.0-py3-none-any.whl"), None, SIGNERS[1])


def test_a_statement_is_not_begun_again(released: Made, wheel_of: Made) -> None:
    statement = released("9.9.0")
    with pytest.raises(ConfigError, match="exists"):
        add_signature(statement, wheel_of("9.9.0"), ("0.1.0", "a" * 40, 1), SIGNERS[2])
