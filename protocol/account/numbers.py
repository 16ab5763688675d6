"""Observed and allowed numbers of a charge: from its evidence on the chain, or from the document that it names.

The document comes from whoever serves it, the accuser first, and counts only if it has the digest on the chain.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, Final

import aiohttp
from eth_abi.abi import decode as abi_decode
from eth_abi.exceptions import DecodingError

from cupel.protocol.account.reading import HubReading
from cupel.protocol.account.why import Answer, Contest
from cupel.protocol.chain.bindings.sorting_reward import SortingReward
from cupel.protocol.chain.client import ChainClient
from cupel.protocol.chain.errors import ChainUnavailable, ContractError
from cupel.protocol.chain.ledger import TaskLedger
from cupel.protocol.chain.opening import chain_of
from cupel.protocol.network.endpoint import Endpoint
from cupel.protocol.settings import Settings
from cupel.protocol.spec.assignment import assigned_work, round_seed
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.evidence_document import MAX_EVIDENCE_BYTES, EvidenceDocument
from cupel.protocol.spec.fraud import EVIDENCE_ABI, PAYLOAD_ABI, ObjectiveKind
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.rollout import RolloutLeaf
from cupel.protocol.spec.shardcast.cid import Cid

FETCH_SECONDS: Final = 3.0
MOST_ASKED: Final = 8
_TOKENS: Final = 2
"""Place of the tokens in evidence of a wrong reward."""


async def with_numbers(
    settings: Settings, reading: HubReading, ledger: TaskLedger, node: str, answers: Iterable[Answer]
) -> tuple[Answer, ...]:
    """The answers about a node, their challenges with numbers as far as chain and peers tell them."""
    async with chain_of(settings, None) as chain:
        return tuple([await _told(chain, reading, ledger, node, answer) for answer in answers])


async def _told(
    chain: ChainClient, reading: HubReading, ledger: TaskLedger, node: str, answer: Answer
) -> Answer:
    contests = []
    for contest in answer.contests:
        found = contest
        if contest.judge == "ObjectiveJudge":
            seed = _seed(chain, reading, ledger, node, answer.round)
            found = await _of_evidence(chain, ledger, seed, contest)
        elif contest.document is not None:
            urls = _urls(reading.ledger.endpoints, contest.challenger)
            found = with_document(contest, await fetched(contest.document, urls))
        contests.append(found)
    return dataclasses.replace(answer, contests=tuple(contests))


def with_document(contest: Contest, document: EvidenceDocument | None) -> Contest:
    """The challenge with what its document tells."""
    if document is None:
        return contest
    return dataclasses.replace(
        contest, observed=document.observed, allowed=document.allowed, detail=document.detail
    )


async def _of_evidence(chain: ChainClient, ledger: TaskLedger, seed: bytes, contest: Contest) -> Contest:
    try:
        number, payload = abi_decode(EVIDENCE_ABI, contest.evidence)
        kind = ObjectiveKind(number)
        values = abi_decode(PAYLOAD_ABI[kind], payload)
    except (DecodingError, OverflowError, ValueError):
        return contest
    if kind is ObjectiveKind.WRONG_REWARD:
        return await _wrong_reward(chain, ledger, contest, values)
    return assigned_numbers(ledger, seed, contest, kind, values)


def assigned_numbers(
    ledger: TaskLedger, seed: bytes, contest: Contest, kind: ObjectiveKind, values: tuple[Any, ...]
) -> Contest:
    """The numbers of what the chain alone decides: assignments and repeated proofs. seed: the round's. Pure."""
    if kind is ObjectiveKind.REPEATED_PROOF:
        leaf, twin = RolloutLeaf(*values[0]), RolloutLeaf(*values[3])
        observed = f"one TOPLOC root for the problems {leaf.problem} and {twin.problem}"
        return _numbered(contest, leaf, observed, "one problem a root")
    if kind is not ObjectiveKind.WRONG_ASSIGNMENT:
        return contest
    leaf, params = RolloutLeaf(*values[0]), ledger.params
    (assigned,) = assigned_work(seed, params, (leaf.index,), None)
    if leaf.problem != assigned.problem:
        return _numbered(contest, leaf, f"problem {leaf.problem}", f"problem {assigned.problem}")
    if leaf.seed != assigned.seed:
        return _numbered(contest, leaf, f"seed 0x{leaf.seed.hex()}", f"seed 0x{assigned.seed.hex()}")
    if not 0 < leaf.num_tokens <= params.max_tokens:
        return _numbered(contest, leaf, f"{leaf.num_tokens} tokens", f"1 to {params.max_tokens} tokens")
    policy = f"policy version {leaf.policy_version}, digest 0x{leaf.policy_digest.hex()}"
    return _numbered(contest, leaf, policy, f"a version at most {params.max_staleness} rounds old, as posted")


async def _wrong_reward(
    chain: ChainClient, ledger: TaskLedger, contest: Contest, values: tuple[Any, ...]
) -> Contest:
    leaf, tokens = RolloutLeaf(*values[0]), values[_TOKENS]
    if leaf.num_tokens != len(tokens):
        return _numbered(contest, leaf, f"{leaf.num_tokens} tokens", f"{len(tokens)} tokens")
    with suppress(ChainUnavailable, ContractError):
        # Every rule has the interface of this one.
        right = await SortingReward(chain, ledger.params.reward_rule.code).reward(leaf.problem, tokens)
        return _numbered(contest, leaf, f"reward {leaf.reward} millionths", f"reward {right} millionths")
    return _numbered(contest, leaf, f"reward {leaf.reward} millionths", "")


def _numbered(contest: Contest, leaf: RolloutLeaf, observed: str, allowed: str) -> Contest:
    return dataclasses.replace(contest, rollout=leaf.index, observed=observed, allowed=allowed)


def _seed(chain: ChainClient, reading: HubReading, ledger: TaskLedger, node: str, number: int) -> bytes:
    beacon = ledger.beacons.get(number, bytes(32))
    return round_seed(chain.chain_id, reading.deployment.hub, ledger.task, node, number, beacon)


def _urls(endpoints: Mapping[str, str], first: str) -> list[str]:
    """Block servers to ask, the accuser's first."""
    urls = []
    for _, text in sorted(endpoints.items(), key=lambda item: item[0] != first):
        with suppress(Rejected):
            endpoint = Endpoint.parse(text)
            if endpoint.accepts:
                urls.append(endpoint.data_url)
    return urls[:MOST_ASKED]


async def fetched(digest: bytes, urls: Iterable[str]) -> EvidenceDocument | None:
    """The document of a digest from whoever of these block servers has it; None if nobody does."""
    path = f"/ipfs/{Cid.from_digest(digest)}?format=raw"
    timeout = aiohttp.ClientTimeout(total=FETCH_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        found = await asyncio.gather(*(_asked(session, url + path, digest) for url in urls))
    return next((document for document in found if document is not None), None)


async def _asked(session: aiohttp.ClientSession, url: str, digest: bytes) -> EvidenceDocument | None:
    with suppress(aiohttp.ClientError, OSError, TimeoutError, ValueError, Rejected):
        async with session.get(url) as answer:
            if not 0 < (answer.content_length or 0) <= MAX_EVIDENCE_BYTES:
                return None
            data = await answer.read()
        if sha256(data) == digest:
            return EvidenceDocument.from_bytes(data)
    return None
