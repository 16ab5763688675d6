"""An RPC endpoint that fails on purpose: a proxy on loopback before a real chain, with seeded faults.

    async with faulty_rpc("http://127.0.0.1:8545", Faults(seed=7)) as proxy:
        ... ChainClient(proxy.url, ...) ...

Every request draws whether and how it fails, so a seed and the order of requests say all.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

import aiohttp
from aiohttp import web

LAG_BLOCKS: Final = 2


class Fault(Enum):
    """What an endpoint does instead of answering well."""

    DOWN = "closes the connection"
    LIMITED = "HTTP 429"
    LIMITED_BODY = "JSON-RPC error -32005"
    INTERNAL = "JSON-RPC error -32603"
    BAD_GATEWAY = "HTTP 502 with a page"
    TRUNCATED = "half of the answer"
    MALFORMED = "JSON of another shape"
    LOST_ANSWER = "does it, and closes the connection"
    SWALLOWED = "says that it took a transaction, and forgets it"
    LAGGING = "answers as of some blocks ago"
    MISSING_LOGS = "leaves out the newest log; nothing but another endpoint can tell"
    DUPLICATE_LOGS = "every log twice, in another order"
    FOREIGN_LOGS = "logs of another contract among them"


ALWAYS_POSSIBLE: Final = (
    Fault.DOWN,
    Fault.LIMITED,
    Fault.LIMITED_BODY,
    Fault.INTERNAL,
    Fault.BAD_GATEWAY,
    Fault.TRUNCATED,
    Fault.MALFORMED,
    Fault.LOST_ANSWER,
)
_OF_METHOD: Final[Mapping[str, tuple[Fault, ...]]] = {
    "eth_sendRawTransaction": (Fault.SWALLOWED,),
    "eth_getLogs": (Fault.DUPLICATE_LOGS, Fault.FOREIGN_LOGS, Fault.MISSING_LOGS),
    "eth_blockNumber": (Fault.LAGGING,),
    "eth_getBlockByNumber": (Fault.LAGGING,),
}
_NONSENSE: Final[tuple[Any, ...]] = ("", [], {}, 7, "0x", "0xzz", True, {"hash": 1}, ["0x1"], "0x" + "f" * 65)


@dataclass(frozen=True, slots=True)
class Faults:
    """How often, and which: as a rule those that one honest reader can see through alone."""

    seed: int
    share: float = 0.3
    """Of the requests that fail."""
    among: Sequence[Fault] = tuple(fault for fault in Fault if fault is not Fault.MISSING_LOGS)


@dataclass(slots=True)
class FaultyRpc:
    """A running proxy."""

    url: str
    faults: Faults
    """Replace it to change what happens from now on."""
    met: Counter[Fault] = field(default_factory=Counter)
    """Faults that were met so far."""


@asynccontextmanager
async def faulty_rpc(upstream: str, faults: Faults) -> AsyncIterator[FaultyRpc]:
    """Pass requests on to `upstream` as long as the block runs, but for the faults."""
    async with aiohttp.ClientSession() as session:
        handler = _Handler(session, upstream, FaultyRpc("", faults))
        app = web.Application()
        app.router.add_post("/", handler.answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0, shutdown_timeout=0.1)
            await site.start()
            handler.state.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield handler.state
        finally:
            await runner.cleanup()


class _Handler:
    def __init__(self, session: aiohttp.ClientSession, upstream: str, state: FaultyRpc) -> None:
        self._session = session
        self._upstream = upstream
        self.state = state
        self._random = random.Random(state.faults.seed)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        question = await request.json()
        fault = self._draw(question["method"])
        if fault is None:
            return self._json(await self._ask(question))
        self.state.met[fault] += 1
        answer = _without_asking(fault, question)
        if answer is not None:
            return answer
        if fault is Fault.DOWN:
            return _hang_up(request)
        if fault is Fault.LAGGING:
            return self._json(await self._earlier(question))
        told = await self._ask(question)
        match fault:
            case Fault.LOST_ANSWER:
                return _hang_up(request)
            case Fault.TRUNCATED:
                text = json.dumps(told)
                return web.Response(text=text[: len(text) // 2], content_type="application/json")
            case Fault.MALFORMED:
                return self._json({**told, "result": self._random.choice(_NONSENSE)})
            case Fault.DUPLICATE_LOGS | Fault.FOREIGN_LOGS | Fault.MISSING_LOGS:
                return self._json({**told, "result": self._changed(fault, told.get("result"))})
        return self._json(told)

    def _draw(self, method: str) -> Fault | None:
        faults = self.state.faults
        possible = [one for one in (*ALWAYS_POSSIBLE, *_OF_METHOD.get(method, ())) if one in faults.among]
        fails = self._random.random() < faults.share
        return self._random.choice(possible) if fails and possible else None

    def _changed(self, fault: Fault, logs: Any) -> Any:
        if not isinstance(logs, list):
            return logs
        if fault is Fault.FOREIGN_LOGS:
            return [*logs, *({**log, "address": "0x" + "ab" * 20} for log in logs)]
        if fault is Fault.MISSING_LOGS:
            return logs[:-1]
        twice = [*logs, *logs]
        self._random.shuffle(twice)
        return twice

    async def _earlier(self, question: dict[str, Any]) -> Any:
        """The answer of an endpoint that is some blocks behind."""
        head = await self._ask(
            {"jsonrpc": "2.0", "id": question["id"], "method": "eth_blockNumber", "params": []}
        )
        lagging = max(0, int(head["result"], 16) - LAG_BLOCKS)
        if question["method"] == "eth_blockNumber":
            return {**head, "result": hex(lagging)}
        number, *rest = question["params"]
        if number == "latest":
            return await self._ask({**question, "params": [hex(lagging), *rest]})
        return await self._ask(question) if int(number, 16) <= lagging else {**head, "result": None}

    async def _ask(self, question: dict[str, Any]) -> Any:
        async with self._session.post(self._upstream, json=question) as answer:
            return await answer.json()

    def _json(self, answer: Any) -> web.Response:
        return web.json_response(answer)


def _without_asking(fault: Fault, question: dict[str, Any]) -> web.Response | None:
    head = {"jsonrpc": "2.0", "id": question["id"]}
    match fault:
        case Fault.LIMITED:
            return web.Response(status=429)
        case Fault.BAD_GATEWAY:
            return web.Response(status=502, text="<html>Bad Gateway</html>", content_type="text/html")
        case Fault.LIMITED_BODY:
            return web.json_response({**head, "error": {"code": -32005, "message": "limit exceeded"}})
        case Fault.INTERNAL:
            return web.json_response({**head, "error": {"code": -32603, "message": "internal error"}})
        case Fault.SWALLOWED:
            return web.json_response({**head, "result": "0x" + "00" * 32})
    return None


def _hang_up(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
