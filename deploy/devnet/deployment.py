"""Puts Cupel's contracts on a local chain and gives the participants something to stake and to spend."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Final

from eth_account import Account

from cupel.devnet.rpc import LocalRpc
from cupel.protocol.chain.bindings.aggregate_judge import AggregateJudge
from cupel.protocol.chain.bindings.attention_judge import AttentionJudge
from cupel.protocol.chain.bindings.canonical_judge import CanonicalJudge
from cupel.protocol.chain.bindings.canonical_steps import CanonicalSteps
from cupel.protocol.chain.bindings.data_judge import DataJudge
from cupel.protocol.chain.bindings.hub import Hub
from cupel.protocol.chain.bindings.jury_judge import JuryJudge
from cupel.protocol.chain.bindings.objective_judge import ObjectiveJudge
from cupel.protocol.chain.bindings.sorting_reward import SortingReward
from cupel.protocol.chain.bindings.structs import AggregateRule, RefereeShape, ToplocThresholds
from cupel.protocol.chain.bindings.test_token import TestToken
from cupel.protocol.chain.client import ChainClient
from cupel.protocol.chain.contract import ZERO_ADDRESS, Contract
from cupel.protocol.chain.deployments import Deployment
from cupel.protocol.config import ConfigError
from cupel.protocol.spec.aggregate.game import Terms as AggregateTerms
from cupel.protocol.spec.referee.game import Terms
from cupel.protocol.spec.task import ModelShape

COINS: Final = 100 * 10**18
"""Wei that every account gets for gas: a whole demo costs a small part of one coin."""


@dataclass(frozen=True, slots=True)
class JuryTerms:
    """How the devnet's honest-majority jury works; `IJuryJudge` explains the terms."""

    size: int
    max_appeals: int
    commit_seconds: int
    reveal_seconds: int
    appeal_seconds: int
    grace_seconds: int
    juror_stake: int

    @property
    def needed_seconds(self) -> int:
        """Least dispute time of a task: all rounds, their appeals, and the grace."""
        voting = (self.max_appeals + 1) * (self.commit_seconds + self.reveal_seconds)
        return voting + self.max_appeals * self.appeal_seconds + self.grace_seconds


@dataclass(frozen=True, slots=True)
class DataTerms:
    """How long the devnet's nodes have to show demanded data."""

    answer_seconds: int
    close_seconds: int


async def deploy(
    rpc_url: str,
    chain_id: int,
    artefacts: Path,
    jury: JuryTerms,
    data: DataTerms,
    canonical: Terms,
    aggregate: AggregateTerms | None = None,
) -> Deployment:
    """Deploy all ten contracts from an account made for this; without `aggregate`, none that judges versions.

    ConfigError if a contract was not built; ChainError if the chain refuses.
    """
    deployer = Account.create()
    async with AsyncExitStack() as stack:
        rpc = await stack.enter_async_context(LocalRpc(rpc_url))
        await rpc.set_balance(deployer.address, COINS)
        await stack.enter_async_context(rpc.instant_blocks())
        client = await stack.enter_async_context(ChainClient(rpc_url, deployer, chain_id))
        first_block = await client.head()

        async def put(kind: type[Contract], arguments: bytes) -> str:
            return await client.deploy(kind.NAME, creation_code(artefacts, kind.NAME) + arguments)

        token = await put(TestToken, TestToken.constructor())
        hub = await put(Hub, Hub.constructor())
        jury_arguments = JuryJudge.constructor(
            hub,
            token,
            jury.size,
            jury.max_appeals,
            jury.commit_seconds,
            jury.reveal_seconds,
            jury.appeal_seconds,
            jury.grace_seconds,
            jury.juror_stake,
        )
        steps = await put(CanonicalSteps, CanonicalSteps.constructor())
        attention_arguments = AttentionJudge.constructor(
            hub, steps, referee_shape(canonical.shape), canonical.clock_seconds, canonical.grace_seconds
        )
        return Deployment(
            chain_id=chain_id,
            first_block=first_block,
            hub=hub,
            token=token,
            objective_judge=await put(ObjectiveJudge, ObjectiveJudge.constructor(hub)),
            jury_judge=await put(JuryJudge, jury_arguments),
            data_judge=await put(
                DataJudge, DataJudge.constructor(hub, data.answer_seconds, data.close_seconds)
            ),
            canonical_judge=await put(
                CanonicalJudge,
                CanonicalJudge.constructor(
                    hub,
                    steps,
                    await put(AggregateJudge, aggregate_arguments(hub, aggregate))
                    if aggregate
                    else ZERO_ADDRESS,
                    referee_shape(canonical.shape),
                    ToplocThresholds(*astuple(canonical.thresholds)),
                    canonical.clock_seconds,
                    canonical.grace_seconds,
                ),
            ),
            sorting_reward=await put(SortingReward, SortingReward.constructor()),
            attention_judge=await put(AttentionJudge, attention_arguments),
        )


def aggregate_arguments(hub: str, terms: AggregateTerms) -> bytes:
    """A judge of versions' constructor arguments."""
    rule = terms.aggregation
    packed = AggregateRule(
        terms.parameters,
        rule.learning_rate_numerator,
        rule.learning_rate_denominator,
        rule.momentum_numerator,
        rule.momentum_denominator,
        terms.max_exponent_offset,
    )
    return AggregateJudge.constructor(hub, packed, terms.clock_seconds, terms.grace_seconds)


def referee_shape(shape: ModelShape) -> RefereeShape:
    """A model's shape as the judge takes it."""
    return RefereeShape(
        shape.vocabulary, shape.layers, shape.width, shape.heads, shape.feed_forward, shape.positions
    )


async def fund(rpc_url: str, deployment: Deployment, tokens: Mapping[str, int]) -> None:
    """Give every account coins for gas and its amount of test tokens (smallest unit)."""
    minter = Account.create()
    async with AsyncExitStack() as stack:
        rpc = await stack.enter_async_context(LocalRpc(rpc_url))
        for account in (minter.address, *tokens):
            await rpc.set_balance(account, COINS)
        await stack.enter_async_context(rpc.instant_blocks())
        client = await stack.enter_async_context(ChainClient(rpc_url, minter, deployment.chain_id))
        token = TestToken(client, deployment.token)
        for account, amount in tokens.items():
            await client.send(token.mint(account, amount))


def creation_code(artefacts: Path, name: str) -> bytes:
    """Creation code of a built contract, without constructor arguments. ConfigError if there is none."""
    path = artefacts / f"{name}.sol" / f"{name}.json"
    try:
        code = json.loads(path.read_text(encoding="utf-8"))["bytecode"]["object"]
        return bytes.fromhex(code.removeprefix("0x"))
    except (OSError, ValueError, KeyError, TypeError):
        raise ConfigError(
            "contracts", f"{path} holds no compiled {name}", "Run `make setup` to build it"
        ) from None
