"""Following the hub: an endpoint that leaves events out is read again from the first block, and nothing breaks."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from cupel.protocol.chain.bindings import hub
from cupel.protocol.chain.contract import Event, Logged
from cupel.protocol.chain.deployments import Deployment
from cupel.protocol.chain.errors import ChainUnavailable, EventsMissing
from cupel.protocol.participant import Participant
from cupel.protocol.testing.vectors import HUB, NODE, example_params

TASK = b"\7" * 32
CREATED = hub.TaskCreated(TASK, NODE, example_params(), 16)
JOINED = hub.Joined(TASK, NODE, NODE, NODE, 16, 0)
EXITED = hub.ExitRequested(TASK, NODE, 7)


@dataclass
class FakeChain:
    """One event a block; `hidden` ones are left out."""

    events: list[Event]
    address: str = NODE
    account: object = NODE
    hidden: set[int] = field(default_factory=set)

    async def head(self) -> int:
        return len(self.events)

    async def block_hash(self, number: int) -> bytes:
        return number.to_bytes(32, "big")

    async def logs_in(self, contract: Any, number: int, block_hash: bytes) -> tuple[Logged[Event], ...]:
        if number in self.hidden:
            return ()
        return (Logged(self.events[number - 1], HUB, number, block_hash, bytes(32), 0),)


class NoSwarm:
    def set_peers(self, endpoints: dict[str, str]) -> None:
        self.endpoints = endpoints


def follow(chain: FakeChain) -> Participant:
    deployment = Deployment(31337, 1, HUB, *[HUB] * 6)
    return Participant(chain, deployment, None, NoSwarm(), None)  # type: ignore[arg-type]


def test_an_event_that_was_left_out_is_found_at_the_next_look() -> None:
    chain = FakeChain([CREATED, JOINED, EXITED], hidden={2})
    one = follow(chain)
    with pytest.raises(EventsMissing, match="ExitRequested refers to something"):
        asyncio.run(one.refresh())
    chain.hidden = set()
    fresh = asyncio.run(one.refresh())
    assert [logged.event for logged in fresh] == [CREATED, JOINED, EXITED]
    assert one.ledger.tasks[TASK].members[NODE].exit_requested_at == 7
    assert one.known_block == 3
    assert asyncio.run(one.refresh()) == ()


def test_while_events_are_missing_the_earlier_view_stays() -> None:
    chain = FakeChain([CREATED, JOINED])
    one = follow(chain)
    asyncio.run(one.refresh())
    chain.events.append(hub.Resolved(9, True, 0, 8))
    for _ in range(3):
        with pytest.raises(ChainUnavailable):
            asyncio.run(one.refresh())
        assert set(one.ledger.tasks[TASK].members) == {NODE}
