"""The cursor tells every event once, whatever the chain and the endpoint do."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cupel.protocol.chain import cursor
from cupel.protocol.chain.answers import Block
from cupel.protocol.chain.cursor import LogCursor, Progress
from cupel.protocol.chain.errors import ChainUnavailable, EndpointBehind


class Happened(str):
    """An event: the name of its block, and where that is."""

    block_number: int
    block_hash: bytes


def happened(name: str, number: int) -> Happened:
    event = Happened(name)
    event.block_number, event.block_hash = number, name.encode()
    return event


@dataclass
class FakeChain:
    """One event a block, named after its block; counts requests and fails on demand."""

    blocks: list[str] = field(default_factory=list)
    fail_after: int | None = None
    changed: int = 0
    turns: dict[int, list[str]] = field(default_factory=dict)
    """Other chains, by how many requests are answered before each."""
    requests: int = 0

    def _request(self) -> None:
        self.blocks = self.turns.pop(self.requests, self.blocks)
        self.requests += 1
        if self.fail_after is not None:
            if self.fail_after == 0:
                raise ChainUnavailable("down")
            self.fail_after -= 1

    async def head(self) -> int:
        self._request()
        return len(self.blocks) - 1

    async def block(self, number: int) -> Block | None:
        self._request()
        if number >= len(self.blocks):
            return None
        parent = self.blocks[number - 1] if number else ""
        return Block(number, self.blocks[number].encode(), parent.encode(), timestamp=0, base_fee=0)

    async def logs(self, contract: Any, first: int, last: int) -> tuple[str, ...]:
        self._request()
        assert last - first < cursor.MAX_SPAN
        last = min(last, len(self.blocks) - 1)
        return tuple(happened(self.blocks[number], number) for number in range(first, last + 1))

    async def logs_in(self, contract: Any, number: int, block_hash: bytes) -> tuple[str, ...]:
        self._request()
        if number >= len(self.blocks) or self.blocks[number].encode() != block_hash:
            raise ChainUnavailable("no such block")
        return (happened(self.blocks[number], number),)

    def prefer_another(self) -> None:
        self.changed += 1


def make(chain: FakeChain, **options: Any) -> LogCursor:
    return LogCursor(chain, None, 1, **options)  # type: ignore[arg-type]


def look(one: LogCursor) -> Progress:
    return asyncio.run(one.advance())


def test_events_are_told_once_and_in_order() -> None:
    chain = FakeChain(list("abc"))
    one = make(chain)
    assert look(one) == Progress(None, ("b", "c"))
    assert look(one) == Progress(None, ())
    chain.blocks += "de"
    assert look(one) == Progress(None, ("d", "e"))


def test_one_look_catches_up_however_long_the_chain_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """A view of the chain that ends in the past would give another accepted set than everybody else's."""
    monkeypatch.setattr(cursor, "MAX_SPAN", 3)
    blocks = [str(number) for number in range(20)]
    assert look(make(FakeChain(blocks))).events == tuple(blocks[1:])


def test_confirmations_hold_back_the_newest_blocks() -> None:
    assert look(make(FakeChain(list("abcde")), confirmations=2)).events == ("b", "c")


def test_a_reorganisation_is_told_with_where_it_began() -> None:
    chain = FakeChain(list("abc"))
    one = make(chain)
    look(one)
    chain.blocks += "de"
    look(one)
    chain.blocks[3:] = "DEF"
    assert look(one) == Progress(2, ("D", "E", "F"))


@pytest.mark.parametrize("fail_after", range(8))
def test_an_outage_loses_neither_events_nor_reorganisations(fail_after: int) -> None:
    chain = FakeChain(list("abc"))
    one = make(chain)
    look(one)
    chain.blocks[2:] = "CD"
    chain.fail_after = fail_after
    try:
        progress = look(one)
    except ChainUnavailable:
        chain.fail_after = None
        progress = look(one)
    assert progress == Progress(1, ("C", "D"))


def test_an_endpoint_that_knows_less_is_no_reorganisation() -> None:
    """The blocks that replace the missing ones are still to come: nothing is taken back, and another one is asked."""
    chain = FakeChain(list("abcd"))
    one = make(chain)
    look(one)
    ahead, chain.blocks = chain.blocks, chain.blocks[:3]
    with pytest.raises(EndpointBehind, match="block 2, when 3 was known"):
        look(one)
    assert chain.changed == 1
    chain.blocks = [*ahead, "e"]
    assert look(one) == Progress(None, ("e",))


def test_a_block_that_is_replaced_while_it_is_read_is_read_again() -> None:
    class Racing(FakeChain):
        async def logs_in(self, contract: Any, number: int, block_hash: bytes) -> tuple[str, ...]:
            if number == 2 and self.blocks[-1] == "c":
                self.blocks[-1:] = "CD"
            return await super().logs_in(contract, number, block_hash)

    chain = Racing(list("abc"))
    one = make(chain)
    with pytest.raises(ChainUnavailable):
        look(one)
    assert look(one) == Progress(None, ("b", "C", "D"))


@pytest.mark.parametrize("answered", range(3, 8))
@pytest.mark.parametrize("span", [1, 8])
def test_a_reorganisation_below_what_is_read_is_not_missed(
    monkeypatch: pytest.MonkeyPatch, answered: int, span: int
) -> None:
    """The newest known block is replaced after it was looked at, and before the block above it is."""
    monkeypatch.setattr(cursor, "READ_SINGLY", span)
    chain = FakeChain(list("abc"))
    one = make(chain)
    known = list(look(one).events)
    chain.blocks += "de"
    chain.turns[chain.requests + answered - 1] = list("aBCDE")
    for _ in range(3):
        try:
            progress = look(one)
        except ChainUnavailable:
            continue
        if progress.rewound_to is not None:
            del known[progress.rewound_to :]
        known += progress.events
    assert known == list("BCDE")


def test_after_a_gap_everything_is_told_again() -> None:
    chain = FakeChain(list("abc"))
    one = make(chain)
    look(one)
    one.restart()
    assert look(one) == Progress(0, ("b", "c"))
    assert look(one) == Progress(None, ())


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["grow", "fork", "shrink", "fail"]),
            st.integers(1, 12),
            st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=2),
        ),
        max_size=25,
    ),
    st.sampled_from([1, 3, cursor.READ_SINGLY]),
)
def test_who_follows_knows_the_chain_whatever_it_went_through(
    steps: list[tuple[str, int, list[tuple[int, int]]]], singly: int
) -> None:
    """The model: apply what is told, take back what is rewound. It equals the chain once that rests.

    The chain goes through something before each look, and is replaced at up to two moments during it.
    """
    chain, known, fork = FakeChain(["genesis"]), list[Happened](), 0
    one = make(chain)

    def forked(depth: int, new: int) -> list[str]:
        nonlocal fork
        fork += 1
        kept = chain.blocks[: max(1, len(chain.blocks) - depth)]
        return kept + [f"{fork}.{number}" for number in range(new)]

    def look_on() -> bool:
        try:
            progress = look(one)
        except ChainUnavailable:
            return False
        if progress.rewound_to is not None:
            known[:] = [event for event in known if event.block_number <= progress.rewound_to]
        known.extend(progress.events)
        return True

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cursor, "READ_SINGLY", singly)
        for what, much, turns in steps:
            chain.fail_after = much if what == "fail" else None
            depth = much if what in ("fork", "shrink") else 0
            chain.blocks = forked(depth, 0 if what == "shrink" else much + (what == "fork"))
            chain.turns = {chain.requests + at: forked(depth, depth + 1) for at, depth in turns}
            if look_on() and not turns:
                assert known == chain.blocks[1:]
        chain.fail_after, chain.turns = None, {}
        chain.blocks = forked(0, 1)
        while not look_on():  # it may be behind what was known
            chain.blocks = forked(0, 13)
        assert known == chain.blocks[1:]
