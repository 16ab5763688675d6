"""Where statements and wheels come from: files, plain web servers, and whoever serves blocks by their address.

None of them is trusted: whoever reads checks signatures and digests.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urljoin

import aiohttp

from cupel.protocol.config import ConfigError
from cupel.protocol.network.client import BlockClient
from cupel.protocol.network.errors import NetworkError
from cupel.protocol.network.fetching import fetch_each, fetch_file
from cupel.protocol.network.outcome import NotDelivered
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.shardcast.cid import Cid
from cupel.protocol.spec.shardcast.unixfs import Link
from cupel.protocol.storage.filesystem import FilesystemStore

ANSWER_SECONDS: Final = 120.0


def is_url(place: str) -> bool:
    """Whether a place is on the web; any other is a file."""
    return place.startswith(("http://", "https://"))


def beside(place: str, name: str) -> str:
    """The place of a file of this name in the same folder; name has no slash."""
    return urljoin(place, name) if is_url(place) else str(Path(place).with_name(name))


def read(place: str, max_bytes: int) -> bytes:
    """What is there. Rejected(SIZE) above max_bytes, ConfigError for no file, NetworkError if no server delivers."""
    return asyncio.run(_download(place, max_bytes)) if is_url(place) else _read_file(Path(place), max_bytes)


def fetch(cid: str, sources: Sequence[str], max_bytes: int) -> bytes:
    """The file at this address from any of the block servers or IPFS gateways, each block checked.

    Rejected(SIZE, DAG) for another file than the address should lead to, NetworkError if nobody delivers.
    """
    return asyncio.run(_fetch(Cid.parse(cid), sources, max_bytes))


def _read_file(path: Path, max_bytes: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        problem = f"cannot read {path} ({error.strerror})"
        raise ConfigError("release", problem, "Name a file, or a URL that begins with https://") from None
    return _bounded(data, max_bytes)


async def _download(url: str, max_bytes: int) -> bytes:
    patience = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
    body = bytearray()
    try:
        async with aiohttp.ClientSession(timeout=patience) as session, session.get(url) as answer:
            answer.raise_for_status()
            async for piece in answer.content.iter_chunked(1 << 16):
                body += piece
                if len(body) > max_bytes:
                    break
    except aiohttp.ClientResponseError as error:
        raise NetworkError(f"{url} answers {error.status}; check the address") from None
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        problem = f"{url} does not answer ({type(error).__name__})"
        raise NetworkError(f"{problem}; try again later, or another address") from None
    return _bounded(bytes(body), max_bytes)


def _bounded(data: bytes, max_bytes: int) -> bytes:
    if len(data) > max_bytes:
        raise Rejected(Reason.SIZE, f"more than {max_bytes} bytes")
    return data


async def _fetch(root: Cid, sources: Sequence[str], max_bytes: int) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        store = FilesystemStore(Path(folder))
        async with BlockClient(random.Random()) as client:

            async def ask(cid: Cid, most: int) -> bytes:
                answers = {}
                for source in sources:
                    result = (await client.request(source, cid, most)).result
                    if not isinstance(result, NotDelivered):
                        return bytes(result)
                    answers[source] = result.name.lower()
                told = ", ".join(f"{source}: {answer}" for source, answer in answers.items())
                raise NetworkError(f"nobody delivers {cid} ({told}); name another source")

            async def leaves_of(_: Cid, leaves: Sequence[Link]) -> None:
                await fetch_each(store, ask, leaves)

            return await fetch_file(store, ask, leaves_of, root, max_bytes)
