"""The control plane when the thread below it dies, stalls, or never starts."""

import asyncio
import contextlib
import socket
import sys
import threading
from collections.abc import AsyncIterator, Iterator

import pytest

from cupel.protocol.network import control as control_module
from cupel.protocol.network.announcement import Announcement, AnnouncementKind
from cupel.protocol.network.control import MAX_QUEUED, ControlPlane, ControlSettings
from cupel.protocol.network.errors import ControlPlaneDown, LibraryMissing, PortTaken
from cupel.protocol.spec.hashing import sha256
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.testing.waiting import HANG_SECONDS, eventually

ACCOUNT = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"


def announcement(number: int) -> Announcement:
    return Announcement(
        AnnouncementKind.SUBMISSION, sha256(b"task"), ACCOUNT, number, Cid.raw_of(b"manifest")
    )


def make_plane(number: int, port: int = 0) -> ControlPlane:
    return ControlPlane(
        ControlSettings(bytes([number]) * 32, "127.0.0.1", port, "cupel-test"), lambda cid: None
    )


@contextlib.asynccontextmanager
async def started(number: int = 1) -> AsyncIterator[ControlPlane]:
    plane = make_plane(number)
    await plane.start()
    try:
        yield plane
    finally:
        await plane.close()


def crash(plane: ControlPlane) -> None:
    """End the thread as a bug in the library would."""

    def fail() -> None:
        raise RuntimeError("a bug in the library")

    assert plane._node is not None
    plane._node._token.run_sync_soon(fail)


@contextlib.contextmanager
def stalled(plane: ControlPlane) -> Iterator[None]:
    """Keep the thread busy, as a library that computes or blocks would."""
    release = threading.Event()
    assert plane._node is not None
    plane._node._token.run_sync_soon(release.wait, HANG_SECONDS)
    try:
        yield
    finally:
        release.set()


def test_every_call_after_a_crash_raises_and_none_hangs() -> None:
    async def scenario() -> None:
        async with started() as plane:
            reader = asyncio.ensure_future(anext(plane.announcements()))
            crash(plane)
            with pytest.raises(ControlPlaneDown, match="restart this process"):
                await asyncio.wait_for(reader, HANG_SECONDS)
            with pytest.raises(ControlPlaneDown, match="restart this process"):
                await plane.publish(announcement(1))
            with pytest.raises(ControlPlaneDown):
                plane.set_peers({})
            assert plane.num_peers == 0

    asyncio.run(scenario())


def test_a_call_that_is_waiting_when_the_thread_crashes_raises() -> None:
    async def scenario() -> None:
        async with started() as plane:
            with stalled(plane):
                publishing = asyncio.ensure_future(plane.publish(announcement(1)))
                await asyncio.sleep(0)
                crash(plane)
            with pytest.raises(ControlPlaneDown):
                # Well before the publish deadline: it is the crash that ends the wait.
                await asyncio.wait_for(publishing, control_module.PUBLISH_SECONDS / 2)

    asyncio.run(scenario())


def test_a_stalled_thread_costs_the_deadline_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_module, "PUBLISH_SECONDS", 0.2)
    monkeypatch.setattr(control_module, "CLOSE_SECONDS", 0.2)

    async def scenario() -> None:
        plane = make_plane(1)
        await plane.start()
        with stalled(plane):
            with pytest.raises(ControlPlaneDown, match=r"no answer within 0\.2 s"):
                await plane.publish(announcement(1))
            await plane.close()
            assert not plane._ended.done()
        await eventually(plane._ended.done)

    asyncio.run(scenario())


def test_readers_end_quietly_when_the_plane_is_closed() -> None:
    async def scenario() -> None:
        async with started() as plane:
            reader = asyncio.ensure_future(anext(plane.announcements(), None))
            await asyncio.sleep(0)
        assert await asyncio.wait_for(reader, HANG_SECONDS) is None

    asyncio.run(scenario())


def test_closing_ends_the_thread_and_may_be_repeated() -> None:
    async def scenario() -> None:
        plane = make_plane(1)
        await plane.start()
        await plane.close()
        assert plane._ended.done()
        await plane.close()
        with pytest.raises(ControlPlaneDown, match="it was closed"):
            await plane.publish(announcement(1))

    asyncio.run(scenario())


def test_repeats_are_dropped_and_a_slow_reader_loses_the_oldest() -> None:
    async def scenario() -> None:
        async with started() as plane:
            for number in [*range(MAX_QUEUED + 10), 3, 5]:
                plane.received(announcement(number).to_bytes())
            await eventually(lambda: len(plane._inbox) == MAX_QUEUED)
            heard = plane.announcements()
            rounds = [(await anext(heard)).round for _ in range(MAX_QUEUED)]
            assert rounds == list(range(10, MAX_QUEUED + 10))

    asyncio.run(scenario())


def test_a_missing_library_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("gossip", "host"):
        monkeypatch.delitem(sys.modules, f"cupel.protocol.network.{module}", raising=False)
    monkeypatch.setitem(sys.modules, "libp2p", None)
    with pytest.raises(LibraryMissing, match=r"pip install 'cupel\[p2p\]'"):
        asyncio.run(make_plane(1).start())


def test_a_taken_port_is_named_with_its_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(PortTaken, match=f"port {port} on 127.0.0.1 is taken.*p2p_port"):
            asyncio.run(make_plane(1, port).start())
