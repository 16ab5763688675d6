"""Following the hub: an endpoint that leaves events out is read again from the first block, and nothing breaks."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from cupel.protocol import patience
from cupel.protocol.chain.answers import Block
from cupel.protocol.chain.bindings import hub
from cupel.protocol.chain.contract import Event, Logged
from cupel.protocol.chain.deployments import Deployment
from cupel.protocol.chain.errors import ChainUnavailable, EventsMissing
from cupel.protocol.network import BlockUnavailable
from cupel.protocol.participant import Participant
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.shardcast.cid import Cid
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

    async def block(self, number: int) -> Block:
        parent = (number - 1).to_bytes(32, "big")
        return Block(number, number.to_bytes(32, "big"), parent, timestamp=0, base_fee=0)

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


OTHER_TASK = b"\10" * 32
FIRST_END = example_params().start + example_params().rounds * example_params().round_seconds


@dataclass
class Clock(FakeChain):
    """The same with a time."""

    time: int = 0

    async def now(self) -> int:
        return self.time


def found(chain: Clock, settling: bool = False) -> bytes | None:
    """The task that `newest` is; None while it waits."""

    async def look() -> bytes | None:
        one = follow(chain)
        await one.refresh()
        ledger = await one._select("newest", settling)
        return None if ledger is None else ledger.task

    return asyncio.run(look())


def test_the_newest_task_is_one_that_is_not_over() -> None:
    other = hub.TaskCreated(OTHER_TASK, NODE, example_params(), 16)
    assert found(Clock([CREATED, other], time=FIRST_END - 1)) == OTHER_TASK
    assert found(Clock([CREATED, other], time=FIRST_END)) is None


def test_a_task_that_settles_still_has_work_for_verifiers() -> None:
    params = example_params()
    settled = FIRST_END + params.challenge_window + params.dispute_seconds
    assert found(Clock([CREATED], time=settled - 1), settling=True) == TASK
    assert found(Clock([CREATED], time=settled), settling=True) is None


def test_a_node_that_was_down_at_the_end_goes_back_for_its_stake() -> None:
    other = hub.TaskCreated(OTHER_TASK, NODE, example_params(), 16)
    assert found(Clock([CREATED, JOINED, other], time=FIRST_END - 1)) == TASK
    assert found(Clock([CREATED, JOINED], time=FIRST_END + 10**9)) == TASK
    assert found(Clock([CREATED, JOINED, hub.Slashed(TASK, NODE, 0, 1, 1, 1, 1)], time=FIRST_END)) is None


class SlowSwarm(NoSwarm):
    """Nobody serves anything at first, and then a document that is none."""

    def __init__(self) -> None:
        self.asked = 0

    async def fetch_block(self, cid: Cid, deadline_seconds: float, max_bytes: int) -> bytes:
        self.asked += 1
        if self.asked < 4:
            raise BlockUnavailable(cid, deadline_seconds, 2)
        return b"{}"


class Told:
    def __init__(self) -> None:
        self.messages: list[object] = []

    def emit(self, event: str, **fields: object) -> None:
        self.messages.append(fields["message"])


def test_who_starts_on_a_busy_network_waits_for_the_document_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(patience.asyncio, "sleep", sleep)
    swarm, told = SlowSwarm(), Told()
    deployment = Deployment(31337, 1, HUB, *[HUB] * 6)
    one = Participant(FakeChain([CREATED]), deployment, None, swarm, told)  # type: ignore[arg-type]
    with pytest.raises(Rejected):
        asyncio.run(one.take_up("0x" + TASK.hex()))
    assert (swarm.asked, waits) == (4, [0.5, 1.0, 2.0])
    (message,) = told.messages
    assert "none of 2 peers delivered" in str(message)
