"""Every token is accounted for."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from cupel.devnet.facts import ChainFacts
from cupel.devnet.money import money_rows
from cupel.devnet.outcome import GasRow, Outcome, RunInfo
from cupel.devnet.story.events import DemoEvent
from cupel.devnet.story.reducer import reduce
from cupel.devnet.story.state import DemoState
from cupel.devnet.verdict import judge

INFO = RunInfo("2026-01-01 12:00", "full", 1, "2 cores", "runs/x")


def test_rows_sum_to_zero(facts: ChainFacts, final_state: DemoState) -> None:
    assert sum(row.net for row in money_rows(facts, final_state)) == 0


def test_rows_sum_to_zero_while_the_burn_waits_and_jurors_hold_on(
    facts: ChainFacts, final_state: DemoState, change: Callable[..., Any]
) -> None:
    burned, stake = facts.balances[facts.burn_address], 20 * 10**18
    hub = change(facts.hub, balance=facts.hub.balance + burned)
    juror = final_state.verifiers["verifier-2"].account
    balances = {**facts.balances, facts.burn_address: 0, facts.jury_address: stake}
    balances[juror] -= stake
    waiting = change(facts, hub=hub, credits={facts.burn_address: burned}, balances=balances)
    rows = {row.name: row.net for row in money_rows(waiting, final_state)}
    assert sum(rows.values()) == 0
    assert (rows["burned"], rows["jury"], rows["verifier-2"]) == (burned, stake, -stake)


def test_honest_earned_and_liars_lost(facts: ChainFacts, final_state: DemoState) -> None:
    rows = {row.name: row for row in money_rows(facts, final_state)}
    assert {name: row.outcome for name, row in rows.items() if name.startswith("node")} == {
        "node-1": "earned",
        "node-2": "earned",
        "node-3": "earned",
        "node-4": "lost",
        "node-5": "lost",
    }
    assert rows["node-4"].why == "slashed: toploc before JuryJudge (check toploc, round 1)"
    assert rows["node-1"].why == "1536 of 1536 units paid"
    assert rows["verifier-1"].why == "challenged node-5, node-4"
    assert rows["verifier-2"].why == "audited; challenged nobody"
    assert rows["node-5"].transaction == facts.slashes[0].transaction


def test_killed_node_says_so(facts: ChainFacts, final_state: DemoState) -> None:
    state = reduce(final_state, DemoEvent("node-1", "process-ended", 1, {"code": -9}))
    assert money_rows(facts, state)[0].why.startswith("process killed in round 11; ")


def test_result_is_plain_json_with_exact_amounts(
    facts: ChainFacts, final_state: DemoState, change: Callable[..., Any]
) -> None:
    outcome = Outcome(INFO, final_state, facts, judge(facts, final_state, 1))
    result = json.loads(json.dumps(outcome.as_json()))
    assert result["passed"] is True
    assert result["checks"]["hub-solvent"]["passed"] is True
    assert result["money"][3]["net"] == str(-100 * 10**18)
    assert list(result["rewards"]["honest_mean"]) == [str(index) for index in range(12)]
    broken = change(outcome, checks=(*outcome.checks, change(outcome.checks[0], passed=False)))
    assert broken.as_json()["passed"] is False
    assert Outcome(INFO, final_state, facts, ()).passed is False


def test_gas_by_action(facts: ChainFacts, final_state: DemoState) -> None:
    outcome = Outcome(INFO, final_state, facts, ())
    assert GasRow("Hub.challenge", 1, 81_250, 81_250, 81_250) in outcome.gas
    assert GasRow("Hub.join", 5, 74_000, 74_240, 74_480) in outcome.gas
