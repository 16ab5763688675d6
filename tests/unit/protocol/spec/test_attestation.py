from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
from eth_account import Account
from eth_account.messages import _hash_eip191_message, encode_typed_data

from cupel.protocol.spec.attestation import Attestation, newest_attested, statement
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.rounds import CommittedWork, PostRecord, SlashRecord, accepted_work
from cupel.protocol.testing.vectors import HUB, NODE, example_params

OTHER = "0x3000000000000000000000000000000000000003"
TASK = b"\1" * 32
PARAMS = dataclasses.replace(
    example_params(), start=1000, round_seconds=100, commit_seconds=60, rounds=5, challenge_window=150
)


def work(round_index: int, node: str = NODE) -> CommittedWork:
    return CommittedWork(node, round_index, round_index, b"\2" * 32, b"\3" * 32, 8, 1030 + 100 * round_index)


def test_the_hash_is_that_of_every_wallet() -> None:
    said = statement(31337, HUB, TASK, work(3))
    fields = {
        "Attestation": [
            {"name": "task", "type": "bytes32"},
            {"name": "node", "type": "address"},
            {"name": "commitment", "type": "bytes32"},
        ]
    }
    domain = {"name": "Cupel Hub", "version": "1", "chainId": 31337, "verifyingContract": HUB}
    message = {"task": TASK, "node": NODE, "commitment": said.commitment}
    signable = encode_typed_data(domain_data=domain, message_types=fields, message_data=message)
    assert said.digest == _hash_eip191_message(signable)
    account = Account.from_key("0x" + "01" * 32)
    signature = account.sign_message(signable).signature
    assert account.unsafe_sign_hash(said.digest).signature == signature


@pytest.mark.parametrize(
    "name", ["task", "hub", "node", "round", "sequence", "root", "manifest", "units", "time"]
)
def test_another_commitment_is_another_statement(name: str) -> None:
    one = work(3)
    said = statement(31337, HUB, TASK, one)
    match name:
        case "task":
            other = statement(31337, HUB, b"\2" * 32, one)
        case "hub":
            other = statement(31337, OTHER, TASK, one)
        case "node":
            other = statement(31337, HUB, TASK, dataclasses.replace(one, node=OTHER))
        case "root" | "manifest":
            other = statement(31337, HUB, TASK, dataclasses.replace(one, **{name: bytes(32)}))
        case _:
            other = statement(31337, HUB, TASK, dataclasses.replace(one, **{name: getattr(one, name) + 1}))
    assert other.digest != said.digest


def test_round_trip_and_other_bytes() -> None:
    attestation = Attestation(NODE, 4, b"\5" * 32, b"\6" * 32, 1)
    assert Attestation.from_bytes(attestation.to_bytes()) == attestation
    for data in (b"", b"{}", attestation.to_bytes() + b" ", b"x" * 2000):
        with pytest.raises(Rejected):
            Attestation.from_bytes(data)


WORKS = (work(0), work(0, OTHER), work(1), work(1, OTHER))


def accepted_from(*slashes: SlashRecord) -> Callable[[int], tuple[CommittedWork, ...]]:
    """Versions 1 and 2 were posted as soon as their rounds were over."""
    posted = (PostRecord(1, 1100), PostRecord(2, 1200))
    return lambda number: accepted_work(PARAMS, number, WORKS, slashes, posted, 1300)


@pytest.mark.parametrize(
    ("now", "attested", "version"),
    [
        # Both rounds can still be challenged.
        (1131, set(), 0),
        (1131, {(0, NODE)}, 0),
        (1131, {(0, NODE), (0, OTHER)}, 1),
        (1131, {(0, NODE), (0, OTHER), (1, NODE)}, 1),
        (1131, {(0, NODE), (0, OTHER), (1, NODE), (1, OTHER)}, 2),
        (1131, {(1, NODE), (1, OTHER)}, 0),
        # Round 0 is final, then round 1 as well.
        (1180, set(), 1),
        (1280, set(), 2),
    ],
)
def test_a_version_rests_on_everything_before_it(
    now: int, attested: set[tuple[int, str]], version: int
) -> None:
    found = newest_attested(
        PARAMS, WORKS, accepted_from(), 2, now, lambda one: (one.round, one.node) in attested
    )
    assert found == version


def test_work_that_did_not_count_needs_no_attestation() -> None:
    by_node = {(0, NODE), (1, NODE)}
    slashed = SlashRecord(OTHER, 1099)

    def newest(*slashes: SlashRecord) -> int:
        return newest_attested(
            PARAMS, WORKS, accepted_from(*slashes), 2, 1131, lambda one: (one.round, one.node) in by_node
        )

    assert newest(slashed) == 2
    # Too late: its update is in version 1.
    assert newest(dataclasses.replace(slashed, time=1100)) == 0
