"""A local chain: the anvil program, started for one run and never left behind."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import aiohttp

from cupel.devnet.processes import Process, spawn, stop_all, tail
from cupel.protocol.config import ConfigError

CHAIN_ID: Final = 31337
HOST: Final = "127.0.0.1"
_READY_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.05
_FREE_PORTS: Final = 3


@dataclass(frozen=True, slots=True)
class LocalChain:
    """A running anvil."""

    process: Process
    port: int
    rpc_url: str


def choose_port(port: int) -> int:
    """The port to listen on: the given one, or a free one for 0. ConfigError if it is taken or not a port."""
    if not 0 <= port < 65536:
        raise ConfigError("rpc-port", f"{port} is not a port", "Use 0 (any free port) to 65535")
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise ConfigError(
                "rpc-port",
                f"port {port} cannot be used ({error.strerror})",
                "Choose another with --rpc-port, or 0 for any free one",
            ) from None
        number: int = probe.getsockname()[1]
        return number


def anvil_command(binary: Path, port: int) -> list[str | Path]:
    """Command line: a block a second. One more for every transaction would make block time run ahead of the clock."""
    options = ["--host", HOST, "--port", str(port), "--chain-id", str(CHAIN_ID), "--accounts", "1", "--quiet"]
    # One slot an epoch: the `finalized` tag follows the head instead of lagging 64 blocks.
    return [binary, *options, "--block-time", "1", "--slots-in-an-epoch", "1"]


@asynccontextmanager
async def local_chain(binary: Path, port: int, log: Path) -> AsyncIterator[LocalChain]:
    """Run anvil on loopback until the block ends. ConfigError if the port is taken or the program does not start."""
    started: list[Process] = []
    try:
        yield await _listening(binary, port, log, started)
    finally:
        await asyncio.shield(stop_all(started, grace_seconds=1.0))


async def _listening(binary: Path, port: int, log: Path, started: list[Process]) -> LocalChain:
    """A free port is nobody's until anvil has it: where somebody else was quicker, it is another one."""
    while True:
        chosen = choose_port(port)
        with log.open("ab") as log_file:
            started.append(await _start(binary, chosen, log_file))
        chain = LocalChain(started[-1], chosen, f"http://{HOST}:{chosen}")
        if await _is_ready(chain, log, any_port=port == 0 and len(started) < _FREE_PORTS):
            return chain


async def _start(binary: Path, port: int, log: IO[bytes]) -> Process:
    try:
        return await spawn(anvil_command(binary, port), stdout=log, stderr=log)
    except OSError as error:
        raise ConfigError(
            "anvil", f"{binary} does not start ({error.strerror})", "Run `make setup` to install it again"
        ) from None


async def _is_ready(chain: LocalChain, log: Path, any_port: bool) -> bool:
    """Once it answers. False if any port will do and somebody else has this one."""
    body = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}
    deadline = asyncio.get_running_loop().time() + _READY_SECONDS
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session:
        while asyncio.get_running_loop().time() < deadline:
            if chain.process.returncode is not None:
                told = tail(log)
                if any_port and "in use" in told:
                    return False
                problem = f"it ended at once ({told or f'exit code {chain.process.returncode}'})"
                raise ConfigError("anvil", problem, f"The whole output is in {log}")
            try:
                async with session.post(chain.rpc_url, json=body) as response:
                    if int((await response.json())["result"], 16) == CHAIN_ID:
                        return True
            except (aiohttp.ClientError, TimeoutError, KeyError, ValueError):
                pass  # not listening yet
            await asyncio.sleep(_POLL_SECONDS)
    raise ConfigError(
        "anvil",
        f"no answer on {chain.rpc_url} within {_READY_SECONDS:.0f} s",
        f"The whole output is in {log}",
    )
