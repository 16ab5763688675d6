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

    def __init__(self, client: ChainClient, contract: Contract, first_block: int, confirmations: int = 0) -> None:
        self._client = client
        self._contract = contract
        self._next = first_block
        self._first = first_block
        self._confirmations = confirmations
        self._told: deque[tuple[int, bytes]] = deque(maxlen=REMEMBERED_BLOCKS)

    async def advance(self) -> Progress:
        """Events that came since the last call. ChainUnavailable leaves the cursor where it was."""
        rewound_to = await self._rewind()
        last = min(await self._client.head() - self._confirmations, self._next + MAX_SPAN - 1)
        if last < self._next:
            return Progress(rewound_to, ())
        # The hash first: a reorganisation during the read then shows at the next look.
        tip = await self._client.block_hash(last)
        if tip is None:
            return Progress(rewound_to, ())
        events = await self._client.logs(self._contract, self._next, last)
        self._told.append((last, tip))
        self._next = last + 1
        return Progress(rewound_to, events)

    async def _rewind(self) -> int | None:
        """Forget blocks that left the chain; the last that stayed, or None if none left."""
        forgotten = False
        while self._told:
            number, known = self._told[-1]
            if await self._client.block_hash(number) == known:
                break
            self._told.pop()
            forgotten = True
        if not forgotten:
            return None
        stands = self._told[-1][0] if self._told else self._first - 1
        self._next = stands + 1
        return stands
