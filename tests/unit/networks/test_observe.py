"""Reading a real chain: the first block of a contract, and the instructions that the contracts need."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cupel.networks.artefact import read_artefact
from cupel.networks.check import CONTRACTS
from cupel.networks.compare import INSTRUCTIONS
from cupel.networks.endpoint import Endpoint
from cupel.networks.network import read_network
from cupel.networks.observe import PROBE, first_block_where, observe
from cupel.networks.plan import make_plan, read_list
from cupel.protocol.chain.errors import ChainError, ChainUnavailable

ROOT = Path(__file__).resolve().parents[3]
# Instructions younger than the Paris fork, by number.
YOUNG = {0x1E: "CLZ", 0x49: "BLOBHASH", 0x4A: "BLOBBASEFEE", 0x5C: "TLOAD", 0x5D: "TSTORE"} | {
    0x5E: "MCOPY",
    0x5F: "PUSH0",
}


def young_instructions(code: bytes) -> set[str]:
    found, place = set(), 0
    while place < len(code):
        number = code[place]
        found |= {YOUNG[number]} if number in YOUNG else set()
        place += 1 + max(0, number - 0x5F if number <= 0x7F else 0)
    return found


@given(st.integers(0, 5000).flatmap(lambda head: st.tuples(st.integers(0, head), st.just(head))))
def test_the_first_block_is_found(case: tuple[int, int]) -> None:
    first, head = case
    asked: list[int] = []

    async def holds(block: int) -> bool:
        asked.append(block)
        return block >= first

    assert asyncio.run(first_block_where(holds, head)) == first
    assert len(asked) <= 26
    # Near the head only: most endpoints forget the rest.
    assert min(asked, default=head) >= head - 2 * (head - first) - 2


def test_the_probe_covers_what_the_contracts_use() -> None:
    used = set()
    for entry in read_list(ROOT / CONTRACTS):
        artefact = read_artefact(ROOT, entry.name)
        used |= young_instructions(artefact.creation_code)
    assert used
    assert used <= young_instructions(PROBE)
    assert all(name in INSTRUCTIONS for name in young_instructions(PROBE))


@pytest.mark.parametrize(("fork", "has_all"), [("cancun", True), ("shanghai", False)])
def test_an_old_chain_is_recognised(start_anvil: Any, fork: str, has_all: bool) -> None:
    network = read_network(ROOT / "deploy" / "networks" / "anvil.toml")
    plan = make_plan(network, read_list(ROOT / CONTRACTS), lambda name: read_artefact(ROOT, name))

    async def instructions(url: str) -> str:
        async with Endpoint(url) as endpoint:
            return (await observe(endpoint, plan)).instructions

    with start_anvil("--hardfork", fork) as anvil:
        assert (asyncio.run(instructions(anvil.rpc_url)) == INSTRUCTIONS) is has_all


def test_refusals_and_silence_are_different_things(anvil: Any) -> None:
    async def ask(url: str) -> None:
        async with Endpoint(url) as endpoint:
            await endpoint.code("no address", 0)

    with pytest.raises(ChainError, match="eth_getCode: ") as refused:
        asyncio.run(ask(anvil.rpc_url))
    assert not isinstance(refused.value, ChainUnavailable)
    with pytest.raises(ChainUnavailable, match="does not answer"):
        asyncio.run(ask("http://127.0.0.1:1"))
