"""The API says what openapi.json says, reads only, and is closed to others without a token."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Awaitable, Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import pytest
from aiohttp.test_utils import TestClient, TestServer

from cupel.protocol.account.reading import HubReading
from cupel.protocol.activity import ActivityLog, keep_transfers, newest_transfers
from cupel.protocol.chain.bindings import hub, structs
from cupel.protocol.chain.contract import Event, Logged
from cupel.protocol.chain.deployments import Deployment
from cupel.protocol.config import ConfigError
from cupel.protocol.dashboard.peers import Seen
from cupel.protocol.dashboard.server import make_app, read_token
from cupel.protocol.network.statistics import FileInFlight, TransferStatistics
from cupel.protocol.spec.jury_evidence import JuryEvidence
from cupel.protocol.spec.rollout import Metrics
from cupel.protocol.testing.vectors import example_params
from cupel.protocol.testing.waiting import eventually

Result = TypeVar("Result")
TASK = b"\x01" * 32
NODE, JUDGE, JURY, TOKEN, VERIFIER, DATA = (f"0x{number:040d}" for number in range(1, 7))
DEPLOYMENT = Deployment(31337, 0, "0x" + "9" * 40, TOKEN, JUDGE, JURY, DATA, "0x" + "7" * 40, "0x" + "8" * 40)
PARAMS = dataclasses.replace(
    example_params(), start=1000, round_seconds=100, commit_seconds=60, rounds=4, challenge_window=120, rate=7
)
PEER = "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA"
REACHED, SILENT = (f"/ip4/10.0.0.{n}/tcp/4001/p2p/{PEER},/ip4/10.0.0.{n}/tcp/8080/http" for n in (1, 2))
OUTBOUND = f"/p2p/{PEER}"
ACCUSED = structs.Challenge(TASK, NODE, 0, JURY, VERIFIER, TOKEN, 100, 5, 1500, bytes(32))
EVENTS: tuple[Event, ...] = (
    hub.TaskCreated(TASK, NODE, PARAMS, 1000),
    hub.Joined(TASK, NODE, NODE, VERIFIER, 400, 0),
    hub.EndpointSet(NODE, REACHED),
    hub.EndpointSet(VERIFIER, SILENT),
    hub.EndpointSet(JURY, OUTBOUND),
    hub.EndpointSet(DATA, "somewhere"),
    hub.Committed(TASK, NODE, 0, 0, bytes(32), b"\x05" * 32, 10, 1050),
    hub.Claimed(TASK, NODE, 10, 70, VERIFIER, 1),
    hub.Committed(TASK, NODE, 1, 1, bytes(32), b"\x06" * 32, 10, 1150),
    hub.CheckpointPosted(TASK, 1, NODE, 2, b"\x0a" * 32, 1110),
    hub.Challenged(3, TASK, NODE, ACCUSED, JuryEvidence(4, "toploc-exponent", bytes(32)).to_bytes(), 1160),
)


@dataclasses.dataclass
class Fixed:
    """A reading that does not change."""

    reading: HubReading
    problem: str = ""
    metrics: Mapping[bytes, Metrics] = dataclasses.field(default_factory=dict)
    seen: Mapping[str, Seen] = dataclasses.field(default_factory=dict)


def followed() -> Fixed:
    logged = tuple(
        Logged(event, DEPLOYMENT.hub, 7, bytes(32), bytes([index]) * 32, index)
        for index, event in enumerate(EVENTS)
    )
    reading = HubReading(DEPLOYMENT, 1170, logged)
    for event in EVENTS:
        reading.ledger.apply(event)
    metrics = {b"\x05" * 32: Metrics(250_000, 1_500_000)}
    return Fixed(reading, metrics=metrics, seen={REACHED: Seen(True, 12), SILENT: Seen(False, 3000)})


def with_client(
    work: Callable[[TestClient[Any, Any]], Awaitable[Result]],
    token: str | None = None,
    folder: Path = Path("absent"),
) -> Result:
    async def run() -> Result:
        async with TestClient(TestServer(make_app(followed(), token, folder))) as client:
            return await work(client)

    return asyncio.run(run())


def get(
    path: str, token: str | None = None, given: str = "", folder: Path = Path("absent")
) -> tuple[int, Any, Mapping[str, str]]:
    async def ask(client: TestClient[Any, Any]) -> tuple[int, Any, Mapping[str, str]]:
        headers = {"Authorization": f"Bearer {given}"} if given else {}
        async with client.get(path, headers=headers) as response:
            text = await response.text()
            return (
                response.status,
                json.loads(text) if "json" in response.content_type else text,
                response.headers,
            )

    return with_client(ask, token, folder)


def check(value: Any, schema: Mapping[str, Any], schemas: Mapping[str, Any], path: str) -> None:
    """As much of JSON Schema as openapi.json uses; a key that it does not name is a fault too."""
    if "$ref" in schema:
        return check(value, schemas[schema["$ref"].rsplit("/", 1)[1]], schemas, path)
    if "enum" in schema:
        assert value in schema["enum"], path
        return None
    kinds = {
        "string": str,
        "boolean": bool,
        "integer": int,
        "null": type(None),
        "object": dict,
        "array": list,
    }
    named = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    assert isinstance(value, tuple(kinds[kind] for kind in named)), f"{path}: {value!r}"
    if isinstance(value, list):
        for place, item in enumerate(value):
            check(item, schema["items"], schemas, f"{path}[{place}]")
    if isinstance(value, dict) and "properties" in schema:
        properties, required = dict(schema["properties"]), set(schema["required"])
        for reference in schema.get("allOf", ()):
            base = schemas[reference["$ref"].rsplit("/", 1)[1]]
            properties, required = {**base["properties"], **properties}, required | set(base["required"])
        assert set(value) == set(properties) == required, path
        for name, item in value.items():
            check(item, properties[name], schemas, f"{path}.{name}")
    return None


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        ("/api/hub", "/api/hub"),
        ("/api/peers", "/api/peers"),
        ("/api/activity", "/api/activity"),
        ("/api/tasks/newest", "/api/tasks/{task}"),
        (f"/api/tasks/0x{TASK.hex()}", "/api/tasks/{task}"),
        (f"/api/tasks/newest/nodes/{NODE}", "/api/tasks/{task}/nodes/{node}"),
    ],
)
def test_every_answer_is_as_the_schema_says(path: str, pattern: str, tmp_path: Path) -> None:
    run_once(tmp_path)
    described = json.loads(files("cupel.protocol.dashboard.page").joinpath("openapi.json").read_text())
    schema = described["paths"][pattern]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    status, values, _ = get(path, folder=tmp_path)
    assert status == 200
    check(values, schema, described["components"]["schemas"], path)


def run_once(folder: Path) -> None:
    """What a process leaves behind that fetched a file, and said something it should not have."""

    class Nobody:
        def emit(self, event: str, **fields: Any) -> None:
            pass

    log = ActivityLog(folder, Nobody())
    log.emit("joined", quota=5)
    log.emit("error", message="https://me:key@rpc.example/v2/0123 does not answer", password="horse")
    moving = TransferStatistics(9, 8, 1, 1, 2, 0, 3, (), (FileInFlight("bafyroot", 3, 8, 2),))

    async def keep() -> None:
        keeping = asyncio.create_task(keep_transfers(folder, lambda: moving))
        await eventually(lambda: newest_transfers(folder) is not None)
        keeping.cancel()

    asyncio.run(keep())


def test_peers_are_told_with_what_was_seen_of_them() -> None:
    _, told, _ = get("/api/peers")
    found = {one["account"]: (one["role"], one["state"], one["address"]) for one in told["peers"]}
    assert found == {
        NODE: ("creator" if PARAMS.creator == NODE else "node", "answers", "10.0.0.1:8080"),
        VERIFIER: ("other", "silent", "10.0.0.2:8080"),
        JURY: ("other", "outbound", ""),
        DATA: ("other", "unusable", ""),
    }


def test_activity_is_bounded_newest_first_and_without_secrets(tmp_path: Path) -> None:
    assert get("/api/activity", folder=tmp_path)[1] == {"transfers": None, "events": []}
    run_once(tmp_path)
    _, told, _ = get("/api/activity", folder=tmp_path)
    assert [one["event"] for one in told["events"]] == ["error", "joined"]
    assert told["events"][0]["fields"] == {
        "message": "https://rpc.example does not answer",
        "password": "(hidden)",
    }
    assert told["transfers"]["files"] == [{"root": "bafyroot", "leaves_here": 3, "leaves": 8, "asked": 2}]
    assert "key" not in (tmp_path / "activity" / "events.jsonl").read_text()
    assert get("/api/activity", "a token of some length", folder=tmp_path)[0] == 401


def test_a_task_s_numbers() -> None:
    _, task, _ = get("/api/tasks/newest")
    assert (task["round"], task["round_began"], task["commit_until"]) == ("1", 1100, 1160)
    assert task["earned"] == {NODE: "70"}
    assert [(point["round"], point["reward_millionths"]) for point in task["points"]] == [
        (0, 250_000),
        (1, None),
    ]
    assert task["challenges"][0]["accusation"] == "toploc-exponent"
    assert task["versions"][0]["digest"] == "0x" + "0a" * 32


def test_rounds_come_newest_first_with_their_reasons() -> None:
    _, node, _ = get(f"/api/tasks/newest/nodes/{NODE.upper().replace('X', 'x')}")
    assert [one["standing"] for one in node["rounds"]] == ["waiting", "paid"]
    assert node["rounds"][1]["contests"][0]["accusation"] == "toploc-exponent"


@pytest.mark.parametrize(
    "path",
    [
        "/api/tasks/0x00",
        "/api/tasks/newest/nodes/nobody",
        f"/api/tasks/newest/nodes/{VERIFIER}",
        "/../pyproject.toml",
        "/absent",
    ],
)
def test_what_is_not_there_is_a_404_that_says_so(path: str) -> None:
    status, values, _ = get(path)
    assert status == 404
    assert values["error"]


def test_nothing_can_be_written() -> None:
    async def post(client: TestClient[Any, Any]) -> int:
        async with client.post("/api/hub", data=b"{}") as response:
            return response.status

    assert with_client(post) == 405


def test_the_page_comes_from_here_alone() -> None:
    for path in ("/", "/style.css", "/app.js", "/openapi.json"):
        status, text, headers = get(path)
        assert (status, "default-src 'self'" in headers["Content-Security-Policy"]) == (200, True)
        assert text
    page = get("/")[1]
    assert "http://" not in page
    assert "https://" not in page
    # The policy forbids inline styles and scripts: one would silently not apply.
    assert "style=" not in page
    assert "style:" not in get("/app.js")[1]


def test_a_token_is_asked_for_where_one_is_set() -> None:
    token = "a token of some length"
    assert get("/api/hub", token)[0] == 401
    assert get("/api/hub", token, given="another token entirely")[0] == 401
    assert get("/api/hub", token, given=token)[0] == 200
    # The page itself holds nothing: it asks for the token.
    assert get("/", token)[0] == 200


def test_an_address_that_others_reach_needs_a_token(tmp_path: Path) -> None:
    assert read_token("127.0.0.1", None) is None
    with pytest.raises(ConfigError, match="reached by others"):
        read_token("0.0.0.0", None)
    with pytest.raises(ConfigError, match="no IP address"):
        read_token("everywhere", None)
    file = tmp_path / "token"
    with pytest.raises(ConfigError, match="cannot read"):
        read_token("0.0.0.0", file)
    file.write_text("short\n")
    with pytest.raises(ConfigError, match="too short"):
        read_token("0.0.0.0", file)
    file.write_text("long enough to be a token\n")
    assert read_token("0.0.0.0", file) == "long enough to be a token"
