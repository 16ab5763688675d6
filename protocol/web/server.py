"""The pages over HTTP on loopback; a page of this server alone may hand it a task's document."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from aiohttp import web

from cupel.protocol.chain.errors import ChainUnavailable
from cupel.protocol.network.listening import bind
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.task import MAX_SPEC_BYTES
from cupel.protocol.web.files import KINDS

HOST: Final = "127.0.0.1"
# Scripts come from here; the chain's endpoint and the nodes' block servers may be anywhere; wallets bring icons along.
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'self'; connect-src 'self' http: https:; img-src 'self' data:; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

Publish = Callable[[bytes, int], Awaitable[Sequence[str]]]
"""Takes a task's document and its dispute_seconds; the judges that such a task has a use for. Rejected for what is no
document, ChainUnavailable."""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def serve(
    files: Mapping[str, bytes], publish: Publish | None, port: int, told: Callable[[str], None]
) -> None:
    """Serve until cancelled. `told` gets the pages' address. PortTaken."""
    runner = web.AppRunner(make_app(files, publish), access_log=None)
    await runner.setup()
    try:
        listener = bind("port", HOST, port)
        await web.SockSite(runner, listener).start()
        told(f"http://{HOST}:{listener.getsockname()[1]}/")
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


def make_app(files: Mapping[str, bytes], publish: Publish | None) -> web.Application:
    """The application; a test can serve it as it is."""

    async def put_spec(request: web.Request) -> web.Response:
        # Other sites' pages reach this machine too, but cannot set this header without being asked first.
        if publish is None or request.headers.get("X-Cupel") != "publish":
            return _problem(404, "nothing is taken here")
        if request.headers.get("Origin", "") != f"http://{request.host}":
            return _problem(403, "only this server's own page may do that")
        try:
            seconds = int(request.query.get("dispute_seconds", ""))
            judges = await publish(await request.read(), seconds)
        except (Rejected, ValueError) as rejected:
            return _problem(422, str(rejected))
        except ChainUnavailable as problem:
            return _problem(503, str(problem))
        return web.json_response({"judges": list(judges)})

    app = web.Application(middlewares=[_guard], client_max_size=MAX_SPEC_BYTES)
    for name, content in files.items():
        app.router.add_get(f"/{name}", _static(content, KINDS[Path(name).suffix]))
    app.router.add_get("/", _static(files["index.html"], KINDS[".html"]))
    app.router.add_put("/spec", put_spec)
    return app


@web.middleware
async def _guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    # A name that somebody points at this machine would make its owner's page the same origin as ours.
    if request.host.rsplit(":", 1)[0] not in (HOST, "localhost"):
        return _problem(421, "ask for 127.0.0.1 or localhost")
    try:
        response = await handler(request)
    except web.HTTPException as error:
        return _problem(error.status, error.reason)
    response.headers.update(HEADERS)
    return response


def _static(content: bytes, kind: str) -> Handler:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=content, content_type=kind, charset="utf-8")

    return answer


def _problem(status: int, text: str) -> web.Response:
    return web.json_response({"error": text}, status=status, headers=HEADERS)
