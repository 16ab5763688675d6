"""One JSON-RPC endpoint: bounded answers, patience with rate limits, and errors told apart."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import aiohttp
from web3.providers.async_base import AsyncJSONBaseProvider
from web3.types import RPCEndpoint, RPCResponse

from cupel.protocol.chain.errors import ChainError, ChainUnavailable, RateLimited

REQUEST_SECONDS: Final = 15.0
MAX_ANSWER_BYTES: Final = 64 << 20
"""The logs of 2000 full blocks are some megabytes."""
RETRY_SECONDS: Final = (0.25, 0.5, 1.0, 2.0)
"""Waits before a limited request is tried again. Who asks has a loop of its own that goes on later."""
_TOO_MANY_REQUESTS: Final = 429
_LIMIT_CODES: Final = (-32005, 429)
_TRANSIENT_CODES: Final = (-32603, -32002, -32001)
"""Internal error, resource unavailable, resource not found (EIP-1474): of this moment, not of the request."""
_TRANSIENT_TEXTS: Final = ("header not found", "unknown block", "missing trie node", "timeout", "timed out")
"""How common clients say that they lag behind, or have forgotten."""


class Refusal(ChainError):
    """The endpoint answered with a JSON-RPC error about the request itself."""

    def __init__(self, method: str, message: str, data: object) -> None:
        super().__init__(f"{method}: {message}")
        self.message = message
        self.data = data


class HttpProvider(AsyncJSONBaseProvider):
    """web3's JSON over HTTP with a limit to what an answer may weigh."""

    def __init__(self, url: str, seconds: float) -> None:
        super().__init__()
        self._url = url
        self._seconds = seconds
        self._session: aiohttp.ClientSession | None = None

    async def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """One request. aiohttp's errors, OSError, TimeoutError, or ValueError for what is no JSON or too long."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self._seconds))
        request = self.encode_rpc_request(method, params)
        headers = {"Content-Type": "application/json"}
        async with self._session.post(self._url, data=request, headers=headers) as answer:
            answer.raise_for_status()
            body = bytearray()
            async for piece in answer.content.iter_chunked(1 << 16):
                body += piece
                if len(body) > MAX_ANSWER_BYTES:
                    raise ValueError(f"an answer of more than {MAX_ANSWER_BYTES} bytes")
        return self.decode_rpc_response(bytes(body))

    async def disconnect(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None


class Rpc:
    """An endpoint at one URL."""

    def __init__(self, url: str, seconds: float = REQUEST_SECONDS) -> None:
        """seconds: longest wait for an answer."""
        self.url = url
        self._provider = HttpProvider(url, seconds)

    async def request(self, method: str, parameters: Sequence[Any]) -> Any:
        """The result. ChainUnavailable if there is none for now, Refusal if there will be none."""
        for seconds in RETRY_SECONDS:
            try:
                return await self._request_once(method, parameters)
            except RateLimited:
                await asyncio.sleep(seconds)
        return await self._request_once(method, parameters)

    async def close(self) -> None:
        """Close the connections."""
        await self._provider.disconnect()

    async def _request_once(self, method: str, parameters: Sequence[Any]) -> Any:
        try:
            response: Any = await self._provider.make_request(RPCEndpoint(method), list(parameters))
        except aiohttp.ClientResponseError as error:
            if error.status == _TOO_MANY_REQUESTS:
                raise RateLimited(f"{self.url} takes no more requests for now (429)") from error
            raise self._no_answer(f"HTTP {error.status}") from error
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError, RecursionError) as error:
            raise self._no_answer(type(error).__name__) from error
        if not isinstance(response, dict):
            raise self._no_answer("not JSON-RPC")
        if response.get("error") is not None:
            raise self._told(method, response["error"])
        if "result" not in response:
            raise self._no_answer("neither result nor error")
        return response["result"]

    def _told(self, method: str, error: Any) -> ChainError:
        fields = error if isinstance(error, dict) else {}
        code, message = fields.get("code"), str(fields.get("message", error))
        if code in _LIMIT_CODES or "rate limit" in message.lower() or "too many requests" in message.lower():
            return RateLimited(f"{self.url} takes no more requests for now ({message})")
        if code in _TRANSIENT_CODES or any(text in message.lower() for text in _TRANSIENT_TEXTS):
            return ChainUnavailable(f"{self.url} cannot tell now ({method}: {message})")
        return Refusal(method, message, fields.get("data"))

    def _no_answer(self, why: str) -> ChainUnavailable:
        return ChainUnavailable(f"{self.url} does not answer ({why}); start the chain or correct rpc_url")
