"""Raw JSON-RPC to the local chain, for what only a devnet needs: giving out coins and reading whole blocks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Final, Self

import aiohttp

from cupel.protocol.chain.errors import ChainUnavailable

_REQUEST_SECONDS: Final = 15.0


class LocalRpc:
    """A JSON-RPC connection. Use as an async context manager."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_REQUEST_SECONDS))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def request(self, method: str, *parameters: object) -> Any:
        """The result of one request. ChainUnavailable if there is none."""
        return (await self.batch([(method, parameters)]))[0]

    async def batch(self, requests: Sequence[tuple[str, Sequence[object]]]) -> list[Any]:
        """The results of several requests, in order, by one HTTP request. ChainUnavailable if one fails."""
        body = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": list(parameters)}
            for number, (method, parameters) in enumerate(requests)
        ]
        try:
            async with self._session.post(self._url, json=body) as response:
                answers = await response.json()
        except (aiohttp.ClientError, TimeoutError, asyncio.IncompleteReadError, ValueError) as error:
            raise ChainUnavailable(f"{self._url} does not answer ({type(error).__name__})") from error
        by_number = {answer.get("id"): answer for answer in answers}
        results = []
        for number, (method, _) in enumerate(requests):
            if "result" not in by_number.get(number, {}):
                raise ChainUnavailable(f"{method}: {by_number.get(number, {}).get('error', 'no answer')}")
            results.append(by_number[number]["result"])
        return results

    @asynccontextmanager
    async def instant_blocks(self) -> AsyncIterator[None]:
        """A block at once for every transaction as long as this lasts; afterwards a block a second again.

        Block time then runs ahead of the clock by less than a second a transaction, and keeps that lead.
        """
        await self.request("evm_setAutomine", True)
        try:
            yield
        finally:
            await self.request("evm_setIntervalMining", 1)

    async def blocks_on_demand(self) -> None:
        """From now on a block at once for every transaction and no other, a second later than the one before it.

        Time says nothing of the machine then: blocks move it, and `evm_setNextBlockTimestamp`.
        """
        await self.request("evm_setIntervalMining", 0)
        await self.request("evm_setAutomine", True)
        await self.request("anvil_setBlockTimestampInterval", 1)

    async def set_balance(self, account: str, wei: int) -> None:
        """Give an account this much of the chain's coin; only a development chain does that."""
        await self.request("anvil_setBalance", account, hex(wei))
