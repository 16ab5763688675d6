"""A network of a hub and a judge, with made-up code: all that planning and comparing look at."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cupel.networks.artefact import Artefact
from cupel.networks.network import Network
from cupel.networks.plan import Listed, Plan, make_plan

PROXY = "0x4e59b44847b379578588920cA78FbF26c0B4956C"
TOKEN = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
LISTED = (
    Listed("TestToken", (), "jury.token"),
    Listed("Hub", ()),
    Listed("Judge", ("Hub", "jury.token", "jury.size")),
)
ARTEFACTS = {
    "TestToken": Artefact("TestToken", b"\x01\x02", b"\x02", (), (), {}),
    "Hub": Artefact("Hub", b"\x03\x04", b"\x04\x05\x06", (), (), {"claim(uint256)": b"\x00\x00\x00\x01"}),
    "Judge": Artefact(
        "Judge",
        b"\x07\x08",
        b"\x08" + bytes(32) + b"\x09" + bytes(32) + b"\x0a" + bytes(32),
        (((1, 32), (67, 32)), ((34, 32),)),
        (("hub_", "address"), ("token_", "address"), ("size_", "uint8")),
        {"hub()": b"\x00\x00\x00\x02", "token()": b"\x00\x00\x00\x03", "size()": b"\x00\x00\x00\x04"},
    ),
}
NETWORK = Network(Path("test.toml"), 5, "salt", PROXY, False, {"jury.token": TOKEN, "jury.size": 3}, {})


@pytest.fixture
def network() -> Network:
    return NETWORK


@pytest.fixture
def plan_with() -> Callable[..., Plan]:
    """The plan of the network with these changes to its file, list or code."""

    def make(listed: tuple[Listed, ...] = LISTED, **changes: Any) -> Plan:
        parameters = NETWORK.parameters | changes.pop("parameters", {})
        artefacts = ARTEFACTS | changes.pop("artefacts", {})
        return make_plan(
            dataclasses.replace(NETWORK, parameters=parameters, **changes), listed, artefacts.__getitem__
        )

    return make
