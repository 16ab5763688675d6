"""One process for a key and a folder: the second is refused, and whoever cannot be asked is told of later."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("libp2p")

from cupel.protocol.config import ConfigError
from cupel.protocol.network import Endpoint, Swarm
from cupel.protocol.sole import KeyWatch, locked, refuse_second
from cupel.protocol.testing.memory_store import MemoryStore

pytestmark = pytest.mark.timeout(120)

ACCOUNT = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
HOLD = """
import sys
from pathlib import Path
from cupel.protocol.sole import locked
with locked(Path(sys.argv[1])):
    print("locked", flush=True)
    sys.stdin.read()
"""


def swarm(number: int, accepts: bool = True) -> Swarm:
    return Swarm(MemoryStore(), bytes([5, number]) * 16, "cupel-test", accepts=accepts)


class Told:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def emit(self, event: str, **fields: Any) -> None:
        assert event == "error"
        self.lines.append(str(fields["message"]))


def test_a_folder_is_one_process_s_until_that_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        with pytest.raises(ConfigError, match="another process works in"), locked(tmp_path):
            raise AssertionError("two in one folder")
        other.kill()
    with locked(tmp_path), pytest.raises(ConfigError, match="data_dir"), locked(tmp_path):
        raise AssertionError("two in one folder")


def test_the_second_process_with_a_key_is_refused_while_the_first_answers() -> None:
    async def scenario() -> None:
        async with swarm(2) as second:
            async with swarm(1) as first:
                announced = first.endpoint
                with pytest.raises(ConfigError, match="another process works with the key of 0xf39F"):
                    await refuse_second(second, announced, ACCOUNT)
                # Its own folder, at another port: it only comes back.
                await refuse_second(first, announced, ACCOUNT)
            await refuse_second(second, announced, ACCOUNT)

    asyncio.run(scenario())


def test_another_program_at_the_announced_port_is_no_second_process() -> None:
    async def scenario() -> None:
        async with swarm(3) as stranger, swarm(2) as second:
            parts, other = Endpoint.parse(stranger.endpoint), Endpoint.parse(second.endpoint)
            gone = "12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5"
            left = Endpoint(parts.control_host, parts.control_port, gone, other.data_host, other.data_port)
            await refuse_second(second, str(left), ACCOUNT)
            await refuse_second(second, str(Endpoint.outbound(gone)), ACCOUNT)
            await refuse_second(second, "", ACCOUNT)

    asyncio.run(scenario())


def test_who_cannot_be_asked_is_told_of_once() -> None:
    told = Told()

    async def scenario() -> None:
        async with swarm(1) as ours, swarm(2, accepts=False) as replaced, swarm(3, accepts=False) as hidden:
            watch = KeyWatch(told, ours.endpoint, replaced.endpoint)
            for announced in ("", ours.endpoint, replaced.endpoint, hidden.endpoint, hidden.endpoint):
                watch.look(announced)

    asyncio.run(scenario())
    assert len(told.lines) == 1
    assert "another process works with this key and announced itself at /p2p/" in told.lines[0]
