"""Did the economy do what it promises? Named checks over the chain's facts. Pure.

Only the rewards, the digests that nodes computed and the exit codes are the processes' own words; all else is read from
the chain.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from cupel.devnet.facts import ChainFacts
from cupel.devnet.presets import CREATOR
from cupel.devnet.story.reducer import SLASHED_EXIT_CODE
from cupel.devnet.story.state import DemoState, NodeState, Status

# The mean over a quarter of the rounds at each end, at least one: a single round's mean is noisy.
_WINDOW_SHARE: Final = 4


@dataclass(frozen=True, slots=True)
class Check:
    """One promise of the demo and what was found."""

    name: str
    title: str
    passed: bool
    observed: str
    expected: str


def judge(facts: ChainFacts, state: DemoState, reward_margin: int) -> tuple[Check, ...]:
    """Every check of a finished demo. `reward_margin`: least rise of the honest reward, in millionths."""
    return (
        liars_slashed(facts, state),
        different_checks(facts, state),
        honest_paid(facts, state),
        honest_unslashed(facts, state),
        reward_rose(state, reward_margin),
        digests_equal(facts, state),
        hub_solvent(facts),
        processes_finished(state),
    )


def liars_slashed(facts: ChainFacts, state: DemoState) -> Check:
    """Every liar lost its stake."""
    lost = {node.name: facts.slash_of(node.account) for node in state.liars}
    found = [f"{name} {'slashed' if slash else 'NOT slashed'}" for name, slash in lost.items()]
    passed = bool(lost) and all(slash is not None for slash in lost.values())
    return Check(
        "liars-slashed", "Both liars slashed", passed, _list(found), f"{len(lost)} of {len(lost)} slashed"
    )


def different_checks(facts: ChainFacts, state: DemoState) -> Check:
    """The liars fell to different judges or accusations."""
    charges = []
    for node in state.liars:
        slash = facts.slash_of(node.account)
        challenge = None if slash is None else facts.challenge(slash.challenge_id)
        if challenge is not None:
            charges.append(f"{challenge.judge}: {challenge.accusation}")
    passed = len(charges) == len(state.liars) == len(set(charges))
    return Check(
        "different-checks", "By different checks", passed, _list(charges), "as many charges as liars"
    )


def honest_paid(facts: ChainFacts, state: DemoState) -> Check:
    """Every honest node that lived has units x rate, and its stake, in its wallet."""
    found, passed = [], True
    for node in _living(state):
        member = next((member for member in facts.members if member.node == node.account), None)
        if member is None:
            found.append(f"{node.name} never joined")
            passed = False
            continue
        units = facts.units_of(node.account)
        due = units * facts.terms.rate + facts.bonds_won(node.account)
        gained = facts.balances[member.payout] - facts.funded.get(member.payout, 0)
        passed &= gained == due and units > 0 and facts.credits.get(member.payout, 0) == 0
        found.append(
            f"{node.name} +{tokens(gained)} for {units} units"
            + ("" if gained == due else f" (due {tokens(due)})")
        )
    passed &= bool(found)
    return Check(
        "honest-paid", "Honest nodes paid in full, stake back", passed, _list(found), "units x rate each"
    )


def honest_unslashed(facts: ChainFacts, state: DemoState) -> Check:
    """No node that follows the protocol lost stake."""
    lost = [node.name for node in state.honest if facts.slash_of(node.account) is not None]
    return Check("honest-unslashed", "No honest node slashed", not lost, _list(lost) or "none", "none")


def reward_rose(state: DemoState, margin: int) -> Check:
    """The honest nodes' mean reward is higher in the last rounds than in the first."""
    rewards = list(state.honest_reward.values())
    window = max(1, len(rewards) // _WINDOW_SHARE)
    expected = f"at least +{margin / 1e6:.2f}"
    if len(rewards) < 2:
        return Check("reward-rose", "Reward rose", False, f"{len(rewards)} rounds with a reward", expected)
    first, last = sum(rewards[:window]) // window, sum(rewards[-window:]) // window
    span = "first to last round" if window == 1 else f"mean of {window} rounds at each end"
    observed = f"{first / 1e6:.3f} to {last / 1e6:.3f} ({span})"
    return Check("reward-rose", "Reward rose", last - first >= margin, observed, expected)


def digests_equal(facts: ChainFacts, state: DemoState) -> Check:
    """Chain and honest nodes agree on every canonical version, up to the last."""
    newest = {one.version: one for one in facts.checkpoints}
    posted = {version: one.digest for version, one in newest.items() if facts.slash_of(one.poster) is None}
    wrong = []
    for version in range(1, facts.terms.rounds + 1):
        # One that a slashed node posted is posted again, unless a later one stands already.
        if version not in newest or not any(later >= version for later in posted):
            wrong.append(f"version {version} not posted")
        wrong += [
            f"{node.name} disagrees on version {version}"
            for node in state.honest
            if version in posted and version in node.versions and node.versions[version] != posted[version]
        ]
    wrong += [
        f"{node.name} lacks the last version"
        for node in _living(state)
        if facts.terms.rounds not in node.versions
    ]
    count = len(posted)
    observed = _list(wrong[:4]) or f"{count} versions equal on-chain and on {len(_living(state))} nodes"
    return Check("digests-equal", "Canonical digests equal", not wrong, observed, "equal for every version")


def hub_solvent(facts: ChainFacts) -> Check:
    """The hub holds exactly what it owes."""
    hub = facts.hub
    owed = hub.bounties + hub.stakes + hub.bonds + hub.credits
    observed = f"holds {tokens(hub.balance)}, owes {tokens(owed)} (difference {hub.balance - owed} units)"
    return Check(
        "hub-solvent", "Hub solvent to the last unit", hub.balance == owed, observed, "difference 0 units"
    )


def processes_finished(state: DemoState, spared: Collection[str] = ()) -> Check:
    """Every process that was not killed ended by itself and with the right exit code.

    spared: names of liars that were not slashed.
    """
    expected = dict.fromkeys((*state.nodes, *state.verifiers, CREATOR), 0)
    expected |= {node.name: SLASHED_EXIT_CODE for node in state.liars if node.name not in spared}
    killed = {name for name, one in state.participants.items() if one.status is Status.KILLED}
    wrong = [
        f"{name} ended with {state.exits[name]}" if name in state.exits else f"{name} still runs"
        for name, code in expected.items()
        if name not in killed and state.exits.get(name) != code
    ]
    observed = _list(wrong) or f"{len(expected) - len(killed)} ended by themselves"
    if killed:
        observed += f"; killed: {_list(sorted(killed))}"
    return Check(
        "processes-finished", "Every process finished", not wrong, observed, "code 0, and 3 for the slashed"
    )


def tokens(amount: int, decimals: int = 18) -> str:
    """An amount in whole tokens, without trailing zeros: exact."""
    sign, amount = ("-", -amount) if amount < 0 else ("", amount)
    whole, fraction = divmod(amount, 10**decimals)
    digits = f"{fraction:0{decimals}d}".rstrip("0")
    return f"{sign}{whole:,}" + (f".{digits}" if digits else "")


def _living(state: DemoState) -> tuple[NodeState, ...]:
    return tuple(node for node in state.honest if node.status is not Status.KILLED)


def _list(items: list[str]) -> str:
    return ", ".join(items)
