"""A real chain for the tests that need one: anvil itself on a free loopback port, ended with the session."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# How long an example takes says more about the machine and its other work than about the code.
settings.register_profile("cupel", deadline=None)
settings.load_profile("cupel")

ROOT = Path(__file__).resolve().parent.parent
CHAIN_ID = 31337


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--renew-snapshots", action="store_true", help="Write what commands print now to tests/snapshots."
    )


@dataclass(frozen=True)
class Anvil:
    """A running chain."""

    rpc_url: str

    def request(self, method: str, *parameters: Any) -> Any:
        """One JSON-RPC request; RuntimeError if it is refused."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(parameters)}
        headers = {"content-type": "application/json"}
        with urllib.request.urlopen(
            urllib.request.Request(self.rpc_url, json.dumps(body).encode(), headers), timeout=10
        ) as answer:
            response = json.load(answer)
        if "error" in response:
            raise RuntimeError(response["error"])
        return response["result"]

    def fund(self, address: str, ether: int = 100) -> None:
        """Give an account the chain's native coin."""
        self.request("anvil_setBalance", address, hex(ether * 10**18))


def _binary() -> str:
    # Never npm's launcher of the same name: anvil would survive its end.
    found = sorted((ROOT / "node_modules" / "@foundry-rs").glob("anvil-*/bin/anvil"))
    path = str(found[0]) if found else shutil.which("anvil")
    assert path, "anvil is not installed: run `make setup`"
    return path


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def _running_anvil(*options: str) -> Iterator[Anvil]:
    port = _free_port()
    command = [
        _binary(),
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--chain-id",
        str(CHAIN_ID),
        *([] if "--accounts" in options else ["--accounts", "0"]),
    ]
    with subprocess.Popen(
        [*command, *options], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            anvil = Anvil(f"http://127.0.0.1:{port}")
            _wait_until_ready(anvil, process)
            yield anvil
        finally:
            process.kill()


def _wait_until_ready(anvil: Anvil, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        try:
            anvil.request("eth_chainId")
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("anvil did not start")


@pytest.fixture(scope="session")
def start_anvil() -> Callable[..., Any]:
    """A context manager that runs an anvil of one's own: `with start_anvil("--block-time", "1") as anvil`."""
    return _running_anvil


@pytest.fixture(scope="session")
def anvil() -> Iterator[Anvil]:
    """The session's shared chain: a block for every transaction. Tests use accounts and contracts of their own."""
    with _running_anvil() as running:
        yield running
