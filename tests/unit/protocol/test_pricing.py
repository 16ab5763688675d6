"""What a dry run prices is what our tests measured, and what the chain estimates; nothing is sent."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from cupel.devnet.project import project_root
from cupel.protocol.pricing import steps
from cupel.protocol.pricing.steps import Bill, Step, creator_steps, node_steps, verifier_steps
from cupel.protocol.task.plan import load_plan
from cupel.protocol.testing.vectors import example_params

PARAMS = replace(example_params(), start=1000, round_seconds=100, rounds=40, stake=500, bond=9)


@pytest.mark.parametrize(
    ("snapshot", "name", "gas"),
    [
        ("Hub", "join", steps.JOIN_GAS),
        ("Hub", "join, cold owner and payout", steps.JOIN_FOR_OWNER_GAS),
        ("Hub", "openRound", steps.OPEN_ROUND_GAS),
        ("Hub", "commit, first lap", steps.COMMIT_GAS),
        ("Hub", "postCheckpoint", steps.POST_GAS),
        ("Hub", "claim 32", steps.CLAIM_GAS),
        ("Hub", "requestExit", steps.REQUEST_EXIT_GAS),
        ("Hub", "exit, first credit", steps.EXIT_GAS),
        ("Hub", "challenge", steps.CHALLENGE_GAS),
        ("JuryJudge", "1 register, one place", steps.REGISTER_GAS),
    ],
)
def test_gas_is_what_was_measured(snapshot: str, name: str, gas: int) -> None:
    measured = json.loads((project_root() / "snapshots" / f"{snapshot}.json").read_text())
    assert int(measured[name]) == gas


@pytest.mark.parametrize(
    ("now", "rounds"), [(0, 40), (999, 40), (1000, 39), (1099, 39), (1100, 38), (9000, 0)]
)
def test_a_late_node_is_told_of_the_rounds_that_are_left(now: int, rounds: int) -> None:
    times = {step.action: step.times for step in node_steps(PARAMS, now, has_owner=False)}
    assert (times["commit"], times["claim"]) == (rounds, -(-rounds // 16))


def test_who_stakes_for_a_node_takes_more_gas() -> None:
    own, cold = (node_steps(PARAMS, 0, has_owner=flag) for flag in (False, True))
    assert sum(step.all_gas for step in cold) - sum(step.all_gas for step in own) == 134_071 - 83_873
    assert {step.tokens for step in own if step.tokens} == {500}


def test_tokens_are_the_bounty_the_bond_and_a_juror_s_stake() -> None:
    plan = load_plan(project_root() / "protocol/task/template.toml")
    assert sum(step.tokens for step in creator_steps(plan)) == plan.bounty
    assert sum(step.tokens for step in verifier_steps(PARAMS, 2, 30)) == 69
    assert sum(step.tokens for step in verifier_steps(PARAMS, 0, 30)) == 9


def test_a_bill_adds_up_and_says_what_is_missing() -> None:
    bill = Bill("0x1", (Step("commit", 100, 3), Step("join", 50, tokens=7, estimated=True)), 2, 700, 6)
    plain = bill.plain()
    assert (plain["gas"], plain["wei"], plain["tokens"], plain["enough"]) == (350, "700", "7", False)
    assert replace(bill, tokens=7).plain()["enough"] is True
    assert replace(bill, tokens=7, coins=699).plain()["enough"] is False
    text = "\n".join(bill.lines())
    assert "nothing was sent" in text
    assert text.count("(measured)") == 1
