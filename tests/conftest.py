"""A real chain for the tests that need one: anvil itself on a free loopback port, ended with the session."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

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
            urllib.request.Request(self.rpc_url, json.dumps(body).encode(), headers), timeout=60
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


@contextmanager
def _running_anvil(*options: str) -> Iterator[Anvil]:
    accounts = [] if "--accounts" in options else ["--accounts", "0"]
    # It takes a free port itself: one that is chosen here somebody else may take first.
    command = [_binary(), "--host", "127.0.0.1", "--port", "0", "--chain-id", str(CHAIN_ID), *accounts]
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen([*command, *options], stdin=subprocess.DEVNULL, stdout=log, stderr=log) as process,
    ):
        try:
            yield Anvil(f"http://127.0.0.1:{_port(process, log)}")
        finally:
            process.kill()


def _port(process: subprocess.Popen[bytes], log: IO[bytes]) -> int:
    """Where it listens, once it does."""
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        told = os.pread(log.fileno(), 1 << 16, 0)
        if found := re.search(rb"Listening on 127\.0\.0\.1:(\d+)\s", told):
            return int(found[1])
        time.sleep(0.02)
    raise AssertionError(f"anvil did not start: {os.pread(log.fileno(), 1 << 16, 0).decode()}")


@pytest.fixture(scope="session")
def start_anvil() -> Callable[..., Any]:
    """A context manager that runs an anvil of one's own: `with start_anvil("--block-time", "1") as anvil`."""
    return _running_anvil


@pytest.fixture(scope="session")
def anvil() -> Iterator[Anvil]:
    """The session's shared chain: a block for every transaction. Tests use accounts and contracts of their own."""
    with _running_anvil() as running:
        yield running
