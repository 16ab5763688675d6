"""A verifier's record from the chain's events: disputes with clocks, profit, false alarms."""

from __future__ import annotations

from pathlib import Path

import pytest

from cupel.protocol.chain.bindings import hub
from cupel.protocol.chain.bindings.structs import Challenge
from cupel.protocol.chain.ledger import TaskLedger
from cupel.protocol.config import ConfigError
from cupel.protocol.testing.vectors import example_params
from cupel.verifier.evidence import Judges
from cupel.verifier.meters import STATUS_FILE
from cupel.verifier.status import OpenDispute, chain_status, read_meters

TASK, NODE, ME, OTHER, OBJECTIVE = (
    b"\1" * 32,
    "0x" + "0a" * 20,
    "0x" + "0b" * 20,
    "0x" + "0c" * 20,
    "0x" + "0d" * 20,
)
PARAMS = example_params()


def challenged(number: int, challenger: str = ME) -> hub.Challenged:
    challenge = Challenge(
        task=TASK,
        node=NODE,
        sequence=number,
        judge=OBJECTIVE,
        challenger=challenger,
        token=PARAMS.token,
        stake=PARAMS.stake,
        bond=PARAMS.bond,
        deadline=0,
        evidence_hash=bytes(32),
    )
    return hub.Challenged(number, TASK, NODE, challenge, b"", 1000)


EVENTS = (
    challenged(1),
    challenged(2),
    challenged(3),
    challenged(4),
    challenged(9, OTHER),
    hub.Resolved(1, True, 0, 1001),
    hub.Slashed(TASK, NODE, 1, 100, 60, 40, 1001),
    hub.Resolved(2, False, 0, 1002),
    hub.Mooted(3, 0, 1003),
    hub.Resolved(9, False, 0, 1004),
)


def test_the_record_of_one_verifier() -> None:
    ledger = TaskLedger(TASK, PARAMS)
    for event in EVENTS:
        ledger.apply(event)
    status = chain_status(ME, (ledger,), EVENTS, Judges(OBJECTIVE, None), 1010)
    assert (status.challenges, status.convicted, status.false_alarms, status.returned) == (4, 1, 1, 1)
    left = 1000 + PARAMS.dispute_seconds - 1010
    assert status.open == (OpenDispute(4, NODE, 4, "objective", left),)
    assert (status.rewards, status.bonds_lost, status.bonds_at_stake) == (40, PARAMS.bond, PARAMS.bond)
    assert status.profit == 40 - PARAMS.bond


def test_a_folder_without_a_verifier_has_no_meters(tmp_path: Path) -> None:
    assert read_meters(tmp_path) is None


@pytest.mark.parametrize("text", ["rubbish", "[]"])
def test_a_file_of_somebody_else_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / STATUS_FILE).write_text(text)
    with pytest.raises(ConfigError, match="data_dir"):
        read_meters(tmp_path)
