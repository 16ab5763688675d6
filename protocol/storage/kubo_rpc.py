"""Kubo's RPC over HTTP for synchronous callers: one answer for one command, within a deadline and a size.

The requests run on an event loop in a thread of its own, because only there can a whole request have a deadline: a
socket's timeout starts again with every byte that a stalling daemon sends.
Source: the RPC reference of Kubo (/api/v0; POST alone; errors as JSON with status 500, or 400 for the caller's) and
its core/commands.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import io
import json
import threading
from collections.abc import Sequence
from typing import Final

import aiohttp

from cupel.protocol.storage.port import StorageError, StorageFull

CONNECT_SECONDS: Final = 2.0
MAX_ERROR_BYTES: Final = 64 * 1024
_CONNECTIONS: Final = 16
# Go, Node and quotas word it so; the daemon passes its system's words on.
_FULL: Final = ("no space left", "enospc", "disk quota", "edquot", "file too large", "efbig")

Arguments = Sequence[tuple[str, str]]


class DaemonRefused(StorageError):
    """The daemon understood the command and could not carry it out."""

    def __init__(self, command: str, message: str) -> None:
        super().__init__(f"the IPFS daemon refused `{command}`: {message}", "look at the daemon's log")
        self.message = message


class WrongApi(StorageError):
    """Something answers at the address, but not Kubo's RPC."""


class KuboRpc:
    """A client of the daemon at `url`, such as `http://127.0.0.1:5001`; safe to call from several threads."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._loop = asyncio.new_event_loop()
        self._session: aiohttp.ClientSession | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, name="kubo-rpc", daemon=True)
        self._thread.start()

    def call(
        self,
        command: str,
        arguments: Arguments,
        deadline_seconds: float,
        max_bytes: int,
        upload: bytes | None = None,
    ) -> bytes:
        """The body of the answer to a command such as `block/get`; `upload` goes along as a file.

        DaemonRefused with the daemon's own words, StorageFull if these tell of a full disk, WrongApi for what no
        Kubo answers, StorageError for a daemon that is away, too slow or answers more than `max_bytes`.
        """
        request = self._request(command, arguments, max_bytes, upload)
        try:
            return asyncio.run_coroutine_threadsafe(
                asyncio.wait_for(request, deadline_seconds), self._loop
            ).result()
        except TimeoutError:
            problem = (
                f"the IPFS daemon at {self._url} did not answer `{command}` within {deadline_seconds:g} s"
            )
            raise StorageError(problem, "look at its load and its log, or restart it") from None
        except concurrent.futures.CancelledError:
            raise StorageError("the store was closed", "this happens when a process ends") from None
        except aiohttp.ClientConnectorError as error:
            problem = f"store: no IPFS daemon listens at {self._url} ({error.os_error.strerror})"
            raise StorageError(
                problem, "start one (`ipfs daemon`), or correct the setting `store`"
            ) from error
        except (aiohttp.ClientError, OSError) as error:
            problem = f"the IPFS daemon at {self._url} broke off `{command}` ({error})"
            raise StorageError(problem, "look at its log, or restart it") from error

    def close(self) -> None:
        """End what is under way, the connections and the thread; no call may follow."""
        asyncio.run_coroutine_threadsafe(self._end_all(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end_all(self) -> None:
        """A search may have minutes left, and its caller's thread would wait for a loop that has stopped."""
        calls = asyncio.all_tasks() - {asyncio.current_task()}
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def _request(
        self, command: str, arguments: Arguments, max_bytes: int, upload: bytes | None
    ) -> bytes:
        form = None
        if upload is not None:
            form = aiohttp.FormData()
            form.add_field(
                "file", io.BytesIO(upload), filename="upload", content_type="application/octet-stream"
            )
        async with self._opened().post(
            f"{self._url}/api/v0/{command}", params=list(arguments), data=form, allow_redirects=False
        ) as response:
            if response.status == 200:
                return await _read_at_most(response, command, max_bytes)
            raise _problem(self._url, command, response.status, await _read_error(response))

    def _opened(self) -> aiohttp.ClientSession:
        # Made here because a session belongs to the loop that it is made on.
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=_CONNECTIONS),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"Accept-Encoding": "identity"},
                auto_decompress=False,
            )
        return self._session


def _problem(url: str, command: str, status: int, body: bytes) -> StorageError:
    """What an answer other than 200 means."""
    if status in (401, 403):
        return StorageError(
            f"store: the IPFS daemon at {url} does not let this process in (HTTP {status})",
            "allow it in the daemon's configuration (API.Authorizations, API.HTTPHeaders)",
        )
    message = _error_message(body)
    if status in (400, 500) and message is not None:
        if any(word in message.lower() for word in _FULL):
            return StorageFull(
                f"the IPFS daemon at {url} has no space left ({message})",
                "free some space on its disk, run `ipfs repo gc` or move its repository",
            )
        return DaemonRefused(command, message)
    return WrongApi(
        f"store: what answers at {url} is not Kubo's RPC (HTTP {status} for `{command}`)",
        "set `store` to the address that `ipfs config Addresses.API` prints, not to the gateway's",
    )


def _error_message(body: bytes) -> str | None:
    try:
        message = json.loads(body)["Message"]
    except (ValueError, KeyError, TypeError):
        return None
    return message if isinstance(message, str) else None


async def _read_at_most(response: aiohttp.ClientResponse, command: str, max_bytes: int) -> bytes:
    body = bytearray()
    async for part in response.content.iter_any():
        body += part
        if len(body) > max_bytes:
            raise StorageError(
                f"the IPFS daemon answered more than {max_bytes} bytes to `{command}`",
                "check which daemon `store` names",
            )
    return bytes(body)


async def _read_error(response: aiohttp.ClientResponse) -> bytes:
    # Of an error that is longer, the beginning says enough; it is then not JSON and so no daemon's.
    return await response.content.read(MAX_ERROR_BYTES)
