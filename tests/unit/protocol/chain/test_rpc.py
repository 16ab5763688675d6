"""One endpoint: every way not to answer is told apart, none of them ends a process, and no answer is too long."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from typing import Any

import pytest

from cupel.protocol.chain import rpc
from cupel.protocol.chain.errors import ChainUnavailable, RateLimited
from cupel.protocol.chain.rpc import Refusal, Rpc
from cupel.protocol.testing.block_servers import Answer, cut_off, not_http, serving, with_body


def ask(answer: Answer) -> Any:
    async def scene() -> Any:
        async with serving(answer) as url:
            endpoint = Rpc(url)
            try:
                return await endpoint.request("eth_blockNumber", [])
            finally:
                await endpoint.close()

    return asyncio.run(scene())


def told(**fields: Any) -> Answer:
    return with_body(json.dumps({"jsonrpc": "2.0", "id": 0, **fields}).encode())


def error(code: int, message: str, **more: Any) -> Answer:
    return told(error={"code": code, "message": message, **more})


@pytest.fixture
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rpc, "RETRY_SECONDS", (0.0,))


def test_a_result_is_handed_on() -> None:
    assert ask(told(result="0x5")) == "0x5"
    assert ask(told(result=None)) is None


@pytest.mark.parametrize(
    "answer",
    [
        with_body(b"<html>Bad Gateway</html>", "502 Bad Gateway"),
        with_body(b"<html>hello</html>"),
        with_body(b""),
        with_body(b"[]"),
        with_body(b'"0x5"'),
        with_body(b"{}"),
        with_body(b"\xff\xfe"),
        with_body(b"[" * 100_000),
        cut_off(b'{"jsonrpc": "2.0", "res'),
        not_http,
        error(-32603, "internal error"),
        error(-32000, "header not found"),
        error(-32000, "missing trie node 1234"),
    ],
)
def test_nonsense_and_outages_are_for_a_while(answer: Answer) -> None:
    with pytest.raises(ChainUnavailable):
        ask(answer)


@pytest.mark.parametrize(
    "answer",
    [
        with_body(b"slow down", "429 Too Many Requests"),
        error(-32005, "limit exceeded"),
        error(-32000, "Too Many Requests"),
        error(429, "compute units per second exceeded"),
    ],
)
@pytest.mark.usefixtures("_at_once")
def test_a_rate_limit_is_named(answer: Answer) -> None:
    with pytest.raises(RateLimited, match="takes no more requests for now"):
        ask(answer)


@pytest.mark.usefixtures("_at_once")
def test_a_limited_request_is_tried_again() -> None:
    answers = iter([with_body(b"", "429 Too Many Requests"), told(result="0x5")])

    async def limited_once(request: str, writer: asyncio.StreamWriter) -> None:
        await next(answers)(request, writer)

    assert ask(limited_once) == "0x5"


def test_a_refusal_keeps_its_data() -> None:
    with pytest.raises(Refusal, match="eth_blockNumber: execution reverted") as refused:
        ask(error(3, "execution reverted", data="0x08c379a0"))
    assert refused.value.data == "0x08c379a0"
    with pytest.raises(Refusal, match="no reason"):
        ask(told(error="no reason"))


def test_libraries_leave_the_recursion_limit_alone() -> None:
    """With py_ecc's limit of 100,000 a hundred kilobytes of brackets end the process by a segmentation fault."""
    program = "import sys, json, cupel.protocol.chain.client, cupel.protocol.keys; json.loads('[' * 100_000)"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "RecursionError" in ended.stderr


def test_an_endless_answer_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rpc, "MAX_ANSWER_BYTES", 1000)
    with pytest.raises(ChainUnavailable):
        ask(with_body(b'{"result": "' + b"0" * 2000 + b'"}'))
