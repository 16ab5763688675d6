"""Stake and allowance: whose tokens are meant, and what joining does by itself."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from cupel.protocol.chain.bindings import hub
from cupel.protocol.chain.ledger import HubLedger, TaskLedger
from cupel.protocol.doctor.finding import Level
from cupel.protocol.doctor.network import allowance, examine, stake
from cupel.protocol.settings import Settings
from cupel.protocol.testing.vectors import NODE, example_params

TASK, PAYER = b"\1" * 32, "0x" + "5" * 40
PARAMS = replace(example_params(), stake=10_000)


def tasks(*joined: str) -> list[TaskLedger]:
    ledger = HubLedger()
    ledger.apply(hub.TaskCreated(TASK, NODE, PARAMS, 1000))
    for node in joined:
        ledger.apply(hub.Joined(TASK, node, PAYER, PAYER, 8, 0))
    return list(ledger.tasks.values())


def test_who_pays_the_stake_is_told_what_to_send() -> None:
    short = stake(4_000, tasks(), NODE, PAYER)
    assert (short.level, short.remedy) == (Level.MIND, f"To be its node, send {PAYER} 6,000 more")
    assert stake(10_000, tasks(), NODE, PAYER).level is Level.GOOD
    assert "is a member" in stake(0, tasks(NODE), NODE, PAYER).text
    assert "no task" in stake(0, [], NODE, PAYER).text


def test_an_allowance_that_is_missing_is_no_fault() -> None:
    assert allowance(0, tasks(), NODE).text.endswith("joining approves the stake first, a transaction more")
    for found in (allowance(10_000, tasks(), NODE), allowance(0, tasks(NODE), NODE), allowance(0, [], NODE)):
        assert (found.level, "joining" in found.text) == (Level.GOOD, False)


def test_a_signer_that_is_away_is_told_by_name() -> None:
    findings = asyncio.run(examine(Settings(owner="http://127.0.0.1:1")))
    (owner,) = [one for one in findings if one.subject == "owner"]
    assert (owner.level, owner.remedy) == (Level.BAD, "Start or unlock the signer, or correct owner")
