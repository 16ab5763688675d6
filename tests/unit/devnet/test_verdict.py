"""Every promise of the demo can be broken, and is then named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cupel.devnet.facts import ChainFacts
from cupel.devnet.story.events import DemoEvent
from cupel.devnet.story.reducer import reduce
from cupel.devnet.story.state import DemoState
from cupel.devnet.verdict import judge, tokens

MARGIN = 300_000
Change = Callable[..., Any]


def failed(facts: ChainFacts, state: DemoState) -> set[str]:
    return {check.name for check in judge(facts, state, MARGIN) if not check.passed}


def test_good_demo_passes_every_check(facts: ChainFacts, final_state: DemoState) -> None:
    checks = judge(facts, final_state, MARGIN)
    assert [check.name for check in checks] == [
        "liars-slashed",
        "different-checks",
        "honest-paid",
        "honest-unslashed",
        "reward-rose",
        "digests-equal",
        "hub-solvent",
        "processes-finished",
    ]
    assert all(check.passed for check in checks)


def test_liar_that_got_away(facts: ChainFacts, final_state: DemoState, change: Change) -> None:
    assert failed(change(facts, slashes=facts.slashes[:1]), final_state) == {
        "liars-slashed",
        "different-checks",
    }


def test_both_liars_by_one_check(facts: ChainFacts, final_state: DemoState, change: Change) -> None:
    same = tuple(change(challenge, judge="JuryJudge", accusation="toploc") for challenge in facts.challenges)
    assert failed(change(facts, challenges=same), final_state) == {"different-checks"}


def test_honest_node_short_of_one_unit(facts: ChainFacts, final_state: DemoState, change: Change) -> None:
    account = final_state.nodes["node-2"].account
    poorer = {**facts.balances, account: facts.balances[account] - 1}
    assert failed(change(facts, balances=poorer), final_state) == {"honest-paid"}


def test_credit_left_in_the_hub(facts: ChainFacts, final_state: DemoState, change: Change) -> None:
    account = final_state.nodes["node-1"].account
    assert failed(change(facts, credits={account: 1}), final_state) == {"honest-paid"}


def test_won_bond_is_due(facts: ChainFacts, final_state: DemoState, change: Change) -> None:
    account = final_state.nodes["node-1"].account
    lost = change(facts.challenges[0], challenge_id=9, node=account, guilty=False)
    with_challenge = change(facts, challenges=(*facts.challenges, lost))
    assert failed(with_challenge, final_state) == {"honest-paid"}
    richer = {**facts.balances, account: facts.balances[account] + facts.terms.bond}
    assert failed(change(with_challenge, balances=richer), final_state) == set()


def test_honest_node_without_work(facts: ChainFacts, final_state: DemoState, change: Change) -> None:
    account = final_state.nodes["node-1"].account
    idle = change(
        facts,
        work=tuple(work for work in facts.work if work.node != account),
        balances={**facts.balances, account: facts.funded[account]},
    )
    assert failed(idle, final_state) == {"honest-paid"}


def test_honest_node_slashed(facts: ChainFacts, final_state: DemoState, change: Change) -> None:
    slash = change(facts.slashes[0], node=final_state.nodes["node-3"].account)
    assert failed(change(facts, slashes=(*facts.slashes, slash)), final_state) == {"honest-unslashed"}


def test_reward_that_stayed(facts: ChainFacts, final_state: DemoState, change: Change) -> None:
    flat = {
        name: change(node, rewards=dict.fromkeys(node.rewards, 400_000))
        for name, node in final_state.nodes.items()
    }
    assert failed(facts, change(final_state, nodes=flat)) == {"reward-rose"}


def test_no_round_at_all_is_no_rise(facts: ChainFacts, final_state: DemoState, change: Change) -> None:
    none = {name: change(node, rewards={}) for name, node in final_state.nodes.items()}
    assert failed(facts, change(final_state, nodes=none)) == {"reward-rose"}


@pytest.mark.parametrize("last", [False, True])
def test_what_a_slashed_node_posted_says_nothing_and_is_posted_again_if_it_is_the_last(
    facts: ChainFacts, final_state: DemoState, change: Change, last: bool
) -> None:
    postings = sorted(facts.checkpoints, key=lambda one: one.version)
    place, liar = -1 if last else 0, facts.slashes[0].node
    postings[place] = change(postings[place], digest="0x00", poster=liar)
    assert failed(change(facts, checkpoints=tuple(postings)), final_state) == (
        {"digests-equal"} if last else set()
    )


@pytest.mark.parametrize("version", [3, 12])
def test_node_with_another_digest(
    facts: ChainFacts, final_state: DemoState, change: Change, version: int
) -> None:
    node = final_state.nodes["node-2"]
    other = change(node, versions={**node.versions, version: "0xff"})
    state = change(final_state, nodes={**final_state.nodes, "node-2": other})
    assert failed(facts, state) == {"digests-equal"}


def test_version_nobody_posted(facts: ChainFacts, final_state: DemoState, change: Change) -> None:
    assert "digests-equal" in failed(change(facts, checkpoints=facts.checkpoints[:-1]), final_state)


def test_node_without_the_last_version(facts: ChainFacts, final_state: DemoState, change: Change) -> None:
    node = final_state.nodes["node-2"]
    late = change(node, versions={version: value for version, value in node.versions.items() if version < 12})
    state = change(final_state, nodes={**final_state.nodes, "node-2": late})
    assert failed(facts, state) == {"digests-equal"}


@pytest.mark.parametrize("difference", [-1, 1])
def test_hub_off_by_one_unit(
    facts: ChainFacts, final_state: DemoState, change: Change, difference: int
) -> None:
    hub = change(facts.hub, balance=facts.hub.balance + difference)
    assert failed(change(facts, hub=hub), final_state) == {"hub-solvent"}


def test_killed_node_is_excused_and_named(facts: ChainFacts, final_state: DemoState, change: Change) -> None:
    node = change(final_state.nodes["node-1"], versions={}, exit_code=None)
    state = change(final_state, nodes={**final_state.nodes, "node-1": node})
    state = reduce(state, DemoEvent("node-1", "process-ended", 1, {"code": -9}))
    unpaid = change(facts, balances={**facts.balances, node.account: 0})
    assert failed(unpaid, state) == set()
    finished = next(check for check in judge(unpaid, state, MARGIN) if check.name == "processes-finished")
    assert "killed: node-1" in finished.observed


def test_crash_is_not_excused(facts: ChainFacts, final_state: DemoState) -> None:
    state = reduce(final_state, DemoEvent("node-1", "process-ended", 1, {"code": 1}))
    assert failed(facts, state) == {"processes-finished"}


def test_liar_that_ended_well_is_odd(facts: ChainFacts, final_state: DemoState) -> None:
    state = reduce(final_state, DemoEvent("node-4", "process-ended", 1, {"code": 0}))
    assert failed(facts, state) == {"processes-finished"}


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "0"),
        (10**18, "1"),
        (15_360_000_000_000_000_000, "15.36"),
        (-1, "-0.000000000000000001"),
        (12 * 10**21, "12,000"),
    ],
)
def test_tokens_are_exact(amount: int, text: str) -> None:
    assert tokens(amount) == text
