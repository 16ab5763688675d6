"""Counting: the numbers of the status file and of the Prometheus endpoint, and nothing that grows without end."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from cupel.protocol.config import ConfigError
from cupel.protocol.metrics_endpoint import HOST, metrics_endpoint
from cupel.verifier.meters import STATUS_FILE, Meters, counted


class Silent:
    """Takes everything."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def emit(self, event: str, **fields: Any) -> None:
        self.events.append(event)


def busy() -> Meters:
    meters = Meters(Silent(), lambda: {"queue": 2})
    meters.emit("verdict", check="reward", passed=False, reason="wrong-reward")
    meters.emit("verdict", check="reward", passed=True, reason="")
    meters.emit("verdict", check="reward", passed=True, reason="")
    meters.emit("challenged", judge="objective", reason="wrong-reward")
    meters.emit("resolved", guilty=True)
    meters.emit("transaction", action="challenge", gas=80_000)
    meters.emit("transaction", action="challenge", gas=1)
    meters.emit("error", message="the disk is full")
    return meters


def test_events_are_counted_and_passed_on() -> None:
    silent = Silent()
    meters = Meters(silent)
    meters.emit("verdict", check="reward", passed=True)
    meters.emit("transfer", bytes_in=1)
    assert silent.events == ["verdict", "transfer"]
    assert dict(meters.counts) == {("verdicts_total", (("check", "reward"), ("outcome", "passed"))): 1}


def test_prometheus_text() -> None:
    lines = busy().prometheus().splitlines()
    assert 'cupel_verifier_verdicts_total{check="reward",outcome="passed"} 2' in lines
    assert 'cupel_verifier_findings_total{reason="wrong-reward"} 1' in lines
    assert 'cupel_verifier_challenges_total{judge="objective"} 1' in lines
    assert 'cupel_verifier_resolved_total{outcome="guilty"} 1' in lines
    assert 'cupel_verifier_gas_total{action="challenge"} 80001' in lines
    assert "cupel_verifier_errors_total 1" in lines
    assert "cupel_verifier_queue 2" in lines


def test_texts_of_errors_make_no_counters() -> None:
    assert counted("error", {"message": "a"}) == counted("error", {"message": "b"})


def test_the_status_file_is_written_at_the_end(tmp_path: Path) -> None:
    async def scene() -> None:
        async with busy().writing(tmp_path / "new"):
            pass

    asyncio.run(scene())
    document = json.loads((tmp_path / "new" / STATUS_FILE).read_text())
    assert document["gauges"] == {"queue": 2}
    assert {"name": "errors_total", "labels": {}, "count": 1} in document["counters"]


async def ask(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(request)
    await writer.drain()
    answer = await reader.read()
    writer.close()
    return answer


@pytest.mark.parametrize(
    ("request_bytes", "start"),
    [
        (b"GET /metrics HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK"),
        (b"POST /metrics HTTP/1.1\r\n\r\n", b"HTTP/1.1 404"),
        (b"GET /etc/passwd HTTP/1.1\r\n\r\n", b"HTTP/1.1 404"),
        (b"\xff\r\n\r\n", b"HTTP/1.1 404"),
    ],
)
def test_the_endpoint_answers_one_question(request_bytes: bytes, start: bytes) -> None:
    async def scene() -> bytes:
        async with metrics_endpoint(busy().prometheus, 0) as port:
            return await ask(port, request_bytes)

    assert asyncio.run(scene()).startswith(start)


def test_an_endless_request_is_cut_off() -> None:
    async def scene() -> bytes:
        async with metrics_endpoint(busy().prometheus, 0) as port:
            await ask(port, b"x" * 100_000)
            return await ask(port, b"GET /metrics HTTP/1.1\r\n\r\n")

    assert asyncio.run(scene()).startswith(b"HTTP/1.1 200 OK")


def test_a_taken_port_is_a_setting_to_correct() -> None:
    async def scene() -> None:
        async with metrics_endpoint(busy().prometheus, 0) as port, metrics_endpoint(busy().prometheus, port):
            pass

    with pytest.raises(ConfigError, match="metrics-port"):
        asyncio.run(scene())
