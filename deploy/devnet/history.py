"""One task's story from the hub's logs. Pure: logs in, facts out."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Final

from cupel.devnet.facts import Challenge, Checkpoint, Claim, Membership, Slash, Withdrawal, Work
from cupel.protocol.chain.bindings import hub
from cupel.protocol.chain.charges import charge_of
from cupel.protocol.chain.contract import Event, Logged
from cupel.protocol.chain.deployments import Deployment

ZERO: Final = "0x" + "0" * 40


class History:
    """Takes in the hub's logs in chain order. `times` are block timestamps by number."""

    def __init__(self, task: bytes, deployment: Deployment, times: Mapping[int, int]) -> None:
        self._task = task
        self._deployment = deployment
        self._times = times
        self.created: hub.TaskCreated | None = None
        self.bounty = 0
        self.members: list[Membership] = []
        self.work: list[Work] = []
        self.challenges: dict[int, Challenge] = {}
        self.slashes: list[Slash] = []
        self.claims: list[Claim] = []
        self.withdrawals: list[Withdrawal] = []
        self.checkpoints: dict[int, Checkpoint] = {}

    def apply(self, logged: Logged[Event]) -> None:
        """Take in one log; those of other tasks are passed over."""
        event, transaction = logged.event, "0x" + logged.transaction_hash.hex()
        if getattr(event, "task", self._task) != self._task:
            return
        match event:
            case hub.TaskCreated():
                self.created, self.bounty = event, event.units * event.params.rate
            case hub.BountyAdded() if self.created is not None:
                self.bounty = event.units * self.created.params.rate
            case hub.Joined():
                self.members.append(Membership(event.node, event.payout, event.quota))
            case hub.Committed():
                self.work.append(
                    Work(event.node, event.round, event.sequence, event.units, event.time, transaction)
                )
            case hub.CheckpointPosted():
                # A digest can be posted again only when its poster was slashed: the newest stands.
                known = Checkpoint(event.version, "0x" + event.digest.hex(), event.node, event.time)
                self.checkpoints[event.version] = known
            case hub.Slashed():
                amounts = (event.stake, event.burned, event.rewarded)
                self.slashes.append(Slash(event.node, event.challenge_id, *amounts, event.time, transaction))
            case hub.Claimed():
                time = self._times[logged.block_number]
                self.claims.append(Claim(event.node, event.units, event.amount, time, transaction))
            case hub.Withdrawn(token=token) if token == self._deployment.token:
                time = self._times[logged.block_number]
                self.withdrawals.append(Withdrawal(event.account, event.amount, time, transaction))
            case hub.Challenged():
                self.challenges[event.challenge_id] = self._challenge(event, transaction)
            case hub.Resolved():
                self._close(event.challenge_id, event.guilty, event.time)
            case hub.Dismissed() | hub.Mooted() | hub.Expired():
                self._close(event.challenge_id, None, event.time)

    def _challenge(self, event: hub.Challenged, transaction: str) -> Challenge:
        charge = charge_of(self._deployment, event.challenge.judge, event.evidence)
        return Challenge(
            challenge_id=event.challenge_id,
            node=event.node,
            sequence=event.challenge.sequence,
            judge=charge.judge,
            accusation=charge.accusation,
            challenger=event.challenge.challenger,
            time=event.time,
            transaction=transaction,
            guilty=None,
            resolved_time=0,
        )

    def _close(self, challenge_id: int, guilty: bool | None, time: int) -> None:
        # A challenge decided at once is resolved in its own transaction; of other tasks' challenges we know nothing.
        challenge = self.challenges.get(challenge_id)
        if challenge is not None:
            self.challenges[challenge_id] = dataclasses.replace(challenge, guilty=guilty, resolved_time=time)
