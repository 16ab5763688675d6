"""What members make of hostile words: refused by the exceptions that a call is refused by, and by no other."""

import json
import socket
from typing import Any

import pytest
from eth_account import Account

from cupel.node.collective.answers import answer_call, take_answer
from cupel.node.collective.attempts import MAX_NUMBER, Attempts
from cupel.node.collective.calls import LENGTH, hear
from cupel.node.collective.frames import LinkFailed
from cupel.node.collective.identity import Roster, new_identity, signed_member
from cupel.protocol.spec.collective.agreement import View
from cupel.protocol.spec.collective.reduce import Operation, Reduce
from cupel.protocol.spec.errors import Reason, Rejected

REFUSED = (ValueError, KeyError, TypeError)
REDUCE = Reduce(1, 2, 3, Operation.SUM, "float32", 8)
ACCOUNTS = [Account.from_key(bytes([number]) * 32) for number in (1, 2, 3)]
ADDRESSES = [account.address.lower() for account in ACCOUNTS]
IDENTITIES = [new_identity(address) for address in ADDRESSES]
ROSTER = Roster(
    [
        signed_member(account, identity, "127.0.0.1", 4000)
        for account, identity in zip(ACCOUNTS, IDENTITIES, strict=True)
    ]
)
CERTIFICATE = {"number": 0, "lost": [], "attempt": "01" * 32, "check": "02" * 32, "signatures": {}}
DECIDED = {"kind": "decided", "number": 0, "accusations": [], "certificate": CERTIFICATE}


def attempts(rank: int = 1) -> Attempts:
    return Attempts(REDUCE, ROSTER, ADDRESSES[rank], IDENTITIES[rank])


@pytest.mark.parametrize("text", [b"[" * 100_000, b'{"a":' * 40_000, b"[]", b"{"])
def test_no_text_breaks_the_listener(text: bytes) -> None:
    near, far = socket.socketpair()
    with near, far:
        far.sendall(LENGTH.pack(len(text)) + text)
        with pytest.raises(ValueError):  # noqa: PT011  # JSON's own among them
            hear(near)  # type: ignore[arg-type]  # it only receives


@pytest.mark.parametrize("number", [float("inf"), float("nan"), 1.5, -1, MAX_NUMBER, "1", None, []])
def test_a_number_that_is_none_is_refused(number: Any) -> None:
    for answer in (
        {"kind": "view", "number": number, "accusations": []},
        {**DECIDED, "certificate": {**CERTIFICATE, "number": number}},
    ):
        with pytest.raises(REFUSED):
            take_answer(attempts(), View(), answer)


@pytest.mark.parametrize(
    "changes",
    [
        {"signatures": []},
        {"signatures": "x"},
        {"attempt": "01"},
        {"check": ""},
        {"lost": [[]]},
        {"attempt": 5},
    ],
)
def test_a_certificate_of_another_form_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(REFUSED):
        take_answer(attempts(), View(), {**DECIDED, "certificate": {**CERTIFICATE, **changes}})


def test_a_certificate_that_nobody_signed_proves_nothing() -> None:
    with pytest.raises(Rejected) as rejected:
        take_answer(attempts(), View(), DECIDED)
    assert rejected.value.reason is Reason.COLLECTIVE_CHECK


@pytest.mark.parametrize("name", ["accuser", "accused", "without"])
def test_an_accusation_of_nobody_is_refused(name: str) -> None:
    """Whatever stands for a member: the statement that would be signed is about addresses alone."""
    accuser = attempts(0)
    accuser.failed(View(), LinkFailed("right", Rejected(Reason.COLLECTIVE_SILENT, "takes nothing")))
    shown = json.loads(json.dumps(accuser.shown()))
    (told,) = shown["accusations"]
    call = {"kind": "reduce", "reduce": accuser.name(View()).hex(), **shown}
    assert answer_call(attempts(2), ADDRESSES[0], call, ADDRESSES[2])[0]["kind"] == "go"
    told[name] = ["no address"] if name == "without" else "no address"
    with pytest.raises(REFUSED):
        answer_call(attempts(2), ADDRESSES[0], call, ADDRESSES[2])


def test_a_member_that_another_accusation_invents_is_nobody() -> None:
    accuser = attempts(0)
    accuser.failed(View(), LinkFailed("right", Rejected(Reason.COLLECTIVE_SILENT, "takes nothing")))
    shown = json.loads(json.dumps(accuser.shown()))
    (told,) = shown["accusations"]
    invented = [{**told, "without": ["nobody"]}, {**told, "accused": "nobody"}]
    call = {"kind": "reduce", "reduce": accuser.name(View()).hex(), "number": 1, "accusations": invented}
    with pytest.raises(REFUSED):
        answer_call(attempts(2), ADDRESSES[0], call, ADDRESSES[2])
