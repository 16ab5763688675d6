"""What the chain itself says about a finished demo: read once by `audit`, judged by `verdict`, shown by the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

# Amounts are in the token's smallest unit, times are block timestamps, accounts checksum addresses.


def challenge_name(challenge_id: int) -> str:
    """The first eight hexadecimal digits of a challenge's id, which is a hash: enough to tell a run's apart."""
    return f"{challenge_id:064x}"[:8]


@dataclass(frozen=True, slots=True)
class Terms:
    """The task's parameters that money depends on."""

    task_id: str
    start: int
    rounds: int
    round_seconds: int
    units_per_round: int
    rate: int
    stake: int
    bond: int
    bounty: int


@dataclass(frozen=True, slots=True)
class Membership:
    """A node that joined."""

    node: str
    payout: str
    quota: int


@dataclass(frozen=True, slots=True)
class Work:
    """A commitment of rollouts."""

    node: str
    round: int
    sequence: int
    units: int
    time: int
    transaction: str


@dataclass(frozen=True, slots=True)
class Challenge:
    """A challenge and how it ended. `guilty` is None while it is open or when it expired."""

    challenge_id: int
    node: str
    sequence: int
    judge: str
    """Name of the judge contract."""
    accusation: str
    """What the evidence claims: the objective judge's kind, or the reason put before the jury."""
    challenger: str
    time: int
    transaction: str
    guilty: bool | None
    resolved_time: int


@dataclass(frozen=True, slots=True)
class Slash:
    """A stake taken."""

    node: str
    challenge_id: int
    stake: int
    burned: int
    rewarded: int
    time: int
    transaction: str


@dataclass(frozen=True, slots=True)
class Claim:
    """Pay credited."""

    node: str
    units: int
    amount: int
    time: int
    transaction: str


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """Tokens that left the hub."""

    account: str
    amount: int
    time: int
    transaction: str


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A canonical version as the chain knows it."""

    version: int
    digest: str
    poster: str
    time: int


@dataclass(frozen=True, slots=True)
class GasUse:
    """What a transaction cost."""

    sender: str
    action: str
    """Function called, with its contract: `Hub.commit`."""
    transaction: str
    gas: int


@dataclass(frozen=True, slots=True)
class HubMoney:
    """What the hub holds, and what its events say it owes."""

    balance: int
    bounties: int
    stakes: int
    bonds: int
    credits: int


@dataclass(frozen=True, slots=True)
class ChainFacts:
    """Everything the verdict and the report take from the chain."""

    block: int
    creator: str
    hub_address: str
    jury_address: str
    burn_address: str
    terms: Terms
    members: tuple[Membership, ...]
    work: tuple[Work, ...]
    challenges: tuple[Challenge, ...]
    slashes: tuple[Slash, ...]
    claims: tuple[Claim, ...]
    withdrawals: tuple[Withdrawal, ...]
    checkpoints: tuple[Checkpoint, ...]
    gas: tuple[GasUse, ...]
    hub: HubMoney
    funded: Mapping[str, int]
    """Tokens each account was given at the start."""
    balances: Mapping[str, int]
    """Tokens each account holds now."""
    credits: Mapping[str, int]
    """Credit each account still has in the hub."""

    def units_of(self, node: str) -> int:
        """Units a node committed."""
        return sum(work.units for work in self.work if work.node == node)

    def slash_of(self, node: str) -> Slash | None:
        """The slashing of a node, if there was one."""
        return next((slash for slash in self.slashes if slash.node == node), None)

    def challenge(self, challenge_id: int) -> Challenge | None:
        """A challenge by its id."""
        return next((item for item in self.challenges if item.challenge_id == challenge_id), None)

    def bonds_won(self, node: str) -> int:
        """Bonds of challenges that a node won: they go to its payout credit."""
        return self.terms.bond * sum(
            challenge.node == node and challenge.guilty is False for challenge in self.challenges
        )
