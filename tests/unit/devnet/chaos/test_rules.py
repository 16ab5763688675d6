"""Each rule sees what it is there for, and nothing in a run that went well."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from cupel.devnet.chaos.actors import Ears
from cupel.devnet.chaos.campaign import page
from cupel.devnet.chaos.rules import RULES, broken_rules
from cupel.devnet.chaos.scenario import ROUND_SECONDS, Kill, Link, Reorganisation, Scenario, draw_scenario
from cupel.devnet.chaos.world import Outcome
from cupel.protocol.chain.bindings.structs import Challenge, ChallengeStatus
from cupel.protocol.chain.ledger import ChallengeRecord, CheckpointRecord, MemberRecord, TaskLedger
from cupel.protocol.spec.rounds import CommittedWork, SlashRecord
from cupel.protocol.testing.vectors import example_params

START = 1_700_000_000
ADDRESSES = {
    "node-1": "0x1000000000000000000000000000000000000001",
    "node-2": "0x2000000000000000000000000000000000000002",
    "node-3": "0x3000000000000000000000000000000000000003",
    "verifier-1": "0x4000000000000000000000000000000000000004",
    "verifier-2": "0x5000000000000000000000000000000000000005",
}
DIGEST = bytes([9]) * 32


@dataclasses.dataclass
class Ended:
    """A process that ended well."""

    code: int | None = 0
    defect: str = ""
    ears: Ears = dataclasses.field(default_factory=Ears)


def quiet(**changes: Any) -> Scenario:
    good = Link(0.01, 0.0, 1e7)
    calm = dataclasses.replace(draw_scenario(1), honest=2, lies=("false-root",), rounds=1, link=good)
    calm = dataclasses.replace(calm, kills=(), partitions=(), outages=(), reorganisations=())
    return dataclasses.replace(calm, **changes)


def good_run(**changes: Any) -> Outcome:
    params = dataclasses.replace(
        example_params(), start=START + 60, rounds=1, round_seconds=ROUND_SECONDS, commit_seconds=50
    )
    ledger = TaskLedger(bytes(32), params)
    for number, node in enumerate(list(ADDRESSES.values())[:3]):
        ledger.members[node] = MemberRecord(node, node, node, 8, 0)
        ledger.work[node, 0] = CommittedWork(node, 0, 0, bytes(32), bytes([number]) * 32, 8, START + 70)
    ledger.posted.append(CheckpointRecord(1, DIGEST, ADDRESSES["node-1"], 1, START + 110))
    ledger.slashes.append(SlashRecord(ADDRESSES["node-3"], START + 200))
    actors = {name: Ended() for name in ADDRESSES}
    for name in ("node-1", "node-2"):
        told = [
            (70.0, "committed", {"round": 0}),
            (110.0, "policy", {"version": 1, "digest": "0x" + DIGEST.hex()}),
        ]
        actors[name].ears.heard.extend(told)  # type: ignore[arg-type]
    gained = dict.fromkeys(ADDRESSES, 8 * params.rate)
    whole = Outcome(quiet(), ledger, START, 5, 5, gained, actors, ADDRESSES, {})  # type: ignore[arg-type]
    return dataclasses.replace(whole, **changes)


def broken(run: Outcome) -> set[str]:
    return {one.rule for one in broken_rules(run)}


def test_a_run_that_went_well_breaks_nothing() -> None:
    assert broken_rules(good_run()) == []
    assert all(rule.__doc__ for rule in RULES.values())


def test_an_exception_of_ours_is_a_defect() -> None:
    run = good_run()
    run.actors["node-2"].defect = "AssertionError"
    assert broken(run) == {"no-defect"}


def test_who_never_ends_is_told() -> None:
    run = good_run()
    run.actors["verifier-2"].code = None
    assert broken(run) == {"everybody-ends"}


def test_an_honest_slash_is_told() -> None:
    run = good_run()
    run.ledger.slashes.append(SlashRecord(ADDRESSES["node-1"], START + 200))
    assert "no-honest-stake-lost" in broken(run)


def test_two_commitments_of_one_round_are_told() -> None:
    run = good_run()
    first = run.ledger.work[ADDRESSES["node-1"], 0]
    run.ledger.work[ADDRESSES["node-1"], 1] = dataclasses.replace(first, sequence=1)
    assert "one-commitment-a-round" in broken(run)


@pytest.mark.parametrize(("at", "lost"), [(72.0, True), (90.0, False)])
def test_a_commitment_is_lost_only_if_it_could_be_sent_again(at: float, lost: bool) -> None:
    run = good_run(scenario=quiet(reorganisations=(Reorganisation(at, 12, 0.0),)))
    del run.ledger.work[ADDRESSES["node-2"], 0]
    assert ("one-commitment-a-round" in broken(run)) == lost


@pytest.mark.parametrize(("name", "lost"), [("node-2", False), ("node-1", True)])
def test_who_was_away_until_it_was_too_late_has_lost_nothing(name: str, lost: bool) -> None:
    kills = (Kill(74.0, 16.0, name),)
    run = good_run(scenario=quiet(reorganisations=(Reorganisation(72.0, 12, 0.0),), kills=kills))
    del run.ledger.work[ADDRESSES["node-2"], 0]
    assert ("one-commitment-a-round" in broken(run)) == lost


def test_pay_that_is_short_is_told() -> None:
    run = good_run()
    run.balances["node-1"] -= 1
    assert broken(run) == {"honest-are-paid"}


def test_a_liar_that_keeps_its_stake_is_told() -> None:
    run = good_run()
    run.ledger.slashes.clear()
    assert broken(run) == {"liars-are-slashed"}


def test_a_hub_that_owes_more_than_it_holds_is_told() -> None:
    assert broken(good_run(held=4)) == {"hub-is-solvent"}


def test_another_newest_version_is_told() -> None:
    run = good_run()
    run.actors["node-2"].ears.heard.append((111.0, "policy", {"version": 1, "digest": "0x" + "00" * 32}))
    assert broken(run) == {"one-truth"}


def test_a_round_that_was_missed_for_no_reason_is_told() -> None:
    run = good_run()
    del run.ledger.work[ADDRESSES["node-2"], 0]
    run.actors["node-2"].ears.heard.clear()
    run.balances["node-2"] = 0
    assert broken(run) == {"undisturbed-rounds-are-worked"}


def test_a_challenge_without_a_verdict_is_told() -> None:
    run = good_run()
    node, judge = ADDRESSES["node-3"], ADDRESSES["node-1"]
    open_one = Challenge(
        bytes(32), node, 0, judge, ADDRESSES["verifier-1"], judge, 100, 10, START + 300, bytes(32)
    )
    run.ledger.challenges[7] = ChallengeRecord(7, open_one, b"", START, ChallengeStatus.PENDING)
    assert broken(run) == {"no-challenge-is-left"}


def test_a_campaign_s_page_counts_what_broke() -> None:
    counts = ("commitments", "slashed", "missed", "restarts", "transactions", "requests", "requests_failed")
    zero = dict.fromkeys((*counts, "packets_lost", "simulated_seconds", "cpu_seconds"), 1)
    calm = {"seed": 1, "broken": [], "trouble": {"kills": 2}, "lies": ["spam"], **zero}
    bad = {**calm, "seed": 2, "broken": [{"rule": "one-truth", "what": "two"}]}
    text = page([calm, bad])
    assert "2 runs, seeds 1 to 2; 1 broke no rule." in text
    assert "| kills | 4 |" in text
    assert "- seed 2: one-truth: two" in text
