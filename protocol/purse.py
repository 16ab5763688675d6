"""Watching the hot key's gas money: an account that runs dry misses deadlines, and with them its stake."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

from cupel.protocol.chain.client import ChainClient
from cupel.protocol.chain.errors import ChainError
from cupel.protocol.observe import Observer

LOOK_SECONDS: Final = 60.0
RESERVE_GAS: Final = 20_000_000
"""Some two hundred commitments, or twenty answers to demands of the largest kind."""
GWEI: Final = 10**9


class Purse:
    """What the key's account holds, as of the last look; -1 before the first."""

    def __init__(self, chain: ChainClient, observer: Observer) -> None:
        self._chain = chain
        self._observer = observer
        self.balance_gwei = -1
        self.gas_left = -1
        """Units of gas that the balance pays for at the fee of now."""
        self.chain_time = 0
        """Timestamp of the newest block then."""
        self._low = False

    async def run(self) -> None:
        """Look again and again until cancelled."""
        while True:
            # Whoever needs the chain reports that it is away.
            with contextlib.suppress(ChainError):
                await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Look, and report once when it gets low. ChainError."""
        self.chain_time = await self._chain.now()
        balance, fee = await self._chain.balance(self._chain.address), await self._chain.base_fee()
        self.balance_gwei, self.gas_left = balance // GWEI, balance // (fee + GWEI)
        low = self.gas_left < RESERVE_GAS
        if low and not self._low:
            self._observer.emit(
                "low_balance", account=self._chain.address, wei=str(balance), gas_left=self.gas_left
            )
        self._low = low
