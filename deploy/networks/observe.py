"""What a chain shows of a plan."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from cupel.networks.compare import INSTRUCTIONS, Observed, has_right_code
from cupel.networks.endpoint import Endpoint
from cupel.networks.plan import Plan
from cupel.protocol.chain.errors import ChainError, ChainUnavailable

PROBE: Final = bytes.fromhex("60015f5d5f5c5f5260205f60205e60206020f3")
"""Creation code that returns the word 1 by way of PUSH0, TSTORE, TLOAD and MCOPY: what the contracts need beyond the
oldest chains. Without it a hub would deploy well on an old chain and then refuse every deposit."""


async def observe(endpoint: Endpoint, plan: Plan) -> Observed:
    """Everything that `compare` asks for, as of the newest block. ChainError if the endpoint fails."""
    chain_id = await endpoint.chain_id()
    if chain_id != plan.network.chain_id:
        return Observed(chain_id)
    block = await endpoint.head()
    addresses = {plan.network.proxy, *plan.outside.values(), *(each.address for each in plan.contracts)}
    code = {address: await endpoint.code(address, block) for address in sorted(addresses)}
    views = {
        (planned.address, argument.view): await endpoint.call(
            planned.address, planned.artefact.selectors[f"{argument.view}()"], block
        )
        for planned in plan.contracts
        if has_right_code(planned, code[planned.address])
        for argument in planned.arguments
    }
    return Observed(chain_id, await _instructions(endpoint, block), code, views)


async def created(endpoint: Endpoint, address: str) -> int:
    """Block in which a contract that is there was created. ChainError if the endpoint does not know the past."""

    async def exists(block: int) -> bool:
        return bool(await endpoint.code(address, block))

    return await first_block_where(exists, await endpoint.head())


async def first_block_where(holds: Callable[[int], Awaitable[bool]], head: int) -> int:
    """The first block from which on `holds` is true; it must be true of `head` and stay true once it is.

    Looks near the head first, because most endpoints know the recent past only.
    """
    low, high, step = -1, head, 1  # false at low (before the chain), true at high
    while high - low > 1:
        middle = max(high - step, low + 1) if low < 0 else (low + high) // 2
        if await holds(middle):
            high, step = middle, 2 * step
        else:
            low = middle
    return high


async def _instructions(endpoint: Endpoint, block: int) -> str:
    try:
        returned = await endpoint.run(PROBE, block)
    except ChainUnavailable:
        raise
    except ChainError as error:
        return str(error)
    return INSTRUCTIONS if int.from_bytes(returned, "big") == 1 else f"the probe returned 0x{returned.hex()}"
