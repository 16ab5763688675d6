"""The transactions of a role's life on one task. Pure.

Gas is what our own tests measured (snapshots/, held against them by tests), or what the chain estimates now.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from cupel.protocol.spec.rounds import round_start
from cupel.protocol.spec.task import TaskParams
from cupel.protocol.task.plan import TaskPlan
from cupel.protocol.task.price import APPROVE_GAS, CREATE_GAS, REFUND_GAS, WITHDRAW_GAS

ENDPOINT_GAS: Final = 150_000  # the first address of an account: five fresh slots of text
JOIN_GAS: Final = 83_873
JOIN_FOR_OWNER_GAS: Final = 134_071
OPEN_ROUND_GAS: Final = 49_744
COMMIT_GAS: Final = 62_681  # in a ring that is not full yet
POST_GAS: Final = 85_486
CLAIM_GAS: Final = 203_138  # 32 commitments at once
CLAIMED_AT_ONCE: Final = 16
REQUEST_EXIT_GAS: Final = 53_153
EXIT_GAS: Final = 69_724
CHALLENGE_GAS: Final = 97_075
REGISTER_GAS: Final = 110_279


@dataclass(frozen=True, slots=True)
class Step:
    """One kind of transaction."""

    action: str
    gas: int
    """Of one of them."""
    times: int = 1
    """At most so often."""
    tokens: int = 0
    """Of the task's token that it takes from the account, in its smallest unit."""
    estimated: bool = False
    """Whether the chain says so now; measured in our tests otherwise."""

    @property
    def all_gas(self) -> int:
        """Of all of them."""
        return self.gas * self.times


@dataclass(frozen=True, slots=True)
class Bill:
    """Steps, and what they cost at a fee."""

    account: str
    steps: tuple[Step, ...]
    base_fee: int
    """Of the newest block, in wei a gas."""
    coins: int
    """What the account has, in wei."""
    tokens: int
    """What it has of the task's token."""

    @property
    def gas(self) -> int:
        """Of everything."""
        return sum(step.all_gas for step in self.steps)

    @property
    def wei(self) -> int:
        """At the fee of now."""
        return self.gas * self.base_fee

    @property
    def tokens_needed(self) -> int:
        """Of the task's token."""
        return sum(step.tokens for step in self.steps)

    def plain(self) -> dict[str, Any]:
        """For JSON: amounts as strings."""
        return {
            "dry_run": True,
            "account": self.account,
            "steps": [
                {
                    "action": step.action,
                    "times": step.times,
                    "gas": step.gas,
                    "wei": str(step.all_gas * self.base_fee),
                    "tokens": str(step.tokens),
                    "estimated": step.estimated,
                }
                for step in self.steps
            ],
            "gas": self.gas,
            "wei": str(self.wei),
            "tokens": str(self.tokens_needed),
            "coins_held": str(self.coins),
            "tokens_held": str(self.tokens),
            "enough": self.coins >= self.wei and self.tokens >= self.tokens_needed,
        }

    def lines(self) -> list[str]:
        """For people."""
        told = [
            f"{step.times:>4} x {step.action:<22} {step.gas:>9,} gas  {step.all_gas * self.base_fee / 10**18:.6f} coins"
            + (f"  {step.tokens:,} of the token" if step.tokens else "")
            + ("" if step.estimated else "  (measured)")
            for step in self.steps
        ]
        fee = f"at {self.base_fee / 10**9:.3g} gwei, the fee of now"
        return [
            *told,
            f"  at most {self.gas:,} gas: {self.wei / 10**18:.6f} coins {fee}",
            f"  {self.account} has {self.coins / 10**18:.6f} coins",
            f"  and {self.tokens_needed:,} of the token's smallest unit, of which there are {self.tokens:,}",
            "nothing was sent",
        ]


def creator_steps(plan: TaskPlan) -> tuple[Step, ...]:
    """From the address to the refund."""
    return (
        Step("set endpoint", ENDPOINT_GAS),
        Step("approve", APPROVE_GAS),
        Step("create task", CREATE_GAS, tokens=plan.bounty),
        Step("refund", REFUND_GAS),
        Step("withdraw", WITHDRAW_GAS),
    )


def node_steps(params: TaskParams, now: int, has_owner: bool) -> tuple[Step, ...]:
    """From the address to the stake's return, for who joins now. Of rounds and versions others open and post most."""
    ended = max(0, now - round_start(params, 0)) // params.round_seconds + (now >= params.start)
    rounds = max(0, params.rounds - ended)
    return (
        Step("set endpoint", ENDPOINT_GAS),
        Step("approve", APPROVE_GAS),
        Step("join", JOIN_FOR_OWNER_GAS if has_owner else JOIN_GAS, tokens=params.stake),
        Step("open round", OPEN_ROUND_GAS, rounds),
        Step("commit", COMMIT_GAS, rounds),
        Step("post checkpoint", POST_GAS, rounds),
        Step("claim", CLAIM_GAS, -(-rounds // CLAIMED_AT_ONCE)),
        Step("request exit", REQUEST_EXIT_GAS),
        Step("exit", EXIT_GAS),
        Step("withdraw", WITHDRAW_GAS),
    )


def verifier_steps(params: TaskParams, places: int, juror_stake: int) -> tuple[Step, ...]:
    """To begin with, and for the first lie; each further one takes a challenge and its bond, which comes back."""
    jury = (
        Step("approve the jury", APPROVE_GAS),
        Step("register juror", REGISTER_GAS, tokens=places * juror_stake),
    )
    return (
        Step("set endpoint", ENDPOINT_GAS),
        *(jury if places else ()),
        Step("approve", APPROVE_GAS),
        Step("challenge", CHALLENGE_GAS, tokens=params.bond),
        Step("withdraw", WITHDRAW_GAS),
    )
