"""The challenge behind a judge's event: the judge tells its number alone, the hub told the rest in the same block."""

from __future__ import annotations

from cupel.protocol.chain.bindings.hub import Challenged, Hub
from cupel.protocol.chain.bindings.structs import Challenge
from cupel.protocol.chain.client import ChainClient
from cupel.protocol.chain.contract import Event, Logged


async def challenges_beside(chain: ChainClient, hub: Hub, opened: Logged[Event]) -> dict[int, Challenge]:
    """The hub's challenges of an event's block, by number. ChainUnavailable."""
    logs = await chain.logs_in(hub, opened.block_number, opened.block_hash)
    return {one.event.challenge_id: one.event.challenge for one in logs if isinstance(one.event, Challenged)}
