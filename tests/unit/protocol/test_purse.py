"""The gas money: low is told once, and again only after it was enough in between."""

import asyncio
from typing import Any

from cupel.protocol.purse import GWEI, RESERVE_GAS, Purse


class FakeChain:
    address = "0xa"

    def __init__(self) -> None:
        self.wei = 0

    async def now(self) -> int:
        return 1000 + self.wei

    async def balance(self, address: str) -> int:
        return self.wei

    async def base_fee(self) -> int:
        return 9 * GWEI


class Recorder:
    def __init__(self) -> None:
        self.told: list[Any] = []

    def emit(self, event: str, **fields: Any) -> None:
        self.told.append((event, fields["gas_left"]))


def test_low_is_told_once() -> None:
    chain, recorder = FakeChain(), Recorder()
    purse = Purse(chain, recorder)  # type: ignore[arg-type]
    assert (purse.balance_gwei, purse.gas_left) == (-1, -1)
    for gas in (RESERVE_GAS, RESERVE_GAS - 1, 5, RESERVE_GAS, 7):
        chain.wei = gas * 10 * GWEI
        asyncio.run(purse.look())
        assert (purse.balance_gwei, purse.gas_left) == (10 * gas, gas)
        assert purse.chain_time == 1000 + chain.wei
    assert recorder.told == [("low_balance", RESERVE_GAS - 1), ("low_balance", 7)]
