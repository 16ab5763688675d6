"""The chain of a run: one anvil, asked at once and in order, with simulated delays and failures on the way.

Blocks are made by a driver at the simulated time, and taken back again by reorganisations.
"""

from __future__ import annotations

import asyncio
import json
import random
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from eth_account.signers.local import LocalAccount

from cupel.devnet.chaos.clock import elapse
from cupel.devnet.chaos.scenario import Outage, RpcFaults
from cupel.devnet.presets import CREATOR
from cupel.protocol.chain.client import ChainClient
from cupel.protocol.chain.errors import RateLimited
from cupel.protocol.chain.rpc import Rpc

_WAIT_SECONDS: Final = 30.0
_HEAD: Final = (
    b"POST / HTTP/1.1\r\nHost: anvil\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
)
_CHANGES: Final = ("evm_", "anvil_", "eth_send")


class Anvil:
    """JSON-RPC to a local chain over one connection; the caller waits.

    HTTP by hand: a run asks thousands of times, and `http.client` takes longer over an answer than anvil does.
    """

    def __init__(self, port: int) -> None:
        self.url: Final = f"http://127.0.0.1:{port}"
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=_WAIT_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._answers = self._socket.makefile("rb")
        self._known: dict[tuple[str, str], Any] = {}
        self.num_requests = 0

    def ask(self, method: str, parameters: Sequence[Any]) -> Any:
        """The whole answer, result or error. Nothing changes between blocks and transactions, so it is asked once."""
        self.num_requests += 1
        if method.startswith(_CHANGES):
            self._known.clear()
            return self._post(method, parameters)
        question = method, repr(parameters)
        if question not in self._known:
            self._known[question] = self._post(method, parameters)
        return self._known[question]

    def close(self) -> None:
        """Hang up."""
        self._answers.close()
        self._socket.close()

    def _post(self, method: str, parameters: Sequence[Any]) -> Any:
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(parameters)}
        content = json.dumps(request).encode()
        self._socket.sendall(_HEAD % len(content) + content)
        length = -1
        while (line := self._answers.readline()) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        if length < 0:
            raise RuntimeError("anvil has hung up")
        return json.loads(self._answers.read(length))

    def do(self, method: str, *parameters: Any) -> Any:
        """The result. RuntimeError if there is none."""
        answer = self.ask(method, parameters)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]


@dataclass(slots=True)
class ChainRoad:
    """What lies between the processes and the chain."""

    anvil: Anvil
    faults: RpcFaults
    outages: tuple[Outage, ...]
    draw: random.Random
    sent: list[str] = field(default_factory=list)
    """Signed transactions, raw, as they went into the pool."""
    failures: int = 0

    def is_out(self, name: str, now: float) -> bool:
        """Whether the process's endpoint answers nothing now."""
        return any(out.concerns(name) and out.begins <= now < out.ends for out in self.outages)


class SimulatedRpc(Rpc):
    """An endpoint behind the road."""

    def __init__(self, name: str, road: ChainRoad) -> None:
        super().__init__(f"chaos://{name}")
        self._name = name
        self._road = road

    async def _request_once(self, method: str, parameters: Sequence[Any]) -> Any:
        road = self._road
        if self._name == CREATOR:  # its task is what the others are tried on
            return self._taken(method, parameters)
        await elapse(road.faults.latency_seconds * road.draw.uniform(0.5, 1.5))
        if road.is_out(self._name, asyncio.get_running_loop().time()):
            road.failures += 1
            raise self._no_answer("it is down")
        lot = road.draw.random()
        if lot < road.faults.limited:
            road.failures += 1
            raise RateLimited(f"{self.url} takes no more requests for now")
        result = self._taken(method, parameters)
        if lot < road.faults.limited + road.faults.lost:
            road.failures += 1
            raise self._no_answer("the answer was lost")
        return result

    def _taken(self, method: str, parameters: Sequence[Any]) -> Any:
        answer = self._road.anvil.ask(method, parameters)
        if method == "eth_sendRawTransaction" and "result" in answer:
            self._road.sent.append(str(parameters[0]))
        if answer.get("error") is not None:
            raise self._told(method, answer["error"])
        return answer["result"]


class SimulatedChain(ChainClient):
    """The chain client with another endpoint."""

    def __init__(self, name: str, account: LocalAccount | None, chain_id: int, road: ChainRoad) -> None:
        super().__init__(f"chaos://{name}", account, chain_id)
        self._endpoints = [SimulatedRpc(name, road)]
