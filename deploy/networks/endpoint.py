"""Reading any chain over JSON-RPC, also its past, without an account."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Final, Self

import aiohttp

from cupel.protocol.chain.errors import ChainError, ChainUnavailable

REQUEST_SECONDS: Final = 15.0


class Endpoint:
    """A JSON-RPC endpoint. Use as an async context manager.

    Every method raises ChainUnavailable if there is no answer, ChainError if the endpoint refuses.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=REQUEST_SECONDS))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def chain_id(self) -> int:
        """Id of the chain it serves."""
        return int(await self._request("eth_chainId"), 16)

    async def head(self) -> int:
        """Number of the newest block."""
        return int(await self._request("eth_blockNumber"), 16)

    async def code(self, address: str, block: int) -> bytes:
        """Code at an address as of a block, empty if there is none."""
        return bytes.fromhex((await self._request("eth_getCode", address, hex(block)))[2:])

    async def call(self, address: str, data: bytes, block: int) -> bytes:
        """What a call returns as of a block."""
        transaction = {"to": address, "data": f"0x{data.hex()}"}
        return bytes.fromhex((await self._request("eth_call", transaction, hex(block)))[2:])

    async def run(self, creation_code: bytes, block: int) -> bytes:
        """What creation code returns as of a block; nothing is created."""
        return bytes.fromhex(
            (await self._request("eth_call", {"data": f"0x{creation_code.hex()}"}, hex(block)))[2:]
        )

    async def _request(self, method: str, *parameters: object) -> str:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(parameters)}
        try:
            async with self._session.post(self._url, json=body) as response:
                answer: Any = await response.json(content_type=None)
            result = answer.get("result")
        except (aiohttp.ClientError, TimeoutError, ValueError, AttributeError) as error:
            problem = f"{self._url} does not answer ({type(error).__name__})"
            raise ChainUnavailable(f"{problem}; start the chain or correct the URL") from error
        if not isinstance(result, str):
            raise ChainError(f"{method}: {answer.get('error', 'no answer')}")
        return result
