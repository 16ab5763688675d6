from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from types import SimpleNamespace
from typing import Any

import pytest
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from cupel.protocol.attesting import MAX_REMEMBERED, MAX_WAITING, Attested, attest, attester
from cupel.protocol.network import Announcement, AnnouncementKind
from cupel.protocol.spec.attestation import Attestation, statement
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.rounds import CommittedWork
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.testing.vectors import HUB, NODE

KEYS = [Account.from_key(bytes([number]) * 32) for number in (1, 2, 3)]
TASK, CHAIN_ID = b"\1" * 32, 31337
WORK = CommittedWork(NODE, 4, 3, b"\2" * 32, b"\3" * 32, 8, 1000)
SAID = statement(CHAIN_ID, HUB, TASK, WORK)


def attested(quorum: int, files: dict[Cid, bytes] | None = None, address: str = "") -> Attested:
    async def fetch_block(cid: Cid, deadline_seconds: float, max_bytes: int) -> bytes:
        return (files or {})[cid]

    participant: Any = SimpleNamespace(
        address=address,
        chain=SimpleNamespace(chain_id=CHAIN_ID),
        hub=SimpleNamespace(address=HUB),
        swarm=SimpleNamespace(fetch_block=fetch_block),
        observer=SimpleNamespace(emit=lambda *_, **__: None),
    )
    return Attested(participant, TASK, frozenset(key.address for key in KEYS[:2]), quorum)


def signed(number: int, work: CommittedWork = WORK) -> Attestation:
    return attest(KEYS[number], statement(CHAIN_ID, HUB, TASK, work), work.sequence)


def test_a_signature_names_its_signer() -> None:
    assert [attester(SAID, signed(number)) for number in range(3)] == [key.address for key in KEYS]
    other = statement(CHAIN_ID, HUB, b"\2" * 32, WORK)
    assert attester(other, signed(0)) != KEYS[0].address


@given(
    r=st.binary(min_size=32, max_size=32),
    s=st.binary(min_size=32, max_size=32),
    parity=st.integers(0, 2**63 - 1),
)
def test_any_numbers_are_a_signer_or_a_reason(r: bytes, s: bytes, parity: int) -> None:
    with contextlib.suppress(Rejected):
        assert attester(SAID, Attestation(NODE, 4, r, s, parity)) not in {key.address for key in KEYS}


@pytest.mark.parametrize(
    ("numbers", "enough"), [((), False), ((0,), False), ((0, 0), False), ((0, 2), False), ((0, 1), True)]
)
def test_it_takes_different_attesters_that_are_trusted(numbers: tuple[int, ...], enough: bool) -> None:
    ours = attested(quorum=2)
    for number in numbers:
        ours.take(signed(number))
    assert ours.is_attested(WORK) is enough
    assert ours.is_attested(WORK) is enough


def test_an_attestation_of_other_bytes_at_the_same_place_does_not_count() -> None:
    ours = attested(quorum=1)
    ours.take(signed(0, dataclasses.replace(WORK, root=bytes(32))))
    assert not ours.is_attested(WORK)
    ours.take(signed(0))
    assert ours.is_attested(WORK)


def test_a_node_needs_nobodys_word_about_its_own_work() -> None:
    assert attested(quorum=2, address=NODE).is_attested(WORK)


def test_what_is_announced_is_fetched_if_it_may_count() -> None:
    data = signed(0).to_bytes()
    cid, junk = Cid.raw_of(data), Cid.raw_of(b"junk")
    ours = attested(1, {cid: data, junk: b"junk"})

    def heard(account: str, address: Cid) -> bool:
        asyncio.run(ours.hear(Announcement(AnnouncementKind.ATTESTATION, TASK, account, 3, address)))
        return ours.is_attested(WORK)

    assert not heard(KEYS[2].address, cid)
    assert not heard(KEYS[1].address, junk)
    assert heard(KEYS[0].address, cid)


def test_a_flood_is_bounded() -> None:
    ours = attested(quorum=1)
    for _ in range(MAX_WAITING + 10):
        ours.take(Attestation(NODE, 4, b"\1" * 32, b"\1" * 32, 0))
    for sequence in range(MAX_REMEMBERED + 10):
        ours.take(Attestation(NODE, 100 + sequence, b"\1" * 32, b"\1" * 32, 0))
    assert len(ours._heard) == MAX_REMEMBERED
    assert max(map(len, ours._heard.values())) <= MAX_WAITING
