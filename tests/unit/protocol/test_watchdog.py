"""What systemd is told: that the process is ready, that its loop turns, and that it ends."""

import asyncio
import socket
from pathlib import Path

from cupel.protocol.watchdog import watched


def test_a_service_manager_hears_of_the_process(tmp_path: Path) -> None:
    path = str(tmp_path / "notify")

    async def scene() -> list[bytes]:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(path)
            manager.setblocking(False)
            loop, heard = asyncio.get_running_loop(), []
            async with watched({"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "30000"}):
                heard += [await loop.sock_recv(manager, 64) for _ in range(4)]
            while heard[-1] == b"WATCHDOG=1":  # one more, if its time came before the block ended
                heard.append(await loop.sock_recv(manager, 64))
            return heard

    ready, *beats, stopping = asyncio.run(scene())
    assert (ready, set(beats), stopping) == (b"READY=1", {b"WATCHDOG=1"}, b"STOPPING=1")
    assert len(beats) >= 3


def test_without_a_service_manager_nothing_is_told() -> None:
    async def scene() -> None:
        async with watched({}):
            pass
        async with watched({"NOTIFY_SOCKET": "/nowhere/at/all", "WATCHDOG_USEC": "5"}):
            pass

    asyncio.run(scene())
