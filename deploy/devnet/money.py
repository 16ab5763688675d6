"""Where every token went: one row per participant, and the rows sum to zero. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from cupel.devnet.facts import ChainFacts
from cupel.devnet.story.state import Accusation, DemoState, NodeState, Status


@dataclass(frozen=True, slots=True)
class MoneyRow:
    """What one participant put in, got and lost. Amounts in the token's smallest unit."""

    name: str
    role: str
    account: str
    units: int
    net: int
    """Tokens held now less tokens held at the start."""
    why: str
    transaction: str
    """The transaction that decided it; empty if there was none."""
    outcome: str
    """earned, lost, even or killed."""


def money_rows(facts: ChainFacts, state: DemoState) -> tuple[MoneyRow, ...]:
    """Nodes, verifiers, creator, what the contracts hold and what was burned, in this order."""
    rows = [_node_row(facts, state, node) for node in state.nodes.values()]
    for verifier in state.verifiers.values():
        won = [slash for slash in facts.slashes if _challenger(facts, slash.challenge_id) == verifier.account]
        why = (
            f"challenged {_names(state, [slash.node for slash in won])}"
            if won
            else "audited; challenged nobody"
        )
        transaction = won[0].transaction if won else ""
        rows.append(_row(facts, verifier.name, "verifier", verifier.account, why, transaction))
    rows.append(_row(facts, "creator", "task creator", facts.creator, "escrowed the bounty", ""))
    # Burned stake is credit of an address nobody has the key of, whether or not someone has withdrawn it there.
    unsent = facts.credits.get(facts.burn_address, 0)
    burned = unsent + facts.balances.get(facts.burn_address, 0)
    held = facts.hub.balance - unsent
    rows.append(_holder("hub", "escrow", facts.hub_address, held, "bounty nobody earned"))
    jury = facts.balances.get(facts.jury_address, 0)
    if jury:
        rows.append(
            _holder("jury", "escrow", facts.jury_address, jury, "stakes of jurors who have not resigned")
        )
    rows.append(_holder("burned", "nobody", facts.burn_address, burned, "at least half of every slash"))
    return tuple(rows)


def accusation_against(state: DemoState, name: str) -> Accusation | None:
    """The first finding against a node."""
    return next((accusation for accusation in state.accusations if accusation.node == name), None)


def _node_row(facts: ChainFacts, state: DemoState, node: NodeState) -> MoneyRow:
    role = f"lies: {node.lie.replace('-', ' ')}" if node.lie else "honest"
    slash = facts.slash_of(node.account)
    if slash is not None:
        challenge = facts.challenge(slash.challenge_id)
        accusation = accusation_against(state, node.name)
        why = f"slashed: {challenge.accusation} before {challenge.judge}" if challenge else "slashed"
        if accusation is not None:
            why += f" (check {accusation.check}, round {accusation.round})"
        return _row(facts, node.name, role, node.account, why, slash.transaction)
    claim = next((claim for claim in reversed(facts.claims) if claim.node == node.account), None)
    paid = sum(claim.units for claim in facts.claims if claim.node == node.account)
    why = f"{paid} of {facts.units_of(node.account)} units paid"
    if node.status is Status.KILLED:
        why = f"process killed in round {node.round}; {why}"
    return _row(facts, node.name, role, node.account, why, claim.transaction if claim else "")


def _row(facts: ChainFacts, name: str, role: str, account: str, why: str, transaction: str) -> MoneyRow:
    member = next((member for member in facts.members if member.node == account), None)
    wallet = account if member is None else member.payout
    net = facts.balances.get(wallet, 0) - facts.funded.get(wallet, 0)
    outcome = "earned" if net > 0 else "lost" if net < 0 else "even"
    return MoneyRow(name, role, account, facts.units_of(account), net, why, transaction, outcome)


def _holder(name: str, role: str, account: str, amount: int, why: str) -> MoneyRow:
    return MoneyRow(name, role, account, 0, amount, why, "", "even")


def _challenger(facts: ChainFacts, challenge_id: int) -> str:
    challenge = facts.challenge(challenge_id)
    return "" if challenge is None else challenge.challenger


def _names(state: DemoState, accounts: list[str]) -> str:
    return ", ".join(state.name_of(account) for account in accounts)
