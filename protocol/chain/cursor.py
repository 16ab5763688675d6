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

# Deeper reorganisations than this are not survived by any bridge or exchange either; the cursor then starts afresh.
REMEMBERED_BLOCKS: Final = 256
# Public endpoints answer for a few thousand blocks at once.
MAX_SPAN: Final = 2000


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

    async def advance(self) -> Progress:
        """Events that came since the last call, up to the head.

        ChainUnavailable leaves the cursor where it was, a reorganisation found on the way included.
        """
        told = self._told.copy()
        rewound_to = await self._rewind(told)
        first = self._next if rewound_to is None else rewound_to + 1
        head = await self._client.head() - self._confirmations
        events: list[Logged[Event]] = []
        while first <= head:
            last = min(head, first + MAX_SPAN - 1)
            # The hash first: a reorganisation during the read then shows at the next look.
            tip = await self._client.block_hash(last)
            if tip is None:
                break
            events += await self._client.logs(self._contract, first, last)
            told.append((last, tip))
            first = last + 1
        self._told, self._next = told, first
        return Progress(rewound_to, tuple(events))

    async def _rewind(self, told: deque[tuple[int, bytes]]) -> int | None:
        """Drop blocks that left the chain from `told`; the last that stayed, or None if none left."""
        forgotten = False
        while told:
            number, known = told[-1]
            if await self._client.block_hash(number) == known:
                break
            told.pop()
            forgotten = True
        if not forgotten:
            return None
        return told[-1][0] if told else self._first - 1
