"""Following a contract's events through reorganisations.

The cursor remembers the hashes of the newest blocks it has told of. When one of them is no longer in the chain it
goes back to the last that is, and says so.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from cupel.protocol.chain.client import ChainClient
from cupel.protocol.chain.contract import Contract, Event, Logged
from cupel.protocol.chain.errors import ChainUnavailable, EndpointBehind

# Deeper reorganisations than this are not survived by any bridge or exchange either; the cursor then starts afresh.
REMEMBERED_BLOCKS: Final = 256
# Public endpoints answer for a few thousand blocks at once.
MAX_SPAN: Final = 2000
# The newest blocks are read one by one, by their hashes: an endpoint of several machines answers for a span that one of
# them does not have yet as if nothing had happened there.
READ_SINGLY: Final = 8


@dataclass(frozen=True, slots=True)
class Progress:
    """What is new since the last look."""

    rewound_to: int | None
    """Events in blocks above this one, told before, no longer hold; None if all still do."""
    events: tuple[Logged[Event], ...]


class LogCursor:
    """Tells every event of a contract once, in order, `confirmations` blocks behind the head."""

    def __init__(
        self, client: ChainClient, contract: Contract, first_block: int, confirmations: int = 0
    ) -> None:
        self._client = client
        self._contract = contract
        self._next = first_block
        self._first = first_block
        self._confirmations = confirmations
        self._told: deque[tuple[int, bytes]] = deque(maxlen=REMEMBERED_BLOCKS)
        self._afresh = False

    @property
    def known_block(self) -> int:
        """Block up to which every event was told."""
        return self._next - 1

    async def advance(self) -> Progress:
        """Events that came since the last call, up to the head.

        ChainUnavailable (EndpointBehind, EndpointsDisagree) leaves the cursor where it was, a reorganisation found on
        the way included.
        """
        told = self._told.copy()
        newest = await self._client.head()
        if told and newest < told[-1][0]:
            # Less than was known is no news of a reorganisation: what replaces those blocks is still to come.
            self._client.prefer_another()
            raise EndpointBehind(f"the endpoint is behind: block {newest}, when {told[-1][0]} was known")
        rewound_to = self._first - 1 if self._afresh else await self._rewind(told)
        first = self._next if rewound_to is None else rewound_to + 1
        head = newest - self._confirmations
        events: list[Logged[Event]] = []
        while first <= head:
            last = min(first + MAX_SPAN - 1, max(first, newest - READ_SINGLY))
            last = min(last, head)
            # The hash first: a reorganisation during the read then shows at the next look.
            tip = await self._client.block(last)
            if tip is None:
                break
            events += await self._read(first, last, tip.hash)
            opening = tip if first == last else await self._client.block(first)
            if told and (opening is None or opening.parent != told[-1][1]):
                # Nobody would look at that block again: the newest one is in the chain.
                raise ChainUnavailable(f"block {told[-1][0]} was replaced while what follows it was read")
            told.append((last, tip.hash))
            first = last + 1
        self._told, self._next, self._afresh = told, first, False
        return Progress(rewound_to, tuple(events))

    def restart(self) -> None:
        """Tell everything again at the next look, as after a reorganisation of all: something was left out."""
        self._told.clear()
        self._afresh = True

    async def _read(self, first: int, last: int, tip: bytes) -> tuple[Logged[Event], ...]:
        if first == last:
            return await self._client.logs_in(self._contract, last, tip)
        logs = await self._client.logs(self._contract, first, last)
        if any(log.block_number == last and log.block_hash != tip for log in logs):
            raise ChainUnavailable(f"block {last} was replaced while it was read")
        return logs

    async def _rewind(self, told: deque[tuple[int, bytes]]) -> int | None:
        """Drop blocks that left the chain from `told`; the last that stayed, or None if none left."""
        forgotten = False
        while told:
            number, known = told[-1]
            block = await self._client.block(number)
            if block is not None and block.hash == known:
                break
            told.pop()
            forgotten = True
        if not forgotten:
            return None
        return told[-1][0] if told else self._first - 1
