"""The row of an attack is what the chain and the verifier who convicted say of it."""

from __future__ import annotations

import dataclasses
from types import MappingProxyType

import pytest

from cupel.devnet.attacks.base import Fate
from cupel.devnet.attacks.table import (
    IDLE,
    PAID,
    Row,
    as_json,
    judge_attacks,
    markdown,
    row_of_json,
    rows_of,
)
from cupel.devnet.facts import ChainFacts
from cupel.devnet.story.state import DemoState

LIES = {"node-4": "int4", "node-5": "inflated-reward"}


@pytest.fixture
def state(final_state: DemoState) -> DemoState:
    """The sample's end, where its two liars are strategies of the kit."""
    nodes = {
        name: dataclasses.replace(node, lie=LIES.get(name, node.lie))
        for name, node in final_state.nodes.items()
    }
    return dataclasses.replace(final_state, nodes=MappingProxyType(nodes))


def row_of(facts: ChainFacts, state: DemoState, attack: str) -> Row:
    return next(row for row in rows_of(facts, state, {}) if row.attack == attack)


def test_a_row_names_check_judge_gas_and_time(facts: ChainFacts, state: DemoState) -> None:
    assert row_of(facts, state, "inflated-reward") == Row(
        attack="inflated-reward",
        title="full reward for every answer",
        expected="slashed",
        found="slashed",
        check="reward: wrong-reward",
        judge="ObjectiveJudge",
        gas=81_250,
        seconds=5,
        paid_units=0,
    )


def test_the_check_is_the_one_that_convicted(facts: ChainFacts, state: DemoState) -> None:
    """Earlier findings, of other verifiers or about other commitments, are not what the chain judged."""
    node, verifier = state.nodes["node-5"].name, "verifier-1"
    right = next(one for one in state.accusations if (one.node, one.verifier) == (node, verifier))
    others = (
        dataclasses.replace(right, verifier="verifier-2", reason="another-verifier"),
        dataclasses.replace(right, sequence=right.sequence + 1, reason="another-commitment"),
    )
    told = dataclasses.replace(state, accusations=(*others, *state.accusations))
    assert row_of(facts, told, "inflated-reward").check == "reward: wrong-reward"


def test_without_a_finding_the_charge_is_named(facts: ChainFacts, state: DemoState) -> None:
    silent = dataclasses.replace(state, accusations=())
    assert row_of(facts, silent, "inflated-reward").check == "wrong reward"


def test_a_liar_that_was_paid_or_did_nothing_is_told_so(facts: ChainFacts, state: DemoState) -> None:
    liar = state.nodes["node-5"].account
    unstopped = dataclasses.replace(facts, slashes=facts.slashes[1:])
    claim = dataclasses.replace(facts.claims[0], node=liar, units=7)
    paid = row_of(dataclasses.replace(unstopped, claims=(claim,)), state, "inflated-reward")
    assert (paid.found, paid.paid_units, paid.as_expected) == (PAID, 7, False)
    refused = row_of(unstopped, state, "inflated-reward")
    assert (refused.found, refused.as_expected) == (Fate.REFUSED, False)
    none = dataclasses.replace(unstopped, work=tuple(one for one in facts.work if one.node != liar))
    idle = row_of(none, state, "inflated-reward")
    assert (idle.found, idle.as_expected) == (IDLE, False)
    assert "**committed nothing**" in markdown([idle])


def test_a_run_holds_only_if_every_attacker_met_its_fate(facts: ChainFacts, state: DemoState) -> None:
    def failed(facts: ChainFacts) -> set[str]:
        return {check.name for check in judge_attacks(facts, state, {}) if not check.passed}

    assert failed(facts) == set()
    # Who was not slashed should end with code 0, and this one ended with 3.
    escaped = dataclasses.replace(facts, slashes=facts.slashes[1:])
    assert failed(escaped) == {"attackers-stopped", "processes-finished"}


def test_rows_survive_the_disk(facts: ChainFacts, state: DemoState) -> None:
    rows = rows_of(facts, state, {})
    assert tuple(row_of_json(as_json(row)) for row in rows) == rows
