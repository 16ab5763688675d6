"""What a plan costs its creator, and asks of others, before anything is signed. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cupel.protocol.task.plan import TaskPlan

# Whole transactions, as snapshots/Hub.json has them; an approval as OpenZeppelin's ERC-20 takes it.
CREATE_GAS: Final = 109_484
APPROVE_GAS: Final = 46_500
REFUND_GAS: Final = 60_975
WITHDRAW_GAS: Final = 42_778


@dataclass(frozen=True, slots=True)
class Price:
    """Amounts in the token's smallest unit, times in seconds."""

    bounty: int
    """Escrowed at the start; what is not earned comes back."""
    units: int
    """Rollouts it pays for."""
    units_of_a_node: int
    """What a node that works from the first round to the last owes, and reserves when it joins."""
    nodes: int
    """How many such nodes the bounty pays in full."""
    units_left: int
    """Beyond them: for a node that joins later."""
    pay_of_a_node: int
    stake: int
    bond: int
    work_seconds: int
    """From the first round's beginning to the last one's end."""
    settled_seconds: int
    """From then until every stake and the rest of the bounty can be home."""
    creator_gas: int
    """Approve, create, refund, withdraw."""


def price_of(plan: TaskPlan) -> Price:
    """The price of a plan."""
    terms = plan.terms
    rate = int(terms.rate)
    units_of_a_node = terms.rounds * terms.problems_per_round * terms.group_size
    nodes, left = divmod(plan.units, units_of_a_node)
    return Price(
        bounty=plan.bounty,
        units=plan.units,
        units_of_a_node=units_of_a_node,
        nodes=nodes,
        units_left=left,
        pay_of_a_node=units_of_a_node * rate,
        stake=int(terms.stake),
        bond=int(terms.bond),
        work_seconds=terms.rounds * terms.round_seconds,
        settled_seconds=terms.challenge_window + terms.dispute_seconds + terms.exit_margin,
        creator_gas=APPROVE_GAS + CREATE_GAS + REFUND_GAS + WITHDRAW_GAS,
    )


def cautions(plan: TaskPlan) -> list[str]:
    """What measurements speak against in a plan that is allowed (docs/diloco.md). Empty for most."""
    aggregation, found = plan.spec.aggregation, []
    has_momentum = 2 * aggregation.momentum_numerator > aggregation.momentum_denominator
    if aggregation.codec.startswith("sparse-") and has_momentum:
        found.append(
            "sparse updates learned worse than one worker at an outer momentum of 0.9: use at most 1/2"
        )
    if aggregation.codec.startswith("sparse-") and aggregation.trimmed:
        found.append(
            "trimming sparse updates sets to zero what only few nodes sent: use mean, or a dense codec"
        )
    return found


def lines(price: Price, decimals: int) -> list[str]:
    """For people; amounts in whole tokens of so many decimals."""

    def tokens(amount: int) -> str:
        whole, part = divmod(amount, 10**decimals)
        rest = f"{part:0{decimals}d}".rstrip("0") if part else ""
        return f"{whole:,}.{rest}" if rest else f"{whole:,}"

    return [
        f"bounty         {tokens(price.bounty)} tokens, for {price.units:,} rollouts; what is not earned comes back",
        f"nodes          {price.nodes} from the first round to the last, {price.units_of_a_node:,} rollouts each"
        + (f"; {price.units_left:,} rollouts are left for a later one" if price.units_left else ""),
        f"a node earns   {tokens(price.pay_of_a_node)} tokens, and stakes {tokens(price.stake)}",
        f"a challenge    costs a bond of {tokens(price.bond)} tokens, lost if it is false",
        f"work lasts     {_time(price.work_seconds)}; all money can be home {_time(price.settled_seconds)} after it",
        f"gas            about {price.creator_gas:,} for the creator: approve, create, refund, withdraw",
    ]


def _time(seconds: int) -> str:
    if seconds < 600:
        return f"{seconds} s"
    return f"{seconds / 3600:.1f} hours" if seconds < 2 * 86400 else f"{seconds / 86400:.1f} days"
