"""The page and its API over HTTP: read-only, on loopback unless a token is given."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import ipaddress
import json
from collections.abc import Awaitable, Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, Protocol

from aiohttp import web

from cupel.protocol.account.reading import HubReading
from cupel.protocol.chain.contract import checksum
from cupel.protocol.chain.ledger import TaskLedger
from cupel.protocol.config import ConfigError
from cupel.protocol.dashboard.follower import Follower
from cupel.protocol.dashboard.peers import Seen, peers_view
from cupel.protocol.dashboard.views import activity_view, hub_view, node_view, task_view
from cupel.protocol.network.listening import bind
from cupel.protocol.settings import Settings
from cupel.protocol.spec.rollout import Metrics

_PAGE: Final = {
    "/": ("index.html", "text/html"),
    "/style.css": ("style.css", "text/css"),
    "/app.js": ("app.js", "text/javascript"),
    "/openapi.json": ("openapi.json", "application/json"),
}
_LEAST_TOKEN: Final = 16
# Everything comes from here, and nothing may be framed or sent elsewhere.
_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Followed(Protocol):
    """What the API answers from; `Follower` is one."""

    @property
    def reading(self) -> HubReading:
        """The newest."""

    @property
    def problem(self) -> str:
        """Why it is old; empty while it is not."""

    @property
    def metrics(self) -> Mapping[bytes, Metrics]:
        """By a submission manifest's digest."""

    @property
    def seen(self) -> Mapping[str, Seen]:
        """Peers that were looked at, by what they announced."""


async def serve(
    settings: Settings, host: str, port: int, token_file: Path | None, told: Callable[[str], None]
) -> int:
    """Serve until cancelled. `told` gets the page's address. ConfigError, ChainUnavailable, PortTaken."""
    token = read_token(host, token_file)
    async with Follower(settings) as follower:
        following = asyncio.create_task(follower.run())
        runner = web.AppRunner(make_app(follower, token, Path(settings.data_dir)), access_log=None)
        await runner.setup()
        try:
            listener = bind("port", host, port)
            await web.SockSite(runner, listener).start()
            told(f"http://{host}:{listener.getsockname()[1]}/")
            await following
        finally:
            following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await following
            await runner.cleanup()
    return 0


def read_token(host: str, token_file: Path | None) -> str | None:
    """The token that requests must bear. ConfigError for an address others reach without one."""
    try:
        is_loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        remedy = "Give 127.0.0.1, or an address of this machine"
        raise ConfigError("host", f"{host!r} is no IP address", remedy) from None
    if token_file is None:
        if not is_loopback:
            remedy = "Name a file with a token of at least 16 characters: --token-file"
            raise ConfigError("host", f"{host} is reached by others", remedy)
        return None
    try:
        token = token_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("token-file", f"cannot read {token_file} ({error})", "Check the path") from None
    if len(token) < _LEAST_TOKEN:
        raise ConfigError("token-file", "the token is too short", f"Use at least {_LEAST_TOKEN} characters")
    return token


def make_app(follower: Followed, token: str | None, data_dir: Path) -> web.Application:
    """The application; a test can serve it as it is. data_dir: of the process whose activity is shown."""

    async def hub(request: web.Request) -> web.Response:
        return _json(hub_view(follower.reading, follower.problem))

    async def task(request: web.Request) -> web.Response:
        return _json(task_view(follower.reading, _task(follower, request), follower.metrics))

    async def node(request: web.Request) -> web.Response:
        try:
            address = checksum(request.match_info["node"])
        except ValueError:
            raise _missing("not an address") from None
        ledger = _task(follower, request)
        if address not in ledger.members:
            raise _missing(f"{address} never joined this task")
        return _json(node_view(follower.reading, ledger, address))

    async def peers(request: web.Request) -> web.Response:
        return _json(peers_view(follower.reading, follower.seen))

    async def activity(request: web.Request) -> web.Response:
        return _json(await asyncio.to_thread(activity_view, data_dir))

    app = web.Application(middlewares=[_guard(token)])
    app.router.add_get("/api/peers", peers)
    app.router.add_get("/api/activity", activity)
    app.router.add_get("/api/hub", hub)
    app.router.add_get("/api/tasks/{task}", task)
    app.router.add_get("/api/tasks/{task}/nodes/{node}", node)
    for path, (name, kind) in _PAGE.items():
        app.router.add_get(path, _static(name, kind))
    return app


def _guard(token: str | None) -> Any:
    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if token is not None and request.path.startswith("/api/"):
            given = request.headers.get("Authorization", "").removeprefix("Bearer ")
            if not hmac.compare_digest(given.encode(), token.encode()):
                return web.json_response({"error": "a token is needed"}, status=401, headers=_HEADERS)
        try:
            response = await handler(request)
        except web.HTTPException as error:
            text = error.text or error.reason
            return web.json_response({"error": text}, status=error.status, headers=_HEADERS)
        response.headers.update(_HEADERS)
        return response

    return guard


def _static(name: str, kind: str) -> Handler:
    text = files("cupel.protocol.dashboard.page").joinpath(name).read_text(encoding="utf-8")

    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=text, content_type=kind)

    return answer


def _task(follower: Followed, request: web.Request) -> TaskLedger:
    try:
        return follower.reading.task(request.match_info["task"])
    except ConfigError as error:
        raise _missing(error.problem) from None


def _missing(text: str) -> web.HTTPNotFound:
    return web.HTTPNotFound(text=text)


def _json(values: dict[str, Any]) -> web.Response:
    return web.Response(text=json.dumps(values), content_type="application/json")
