"""Reads a finished demo from the chain: the facts that the verdict and the report rest on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cupel.devnet.facts import ChainFacts, GasUse, HubMoney, Terms
from cupel.devnet.history import ZERO, History
from cupel.devnet.rpc import LocalRpc
from cupel.protocol.chain.bindings.canonical_judge import CanonicalJudge
from cupel.protocol.chain.bindings.hub import Hub, TaskCreated
from cupel.protocol.chain.bindings.test_token import TestToken, Transfer
from cupel.protocol.chain.client import ChainClient
from cupel.protocol.chain.contract import checksum
from cupel.protocol.chain.deployments import Deployment
from cupel.protocol.chain.obligations import Obligations
from cupel.protocol.spec.task import TaskParams

_BATCH_BLOCKS: Final = 100
CONTRACTS: Final = (
    "Hub",
    "TestToken",
    "ObjectiveJudge",
    "JuryJudge",
    "DataJudge",
    "CanonicalJudge",
    "AttentionJudge",
    "SortingReward",
    "AggregateJudge",
)


@dataclass(frozen=True, slots=True)
class ChainSnapshot:
    """What the hub holds now, for the live screen."""

    block: int
    timestamp: int
    hub: HubMoney
    burned: int


class Auditor:
    """Keeps the hub's obligations up to date with its events, for as long as a demo runs."""

    def __init__(self, client: ChainClient, deployment: Deployment) -> None:
        self._client = client
        self._hub, self._token = Hub(client, deployment.hub), TestToken(client, deployment.token)
        self._next = deployment.first_block
        self._obligations: Obligations | None = None

    async def read(self) -> ChainSnapshot:
        """The chain's newest block and the hub's money then. ChainUnavailable if it does not answer."""
        hub, token = self._hub, self._token
        burn = await hub.burn()
        obligations = self._obligations or Obligations(token.address, burn)
        head = await self._client.head()
        for logged in await self._client.logs(hub, self._next, head):
            obligations.apply(logged.event)
        self._obligations, self._next = obligations, head + 1
        burned = obligations.credits[burn] + await token.balance_of(burn)
        money = _hub_money(obligations, await token.balance_of(hub.address))
        return ChainSnapshot(head, await self._client.now(), money, burned)


async def read_facts(client: ChainClient, deployment: Deployment, task: bytes, artefacts: Path) -> ChainFacts:
    """Everything the chain says of a task and its participants. ChainError if it does not answer."""
    last = await client.head()
    hub, token = Hub(client, deployment.hub), TestToken(client, deployment.token)
    blocks = await _read_blocks(client.rpc_url, deployment.first_block, last)
    burn = await hub.burn()
    history, obligations = History(task, deployment, blocks.times), Obligations(deployment.token, burn)
    for logged in await client.logs(hub, deployment.first_block, last):
        history.apply(logged)
        obligations.apply(logged.event)
    created = history.created
    assert created is not None, "a demo is judged after its task was created"
    funded = _minted([item.event for item in await client.logs(token, deployment.first_block, last)])
    aggregate = await CanonicalJudge(client, deployment.canonical_judge).aggregate()
    accounts = {*funded, *(member.payout for member in history.members), burn, deployment.jury_judge}
    return ChainFacts(
        block=last,
        creator=created.params.creator,
        hub_address=deployment.hub,
        jury_address=deployment.jury_judge,
        burn_address=burn,
        terms=_terms(created, history.bounty),
        members=tuple(history.members),
        work=tuple(history.work),
        challenges=tuple(history.challenges.values()),
        slashes=tuple(history.slashes),
        claims=tuple(history.claims),
        withdrawals=tuple(history.withdrawals),
        checkpoints=tuple(history.checkpoints.values()),
        gas=blocks.gas(deployment, aggregate, _functions(artefacts)),
        hub=_hub_money(obligations, await token.balance_of(hub.address)),
        funded=funded,
        balances={account: await token.balance_of(account) for account in accounts},
        credits={account: await hub.credit(deployment.token, account) for account in accounts},
    )


def _hub_money(obligations: Obligations, balance: int) -> HubMoney:
    credited = sum(obligations.credits.values())
    return HubMoney(balance, obligations.bounties, obligations.stakes, obligations.bonds, credited)


def _terms(created: TaskCreated, bounty: int) -> Terms:
    params: TaskParams = created.params
    return Terms(
        task_id="0x" + created.task.hex(),
        start=params.start,
        rounds=params.rounds,
        round_seconds=params.round_seconds,
        units_per_round=params.units_per_round,
        rate=params.rate,
        stake=params.stake,
        bond=params.bond,
        bounty=bounty,
    )


def _minted(events: Iterable[object]) -> dict[str, int]:
    funded: dict[str, int] = {}
    for event in events:
        if isinstance(event, Transfer) and event.from_ == ZERO:
            funded[event.to] = funded.get(event.to, 0) + event.value
    return funded


@dataclass(frozen=True, slots=True)
class _Blocks:
    """Timestamps by block number, and every transaction with its receipt."""

    times: Mapping[int, int]
    transactions: tuple[tuple[dict[str, Any], dict[str, Any]], ...]

    def gas(
        self, deployment: Deployment, aggregate: str, functions: Mapping[str, Mapping[str, str]]
    ) -> tuple[GasUse, ...]:
        """What each call of our contracts cost; deployments and transactions of other contracts are left out.

        aggregate: the judge of versions, which the judge of computation names.
        """
        addresses = (
            deployment.hub,
            deployment.token,
            deployment.objective_judge,
            deployment.jury_judge,
            deployment.data_judge,
            deployment.canonical_judge,
            deployment.attention_judge,
            deployment.sorting_reward,
            aggregate,
        )
        names = dict(zip(addresses, CONTRACTS, strict=True))
        uses = []
        for transaction, receipt in self.transactions:
            contract = names.get(checksum(transaction["to"])) if transaction["to"] else None
            if contract is None:
                continue
            selector = transaction["input"][2:10]
            action = f"{contract}.{functions[contract].get(selector, selector)}"
            gas = int(receipt["gasUsed"], 16)
            failed = "" if int(receipt["status"], 16) == 1 else " (reverted)"
            uses.append(GasUse(checksum(transaction["from"]), action + failed, transaction["hash"], gas))
        return tuple(uses)


async def _read_blocks(url: str, first: int, last: int) -> _Blocks:
    times: dict[int, int] = {}
    transactions: list[tuple[dict[str, Any], dict[str, Any]]] = []
    async with LocalRpc(url) as rpc:
        for start in range(first, last + 1, _BATCH_BLOCKS):
            numbers = range(start, min(start + _BATCH_BLOCKS, last + 1))
            blocks = await rpc.batch([("eth_getBlockByNumber", (hex(number), True)) for number in numbers])
            times |= {int(block["number"], 16): int(block["timestamp"], 16) for block in blocks}
            sent = [transaction for block in blocks for transaction in block["transactions"]]
            if sent:
                receipts = await rpc.batch([("eth_getTransactionReceipt", (item["hash"],)) for item in sent])
                transactions += zip(sent, receipts, strict=True)
    return _Blocks(times, tuple(transactions))


def _functions(artefacts: Path) -> dict[str, dict[str, str]]:
    """Function names by contract and selector."""
    found = {}
    for name in CONTRACTS:
        artefact = json.loads((artefacts / f"{name}.sol" / f"{name}.json").read_text(encoding="utf-8"))
        identifiers: dict[str, str] = artefact["methodIdentifiers"]
        found[name] = {selector: signature.split("(")[0] for signature, selector in identifiers.items()}
    return found
