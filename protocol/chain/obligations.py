"""What a hub owes in one token, added up from its events.

The hub keeps no totals: a sum that only auditors need would cost every transaction a storage slot. Whoever compares
`owed` with the hub's balance checks that every unit of the token is accounted for.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from cupel.protocol.chain.bindings import hub
from cupel.protocol.chain.bindings.structs import Challenge
from cupel.protocol.spec.task import TaskParams


@dataclass(slots=True)
class Obligations:
    """Sums over all tasks of `token`, in its smallest unit. Apply every event of the hub, in chain order."""

    token: str
    burn: str
    """The account that burned stake is credited to."""
    bounties: int = 0
    stakes: int = 0
    bonds: int = 0
    credits: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    _params: dict[bytes, TaskParams] = field(default_factory=dict)
    _payouts: dict[tuple[bytes, str], str] = field(default_factory=dict)
    _challenges: dict[int, Challenge] = field(default_factory=dict)

    @property
    def owed(self) -> int:
        """Everything together."""
        return self.bounties + self.stakes + self.bonds + sum(self.credits.values())

    def apply(self, event: object) -> None:
        """Take in one event; those of other tokens and those that move no money are passed over."""
        if isinstance(event, hub.TaskCreated) and event.params.token == self.token:
            self._params[event.task] = event.params
            self.bounties += event.units * event.params.rate
        elif isinstance(event, hub.Withdrawn) and event.token == self.token:
            self.credits[event.account] -= event.amount
        elif getattr(event, "task", None) in self._params:
            self._apply_to_task(event)
        elif getattr(event, "challenge_id", None) in self._challenges:
            self._end(event)

    def _apply_to_task(self, event: object) -> None:
        match event:
            case hub.BountyAdded():
                self.bounties += event.added * self._params[event.task].rate
            case hub.Refunded():
                self.bounties -= event.amount
                self.credits[event.creator] += event.amount
            case hub.Joined():
                self.stakes += self._params[event.task].stake
                self._payouts[event.task, event.node] = event.payout
            case hub.Exited():
                self.stakes -= event.stake
                self.credits[event.owner] += event.stake
            case hub.Claimed():
                self.bounties -= event.amount
                self.credits[event.payout] += event.amount
            case hub.Challenged():
                self.bonds += event.challenge.bond
                self._challenges[event.challenge_id] = event.challenge
            case hub.Slashed():
                # The challenger's part stands in the verdict that follows.
                self.stakes -= event.stake
                self.credits[self.burn] += event.burned
            case hub.Expired():
                self._end(event)

    def _end(self, event: object) -> None:
        """A challenge is over, and its bond with it."""
        match event:
            case hub.Resolved(guilty=False):
                challenge = self._challenges[event.challenge_id]
                self.bonds -= challenge.bond
                self.credits[self._payouts[challenge.task, challenge.node]] += challenge.bond
            case hub.Resolved() | hub.Dismissed() | hub.Mooted() | hub.Expired():
                challenge = self._challenges[event.challenge_id]
                self.bonds -= challenge.bond
                self.credits[challenge.challenger] += event.challenger_credit
