"""The cursor tells every event once, whatever the chain and the endpoint do."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cupel.protocol.chain import cursor
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

    def _request(self) -> None:
        if self.fail_after is not None:
            if self.fail_after == 0:
                raise ChainUnavailable("down")
            self.fail_after -= 1

    async def head(self) -> int:
        self._request()
        return len(self.blocks) - 1

    async def block_hash(self, number: int) -> bytes | None:
        self._request()
        return self.blocks[number].encode() if number < len(self.blocks) else None

    async def logs(self, contract: Any, first: int, last: int) -> tuple[str, ...]:
        self._request()
        assert last - first < cursor.MAX_SPAN
        return tuple(happened(self.blocks[number], number) for number in range(first, last + 1))

    async def logs_in(self, contract: Any, number: int, block_hash: bytes) -> tuple[str, ...]:
        self._request()
        if self.blocks[number].encode() != block_hash:
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


def test_after_a_gap_everything_is_told_again() -> None:
    chain = FakeChain(list("abc"))
    one = make(chain)
    look(one)
    one.restart()
    assert look(one) == Progress(0, ("b", "c"))
    assert look(one) == Progress(None, ())


@given(
    st.lists(st.tuples(st.sampled_from(["grow", "fork", "shrink", "fail"]), st.integers(1, 12)), max_size=25)
)
def test_who_follows_knows_the_chain_whatever_it_went_through(steps: list[tuple[str, int]]) -> None:
    """The model: apply what is told, take back what is rewound. It equals the chain after every look that succeeds."""
    chain, known, fork = FakeChain(["genesis"]), list[Happened](), 0
    one = make(chain)
    for what, much in steps:
        fork += 1
        chain.fail_after = much if what == "fail" else None
        if what in ("fork", "shrink"):
            del chain.blocks[max(1, len(chain.blocks) - much) :]
        if what != "shrink":
            chain.blocks += [f"{fork}.{number}" for number in range(much + (what == "fork"))]
        try:
            progress = look(one)
        except ChainUnavailable:
            continue
        if progress.rewound_to is not None:
            known = [event for event in known if event.block_number <= progress.rewound_to]
        known += progress.events
        assert known == chain.blocks[1:]
