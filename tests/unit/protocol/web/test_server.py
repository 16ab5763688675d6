"""Pages come whole and from one place; a document is taken from this server's own page alone."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from cupel.protocol.chain.deployments import Deployment
from cupel.protocol.chain.errors import ChainUnavailable
from cupel.protocol.config import ConfigError
from cupel.protocol.settings import Settings
from cupel.protocol.spec.task import TaskSpec
from cupel.protocol.testing.builders import example_spec
from cupel.protocol.web.files import network_of, page_files, write_pages
from cupel.protocol.web.server import make_app

ADDRESSES = [f"0x{number:040d}" for number in range(1, 8)]


@pytest.fixture
def network(tmp_path: Path) -> dict[str, Any]:
    path = tmp_path / "deployment.json"
    Deployment(31337, 5, *ADDRESSES).write(path)
    return network_of(Settings(deployment=str(path)))


def ask(
    network: dict[str, Any], taken: list[bytes] | None, *request: Any, **options: Any
) -> tuple[int, str, dict[str, str]]:
    async def publish(document: bytes, dispute_seconds: int) -> list[str]:
        TaskSpec.from_bytes(document)
        assert taken is not None
        if dispute_seconds == 0:
            raise ChainUnavailable("no block yet")
        taken.append(document)
        return ADDRESSES[:3]

    async def run() -> tuple[int, str, dict[str, str]]:
        app = make_app(page_files(network), None if taken is None else publish)
        async with TestClient(TestServer(app)) as client:
            if options.get("headers", {}).get("Origin") == "own":
                options["headers"]["Origin"] = str(client.make_url("/")).rstrip("/")
            async with client.request(*request, **options) as response:
                return response.status, await response.text(), dict(response.headers)

    return asyncio.run(run())


def test_every_file_a_page_asks_for_is_there_and_from_here(network: dict[str, Any]) -> None:
    files = page_files(network)
    for name in ("index.html", "challenge.html"):
        page = files[name].decode()
        named = set(re.findall(r'(?:src|href)="([^"]+)"', page)) - {"data:,"}
        assert named <= set(files)
        # The policy forbids inline styles and scripts: one would silently not apply.
        assert "style=" not in page
        assert "<script>" not in page
    for name, content in files.items():
        if name.endswith(".js"):
            imported = re.findall(r'^(?:import|export) .* from "\./([^"]+)"', content.decode(), re.MULTILINE)
            assert set(imported) <= set(files), name
    status, _, headers = ask(network, None, "GET", "/")
    assert (status, "default-src 'self'" in headers["Content-Security-Policy"]) == (200, True)


def test_the_network_is_the_deployment_s(network: dict[str, Any]) -> None:
    told = json.loads(ask(network, None, "GET", "/network.json")[1])
    assert (told["hub"], told["first_block"], told["rpc_url"]) == (
        ADDRESSES[0],
        5,
        "http://127.0.0.1:8545",
    )


def test_a_document_is_taken_from_the_server_s_own_page(network: dict[str, Any]) -> None:
    document, taken = example_spec().to_bytes(), list[bytes]()
    own = {"X-Cupel": "publish", "Origin": "own"}
    place = "/spec?dispute_seconds=60"
    status, told, _ = ask(network, taken, "PUT", place, data=document, headers=dict(own))
    assert (status, json.loads(told)) == (200, {"judges": ADDRESSES[:3]})
    assert taken == [document]
    assert ask(network, taken, "PUT", place, data=b"{}", headers=dict(own))[0] == 422
    assert ask(network, taken, "PUT", "/spec", data=document, headers=dict(own))[0] == 422
    assert ask(network, taken, "PUT", "/spec?dispute_seconds=0", data=document, headers=dict(own))[0] == 503
    elsewhere = own | {"Origin": "https://elsewhere.example"}
    assert ask(network, taken, "PUT", "/spec", data=document, headers=elsewhere)[0] == 403
    assert ask(network, taken, "PUT", "/spec", data=document, headers={"Origin": "own"})[0] == 404
    assert ask(network, None, "PUT", "/spec", data=document, headers=dict(own))[0] == 404
    assert taken == [document]


def test_a_name_that_points_here_is_no_way_in(network: dict[str, Any]) -> None:
    assert ask(network, None, "GET", "/", headers={"Host": "rebound.example:80"})[0] == 421


def test_pages_are_written_to_a_new_folder_alone(network: dict[str, Any], tmp_path: Path) -> None:
    write_pages(tmp_path / "site", network)
    assert {one.name for one in (tmp_path / "site").iterdir()} == set(page_files(network))
    with pytest.raises(ConfigError, match="not empty"):
        write_pages(tmp_path / "site", network)
