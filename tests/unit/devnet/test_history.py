"""Facts from the hub's logs: other tasks are left out, and no challenger's bytes can break the reading."""

from __future__ import annotations

import pytest
from eth_abi.abi import encode

from cupel.devnet.facts import Challenge, Checkpoint, Claim, Slash, Work
from cupel.devnet.history import History
from cupel.protocol.chain.bindings import hub, structs
from cupel.protocol.chain.contract import Event, Logged
from cupel.protocol.chain.deployments import Deployment
from cupel.protocol.spec.demand import DataDemand, Part
from cupel.verifier.evidence import JuryEvidence

TASK, OTHER = b"\x01" * 32, b"\x02" * 32
NODE, JUDGE, JURY, TOKEN, VERIFIER, DATA = (f"0x{number:040d}" for number in range(1, 7))
DEPLOYMENT = Deployment(31337, 0, "0x" + "9" * 40, TOKEN, JUDGE, JURY, DATA, "0x" + "7" * 40, "0x" + "8" * 40)


def history_of(*events: Event) -> History:
    history = History(TASK, DEPLOYMENT, {7: 1000})
    for index, event in enumerate(events):
        history.apply(Logged(event, DEPLOYMENT.hub, 7, bytes(32), b"\xab" * 32, index))
    return history


def challenged(judge: str, evidence: bytes, task: bytes = TASK) -> hub.Challenged:
    accused = structs.Challenge(task, NODE, 0, judge, VERIFIER, TOKEN, 100, 5, 99, bytes(32))
    return hub.Challenged(3, task, NODE, accused, evidence, 50)


def test_work_slash_claim_and_checkpoints() -> None:
    transaction = "0x" + "ab" * 32
    history = history_of(
        hub.Committed(TASK, NODE, 2, 5, bytes(32), bytes(32), 128, 40),
        hub.Committed(OTHER, NODE, 2, 5, bytes(32), bytes(32), 128, 40),
        hub.Slashed(TASK, NODE, 3, 100, 60, 40, 55),
        hub.Claimed(TASK, NODE, 128, 1280, NODE, 6),
        hub.CheckpointPosted(TASK, 1, NODE, 6, b"\x0a" * 32, 60),
        hub.CheckpointPosted(TASK, 1, VERIFIER, 7, b"\x0b" * 32, 70),
    )
    assert history.work == [Work(NODE, 2, 5, 128, 40, transaction)]
    assert history.slashes == [Slash(NODE, 3, 100, 60, 40, 55, transaction)]
    assert history.claims == [Claim(NODE, 128, 1280, 1000, transaction)]
    assert history.checkpoints == {1: Checkpoint(1, "0x" + "0b" * 32, VERIFIER, 70)}


def test_withdrawals_of_other_tokens_do_not_count() -> None:
    history = history_of(hub.Withdrawn(TOKEN, NODE, 5), hub.Withdrawn(JUDGE, NODE, 9))
    assert [withdrawal.amount for withdrawal in history.withdrawals] == [5]


@pytest.mark.parametrize(
    ("judge", "evidence", "expected"),
    [
        (JUDGE, encode(("uint8", "bytes"), (2, b"")), ("ObjectiveJudge", "wrong reward")),
        (JUDGE, encode(("uint8", "bytes"), (9, b"")), ("ObjectiveJudge", "unreadable")),
        (JUDGE, b"\xff" * 7, ("ObjectiveJudge", "unreadable")),
        (JURY, JuryEvidence(4, "toploc-exponent", bytes(32)).to_bytes(), ("JuryJudge", "toploc-exponent")),
        (JURY, b"", ("JuryJudge", "unreadable")),
        (DATA, DataDemand(Part.TOKENS, 3, 0).to_bytes(), ("DataJudge", "tokens withheld")),
        (DATA, b"", ("DataJudge", "unreadable")),
        (VERIFIER, b"", (VERIFIER, "unknown judge")),
    ],
)
def test_accusations_are_read_from_the_evidence(
    judge: str, evidence: bytes, expected: tuple[str, str]
) -> None:
    challenge = history_of(challenged(judge, evidence)).challenges[3]
    assert (challenge.judge, challenge.accusation) == expected


@pytest.mark.parametrize(
    ("end", "guilty"),
    [
        (hub.Resolved(3, True, 5, 66), True),
        (hub.Resolved(3, False, 0, 66), False),
        (hub.Dismissed(3, 5, 66), None),
        (hub.Mooted(3, 5, 66), None),
        (hub.Expired(3, TASK, NODE, 0, 5, 66), None),
    ],
)
def test_challenges_end(end: Event, guilty: bool | None) -> None:
    challenge: Challenge = history_of(challenged(JURY, b""), end).challenges[3]
    assert (challenge.guilty, challenge.resolved_time) == (guilty, 66)


def test_challenges_of_other_tasks_are_left_out() -> None:
    history = history_of(challenged(JURY, b"", OTHER), hub.Resolved(3, True, 5, 66))
    assert history.challenges == {}
