"""Spans as a collector gets them: real requests over loopback, decoded by the protocol's own messages."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from eth_account import Account

from cupel.protocol.spans import Origin, note, span, steps, traced
from cupel.protocol.testing.waiting import HANG_SECONDS, eventually

pytest.importorskip("opentelemetry.sdk", reason="the extra `traces` is not installed")

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from cupel.protocol import otlp  # needs the extra

TASK, NODE, VERIFIER = b"\1" * 32, Account.from_key(b"\5" * 32), Account.from_key(b"\6" * 32)
ORIGIN = Origin.of(TASK, NODE.address, 7)


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otlp, "SEND_SECONDS", HANG_SECONDS)


@dataclass
class Collector:
    """What was sent to it."""

    url: str = ""
    status: int = 200
    bodies: list[bytes] = field(default_factory=list)
    requests: list[ExportTraceServiceRequest] = field(default_factory=list)

    def spans(self) -> dict[str, tuple[dict[str, Any], Any]]:
        """By name: the attributes of its process, and the span."""
        found = {}
        for request in self.requests:
            for resource in request.resource_spans:
                process = values(resource.resource.attributes)
                for scope in resource.scope_spans:
                    found |= {one.name: (process, one) for one in scope.spans}
        return found


def values(attributes: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}


@contextmanager
def collecting(status: int = 200) -> Iterator[Collector]:
    """A collector on a free port of this machine."""
    collector = Collector(status=status)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status = collector.status  # as it was when this came, not when it is answered
            body = self.rfile.read(int(self.headers["content-length"]))
            collector.bodies.append(body)
            assert (self.path, self.headers["content-type"]) == ("/v1/traces", "application/x-protobuf")
            collector.requests.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *told: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collector.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Recorder:
    """Remembers events; stands in for the screen."""

    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def emit(self, event: str, **fields: Any) -> None:
        self.events.append((event, fields))


def process(
    collector: str, role: str, account: str, work: Callable[[], Coroutine[Any, Any, None]]
) -> Recorder:
    """A process's life: what it told."""
    recorder = Recorder()

    async def live() -> None:
        async with traced(collector, role, account, recorder):
            await work()

    asyncio.run(live())
    return recorder


async def a_round() -> None:
    with span("round", ORIGIN, first=True, node=NODE.address, round=7), steps() as step:
        step("rollouts")
        step("committing")
        with span("transaction", method="Hub.commit"):
            note(hash="0x" + "ab" * 32, gas=40_000)


async def an_audit() -> None:
    with span("audit", ORIGIN):
        with span("examine"):
            await asyncio.to_thread(a_check)
        note(finding="")


def a_check() -> None:
    with span("check", check="integrity"):
        note(finding="")


def test_node_and_verifier_meet_in_one_trace_without_a_message() -> None:
    with collecting() as collector:
        assert process(collector.url, "node", NODE.address, a_round).events == []
        assert process(collector.url + "/v1/traces/", "verifier", VERIFIER.address, an_audit).events == []
    spans = collector.spans()
    names = ["round", "rollouts", "committing", "transaction", "audit", "examine", "check"]
    assert sorted(spans) == sorted(names)
    assert {one.trace_id for _, one in spans.values()} == {ORIGIN.trace_id.to_bytes(16, "big")}
    ids = {name: one.span_id for name, (_, one) in spans.items()}
    assert ids["round"] == ORIGIN.span_id.to_bytes(8, "big")
    assert len(set(ids.values())) == len(names)
    parents = {name: one.parent_span_id for name, (_, one) in spans.items()}
    assert parents == {
        "round": b"",
        "rollouts": ids["round"],
        "committing": ids["round"],
        "transaction": ids["committing"],
        "audit": ids["round"],
        "examine": ids["audit"],
        "check": ids["examine"],
    }
    process_of_node, round_span = spans["round"]
    assert process_of_node["service.name"] == "cupel-node"
    assert process_of_node["service.instance.id"] == NODE.address
    assert spans["audit"][0]["service.name"] == "cupel-verifier"
    assert values(round_span.attributes) == {"cupel.node": NODE.address, "cupel.round": 7}
    assert values(spans["transaction"][1].attributes) == {
        "cupel.method": "Hub.commit",
        "cupel.hash": "0x" + "ab" * 32,
        "cupel.gas": 40_000,
    }
    assert all(one.start_time_unix_nano <= one.end_time_unix_nano for _, one in spans.values())


def test_a_round_begun_again_has_an_identifier_of_its_own() -> None:
    async def twice() -> None:
        for attempt in ("first", "second"):
            with contextlib.suppress(OSError), span(attempt, ORIGIN, first=True):
                raise OSError("the chain is away")

    with collecting() as collector:
        process(collector.url, "node", NODE.address, twice)
    spans = {name: one for name, (_, one) in collector.spans().items()}
    assert spans["second"].trace_id == spans["first"].trace_id
    assert spans["second"].parent_span_id == spans["first"].span_id == ORIGIN.span_id.to_bytes(8, "big")
    assert spans["second"].span_id != spans["first"].span_id


def test_a_span_of_another_commitment_goes_to_its_trace() -> None:
    other = Origin.of(TASK, NODE.address, 8)

    async def both() -> None:
        with span("audit", ORIGIN), span("twin", other), span("fetch"):
            pass

    with collecting() as collector:
        process(collector.url, "verifier", VERIFIER.address, both)
    spans = {name: one for name, (_, one) in collector.spans().items()}
    assert spans["twin"].trace_id == spans["fetch"].trace_id == other.trace_id.to_bytes(16, "big")
    assert spans["twin"].parent_span_id == other.span_id.to_bytes(8, "big")


def test_no_secret_reaches_the_collector() -> None:
    """Neither by an attribute nor by an exception; a stack trace and its values are never sent."""
    key, password = bytes(NODE.key).hex(), "correct horse"
    url = f"https://user:{password.replace(' ', '-')}@rpc.example/v3/0123456789abcdef?key=fedcba"

    async def careless() -> None:
        with span("transaction", url=url, password=password, private_key=key):
            note(secret=key, asked=f"asked {url} twice")
            with contextlib.suppress(OSError), span("fetch"):
                private = key  # a frame has it
                raise OSError(f"{url} does not answer {len(private)} questions")

    with collecting() as collector:
        process(collector.url, "node", NODE.address, careless)
    sent = b"".join(collector.bodies)
    for secret in (key, password, "correct-horse", "0123456789abcdef", "fedcba", "Traceback"):
        assert secret.encode() not in sent, secret
    failed = collector.spans()["fetch"][1]
    assert failed.status.message == "https://rpc.example does not answer 64 questions"
    assert values(failed.attributes) == {"error.type": "OSError"}
    assert not failed.events


def test_a_cancelled_span_is_no_error() -> None:
    async def cancelled() -> None:
        with contextlib.suppress(asyncio.CancelledError), span("audit", ORIGIN):
            raise asyncio.CancelledError

    with collecting() as collector:
        process(collector.url, "verifier", VERIFIER.address, cancelled)
    assert collector.spans()["audit"][1].status.code == 0


def test_a_failing_collector_is_told_once_and_disturbs_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It refuses twice, takes some, and refuses again: two lines, without the URL's path."""
    monkeypatch.setattr(otlp, "BATCH_SECONDS", 0.02)
    recorder, done = Recorder(), []

    async def live(collector: Collector) -> None:
        async with traced(collector.url, "node", NODE.address, recorder):
            for status in (400, 400, 200, 400):
                collector.status = status
                with span("work"):
                    done.append(status)
                await eventually(lambda: len(collector.requests) == len(done))

    with collecting() as collector, caplog.at_level(logging.WARNING):
        asyncio.run(live(collector))
    assert done == [400, 400, 200, 400]
    line = f"traces: {collector.url} takes no spans; the work goes on without"
    assert recorder.events == [("error", {"message": line})] * 2
    assert caplog.records == []


def test_where_nobody_listens_the_work_is_done_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otlp, "SEND_SECONDS", 0.2)
    with collecting() as gone:
        pass
    told = process(f"{gone.url}/v1/key-0123456789", "node", NODE.address, a_round)
    line = f"traces: {gone.url} takes no spans; the work goes on without"
    assert told.events == [("error", {"message": line})]
