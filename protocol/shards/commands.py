"""What the commands of `cupel shards` do."""

from __future__ import annotations

import asyncio
import gc
import random
import signal
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from cupel.protocol.config import ConfigError
from cupel.protocol.network.client import BlockClient
from cupel.protocol.network.exchange.exchange import Exchange
from cupel.protocol.network.exchange.wire import Wire
from cupel.protocol.network.server import BlockServer
from cupel.protocol.network.upload_limit import UploadLimit
from cupel.protocol.shards.nodes import fetch_leaves
from cupel.protocol.shards.relay import Relay
from cupel.protocol.shards.screen import Screen, cpu_seconds
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.spec.shardcast.unixfs import Link
from cupel.protocol.storage.files import file_leaves
from cupel.protocol.storage.filesystem import FilesystemStore
from cupel.protocol.storage.port import BlockStore
from cupel.protocol.storage.publishing import published_file
from cupel.protocol.storage.whole_files import WholeFiles

EXIT_INTERRUPTED: Final = 130


@dataclass(frozen=True, slots=True)
class Serving:
    """How a command serves."""

    host: str
    port: int
    upload_limit: int | None


def until_signal(work: Coroutine[Any, Any, None]) -> int:
    """Run `work`; SIGINT and SIGTERM cancel it, which is exit code 130."""

    async def main() -> int:
        task = asyncio.ensure_future(work)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, task.cancel)
        try:
            await task
        except asyncio.CancelledError:
            return EXIT_INTERRUPTED
        return 0

    # What was loaded stays: the collector need not look at it again and again.
    gc.freeze()
    return asyncio.run(main())


def publish(file: Path, folder: Path, serving: Serving, screen: Screen) -> int:
    """Hash `file` and serve it until a signal comes; the exit code."""
    num_bytes = file.stat().st_size if file.is_file() else 0
    with published_file(
        FilesystemStore(folder), file, lambda done: screen.progress("hashed", done, num_bytes)
    ) as (root, store):
        return until_signal(_give(store, root, serving, screen))


async def _give(store: BlockStore, root: Link, serving: Serving, screen: Screen) -> None:
    async with BlockClient(random.Random()) as client, _exchange(client) as exchange:
        leaves = await asyncio.to_thread(file_leaves, store, root.cid)
        exchange.publish(root.cid, len(set(leaves)))
        async with _serving(store, exchange, serving, screen, root.cid, root.file_bytes):
            await _for_ever()


async def fetch(
    root: Cid,
    sources: Sequence[str],
    folder: Path,
    out: Path | None,
    serving: Serving | None,
    screen: Screen,
) -> None:
    """Fetch a file; with `serving`, serve what arrives from the first block on, until cancelled."""
    base = FilesystemStore(folder)
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(BlockClient(random.Random()))
        exchange = await stack.enter_async_context(_exchange(client))
        server = None
        if serving is not None:
            server = await stack.enter_async_context(_serving(base, exchange, serving, screen, root, 0))
        leaves = await fetch_leaves(root, sources, base, client.request)
        file = stack.enter_context(WholeFiles(folder).open(base, root, leaves))
        if server is not None:
            server.use(file.store)
        total, got = sum(leaf.file_bytes for leaf in leaves), 0

        def progress(num_bytes: int) -> None:
            nonlocal got
            got += num_bytes
            screen.progress("fetched", got, total)

        await asyncio.to_thread(_take_over, base, file.store.missing(), file.store)
        await exchange.fetch(root, leaves, file.store, sources, progress)
        await asyncio.to_thread(file.finish, out)
        screen.event(
            "done",
            cid=str(root),
            bytes=total,
            fetched_bytes=got,
            seconds=screen.seconds,
            cpu_seconds=cpu_seconds(),
        )
        if server is not None:
            await _for_ever()


async def relay(
    upstreams: Sequence[str], folder: Path, max_bytes: int, serving: Serving, screen: Screen
) -> None:
    """Serve what `upstreams` have until cancelled."""
    store = FilesystemStore(folder)
    async with BlockClient(random.Random()) as client:
        passing = Relay(store, upstreams, client.request, max_bytes)
        server = BlockServer(store, upload_limit=UploadLimit(serving.upload_limit), bring=passing.bring)
        try:
            port = await server.start(serving.host, serving.port)
            screen.event("serving", url=f"http://{serving.host}:{port}", upstreams=len(upstreams))
            await _for_ever()
        finally:
            await server.close()
            await passing.close()


def parsed_cid(text: str) -> Cid:
    """ConfigError for what is no CID of ours."""
    try:
        return Cid.parse(text)
    except Rejected as rejected:
        raise ConfigError("CID", f"{text!r} is {rejected.detail}", "Copy what `publish` printed") from None


def checked_sources(option: str, urls: Sequence[str]) -> list[str]:
    """The URLs without a slash at their ends, each once; ConfigError for what is no URL of a gateway."""
    for url in urls:
        try:
            parts = urlsplit(url)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        if not usable or parts.query or parts.fragment or parts.username is not None or not url.isascii():
            raise ConfigError(option, f"{url!r} is no gateway", "Use an address like http://10.0.0.5:8080")
    return list(dict.fromkeys(url.rstrip("/") for url in urls))


def checked_out(out: Path | None) -> Path | None:
    """ConfigError for a file that cannot be."""
    if out is not None and (out.is_dir() or not out.parent.is_dir()):
        raise ConfigError("--out", f"{out} cannot be written", "Name a file in a folder that exists")
    return out


def _exchange(client: BlockClient) -> Exchange:
    return Exchange(Wire(client.request, client.request_many, client.post), random.Random())


@asynccontextmanager
async def _serving(
    store: BlockStore, exchange: Exchange, serving: Serving, screen: Screen, root: Cid, num_bytes: int
) -> AsyncIterator[BlockServer]:
    server = BlockServer(store, [exchange.route], upload_limit=UploadLimit(serving.upload_limit))
    port = await server.start(serving.host, serving.port)
    exchange.serve_at(port)
    screen.event("serving", cid=str(root), url=f"http://{serving.host}:{port}", bytes=num_bytes)
    try:
        yield server
    finally:
        await server.close()


async def _for_ever() -> None:
    await asyncio.Event().wait()


def _take_over(base: BlockStore, missing: Sequence[Cid], store: BlockStore) -> None:
    """Leaves that are here as blocks go into the file."""
    for cid in set(missing).intersection(base.cids()):
        if (block := base.get(cid)) is not None:
            store.put(block, cid)
