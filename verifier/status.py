"""`cupel verifier status`: what the chain and the data folder say of one verifier."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cupel.protocol.chain.bindings import hub
from cupel.protocol.chain.bindings.hub import Hub
from cupel.protocol.chain.bindings.structs import ChallengeStatus
from cupel.protocol.chain.bindings.test_token import TestToken
from cupel.protocol.chain.cursor import LogCursor
from cupel.protocol.chain.deployments import Deployment
from cupel.protocol.chain.ledger import HubLedger, TaskLedger
from cupel.protocol.chain.opening import chain_of
from cupel.protocol.config import ConfigError
from cupel.protocol.keys import load_account
from cupel.protocol.settings import Settings
from cupel.verifier.evidence import Judges
from cupel.verifier.meters import STATUS_FILE


@dataclass(frozen=True, slots=True)
class OpenDispute:
    """A challenge of ours that awaits its verdict."""

    challenge_id: int
    node: str
    sequence: int
    judge: str
    seconds_left: int
    """Until the hub gives up waiting; negative once it may be expired."""


@dataclass(frozen=True, slots=True)
class ChainStatus:
    """Money and disputes as the chain tells them. Amounts in the token's smallest unit."""

    account: str
    challenges: int
    convicted: int
    false_alarms: int
    """Challenges that a judge found not guilty: each cost a bond."""
    returned: int
    """Dismissed, moot or expired: the bond came back."""
    open: tuple[OpenDispute, ...]
    rewards: int
    """Shares of slashed stakes."""
    bonds_lost: int
    bonds_at_stake: int

    @property
    def profit(self) -> int:
        """Rewards less bonds lost; gas is paid in another coin and counted apart."""
        return self.rewards - self.bonds_lost


def chain_status(
    account: str, ledgers: Iterable[TaskLedger], events: Iterable[object], judges: Judges, now: int
) -> ChainStatus:
    """A verifier's record, from the hub's state and its events in chain order. Pure."""
    records = {
        identifier: (record, ledger.params)
        for ledger in ledgers
        for identifier, record in ledger.challenges.items()
        if record.challenger == account
    }
    rewards = sum(
        event.rewarded for event in events if isinstance(event, hub.Slashed) and event.challenge_id in records
    )
    by_status: dict[ChallengeStatus, list[int]] = {}
    for identifier, (record, _) in records.items():
        by_status.setdefault(record.status, []).append(identifier)
    pending = by_status.get(ChallengeStatus.PENDING, [])
    lost = by_status.get(ChallengeStatus.NOT_GUILTY, [])
    disputes = tuple(
        OpenDispute(
            identifier,
            record.node,
            record.sequence,
            judges.name_of(record.challenge.judge) or record.challenge.judge,
            record.time + params.dispute_seconds - now,
        )
        for identifier, (record, params) in records.items()
        if identifier in pending
    )
    settled = (ChallengeStatus.DISMISSED, ChallengeStatus.MOOT, ChallengeStatus.EXPIRED)
    return ChainStatus(
        account=account,
        challenges=len(records),
        convicted=len(by_status.get(ChallengeStatus.GUILTY, [])),
        false_alarms=len(lost),
        returned=sum(len(by_status.get(status, [])) for status in settled),
        open=disputes,
        rewards=rewards,
        bonds_lost=sum(records[identifier][1].bond for identifier in lost),
        bonds_at_stake=sum(records[identifier][1].bond for identifier in pending),
    )


def read_meters(folder: Path) -> dict[str, Any] | None:
    """What the running verifier last wrote; None if it never ran here. ConfigError for what it did not write."""
    path = folder / STATUS_FILE
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        assert isinstance(document, dict)
        return document
    except FileNotFoundError:
        return None
    except (OSError, ValueError, AssertionError):
        raise ConfigError("data_dir", f"{path} is not a verifier's status", "Remove it") from None


async def read_status(settings: Settings, now: float) -> dict[str, Any]:
    """Everything, as plain values; amounts are decimal strings. now: Unix seconds. ChainUnavailable, ConfigError."""
    account = load_account(settings)
    deployment = Deployment.read(Path(settings.deployment), settings.chain_id)
    async with chain_of(settings, None) as chain:
        contract = Hub(chain, deployment.hub)
        progress = await LogCursor(chain, contract, deployment.first_block).advance()
        events = [logged.event for logged in progress.events]
        ledger = HubLedger()
        for event in events:
            ledger.apply(event)
        chain_now, head = await chain.now(), await chain.head()
        tokens = sorted({task.params.token for task in ledger.tasks.values()})
        credit = {token: str(await contract.credit(token, account.address)) for token in tokens}
        wallet = {token: str(await TestToken(chain, token).balance_of(account.address)) for token in tokens}
    judges = Judges(
        deployment.objective_judge,
        deployment.jury_judge,
        deployment.data_judge,
        deployment.canonical_judge,
    )
    status = chain_status(account.address, ledger.tasks.values(), events, judges, chain_now)
    meters = read_meters(Path(settings.data_dir))
    return {
        "account": status.account,
        "chain": {"block": head, "time": chain_now},
        "challenges": {
            "brought": status.challenges,
            "convicted": status.convicted,
            "false_alarms": status.false_alarms,
            "returned": status.returned,
        },
        "open": [
            {
                "challenge_id": str(dispute.challenge_id),
                "node": dispute.node,
                "sequence": dispute.sequence,
                "judge": dispute.judge,
                "seconds_left": dispute.seconds_left,
            }
            for dispute in status.open
        ],
        "money": {
            "rewards": str(status.rewards),
            "bonds_lost": str(status.bonds_lost),
            "bonds_at_stake": str(status.bonds_at_stake),
            "profit": str(status.profit),
            "credit": credit,
            "wallet": wallet,
        },
        "process": None if meters is None else {"age_seconds": int(now) - meters["written"], **meters},
    }
