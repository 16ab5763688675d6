"""Carrying out what `collecting` decides: transactions, or their price."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cupel.protocol.account.collecting import claimable, exit_time
from cupel.protocol.account.reading import HubReading, read_hub
from cupel.protocol.chain.bindings.hub import Hub
from cupel.protocol.chain.client import ChainClient
from cupel.protocol.chain.contract import Call
from cupel.protocol.chain.deployments import Deployment
from cupel.protocol.chain.opening import chain_of
from cupel.protocol.chain.signing import AnyAccount, RemoteAccount
from cupel.protocol.config import ConfigError
from cupel.protocol.keys import load_account
from cupel.protocol.settings import Settings


@dataclass(frozen=True, slots=True)
class Step:
    """One transaction, sent or only priced."""

    action: str
    amount: int
    """Of the task's token, in its smallest unit."""
    gas: int
    wei: int
    transaction: str
    """Empty if nothing was sent."""

    def plain(self) -> dict[str, Any]:
        """For JSON: amounts as strings."""
        return {
            "action": self.action,
            "amount": str(self.amount),
            "gas": self.gas,
            "wei": str(self.wei),
            "transaction": self.transaction,
        }

    def __str__(self) -> str:
        sent = self.transaction or "not sent"
        return f"{self.action:<10} {self.amount} of the token, {self.gas:,} gas, {self.wei / 10**18:.6f} coins  {sent}"


async def collect(settings: Settings, node: str | None, dry_run: bool) -> list[Step]:
    """Claim, exit and withdraw, as far as each is due. ConfigError for an account that never joined.

    A dry run prices what is due now; what one step makes due, as a withdrawal of fresh credit, it does not show.
    """
    deployment = Deployment.read(Path(settings.deployment), settings.chain_id)
    steps: list[Step] = []
    async with AsyncExitStack() as stack:
        account: AnyAccount
        if settings.owner and not settings.keystore:
            account = await stack.enter_async_context(RemoteAccount(settings.owner, settings.chain_id))
        else:
            account = load_account(settings)
        chain = await stack.enter_async_context(chain_of(settings, account))
        contract = Hub(chain, deployment.hub)
        whose = str(account.address) if node is None else node
        reading = await read_hub(settings)
        member = reading.task(settings.task).members.get(whose)
        if member is None:
            remedy = "`cupel status --task newest` lists who did"
            raise ConfigError("node", f"{whose} never joined this task", remedy)
        while (due := _due(reading, settings.task, whose, contract)) is not None:
            steps.append(await _take(chain, *due, dry_run))
            if dry_run:
                break
            reading = await read_hub(settings)
        token = reading.task(settings.task).params.token
        for owed in sorted({member.payout, member.owner}):
            credit = await contract.credit(token, owed)
            if credit:
                steps.append(await _take(chain, "withdraw", credit, contract.withdraw(token, owed), dry_run))
    return steps


def _due(reading: HubReading, selector: str, node: str, contract: Hub) -> tuple[str, int, Call[None]] | None:
    ledger = reading.task(selector)
    batch = claimable(ledger, node, reading.now)
    if batch:
        amount = sum(commitment.units for commitment in batch) * ledger.params.rate
        return "claim", amount, contract.claim(ledger.params, node, batch)
    at = exit_time(ledger, node)
    settled = ledger.members[node].paid == len(ledger.commitments(node))
    if at is not None and settled and reading.now >= at:
        return "exit", ledger.params.stake, contract.exit(ledger.params, node)
    return None


async def _take(chain: ChainClient, action: str, amount: int, call: Call[None], dry_run: bool) -> Step:
    fee = await chain.base_fee()
    if dry_run:
        gas = await chain.estimate(call)
        return Step(action, amount, gas, gas * fee, "")
    receipt = await chain.send(call)
    return Step(
        action, amount, receipt.gas_used, receipt.gas_used * fee, "0x" + receipt.transaction_hash.hex()
    )
