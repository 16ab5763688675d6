"""The cursor tells every event once, whatever the chain and the endpoint do."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from cupel.protocol.chain import cursor
from cupel.protocol.chain.cursor import LogCursor, Progress
from cupel.protocol.chain.errors import ChainUnavailable


@dataclass
class FakeChain:
    """One event a block, named after its block; counts requests and fails on demand."""

    blocks: list[str] = field(default_factory=list)
    fail_after: int | None = None

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
        return tuple(self.blocks[first : last + 1])


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


@pytest.mark.parametrize("fail_after", range(5))
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
    assert progress == Progress(0, ("b", "C", "D"))
