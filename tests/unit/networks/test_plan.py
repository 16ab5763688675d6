"""Addresses follow from code and parameters, and a file that does not fit the list is refused."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_hash.auto import keccak

from cupel.networks.artefact import Artefact
from cupel.networks.plan import Argument, Listed, Plan, create2_address, read_list
from cupel.protocol.config import ConfigError

PlanWith = Callable[..., Plan]
TOKEN = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
PROXY = "0x4e59b44847b379578588920cA78FbF26c0B4956C"


# EIP-1014, examples 0, 3 and 5.
@pytest.mark.parametrize(
    ("proxy", "salt", "code", "address"),
    [
        ("0x" + 40 * "0", 0, "00", "0x4D1A2e2bB4F88F0250f26Ffff098B0b30B26BF38"),
        (
            "0x0000000000000000000000000000000000000000",
            0,
            "deadbeef",
            "0x70f2b2914A2a4b783FaEFb75f459A580616Fcb5e",
        ),
        (
            "0x00000000000000000000000000000000deadbeef",
            0xCAFEBABE,
            "deadbeef",
            "0x60f3f640a8508fC6a86d45DF051962668E1e8AC7",
        ),
    ],
)
def test_create2_is_the_chains(proxy: str, salt: int, code: str, address: str) -> None:
    assert create2_address(proxy, salt.to_bytes(32, "big"), bytes.fromhex(code)) == address


def test_a_plan_resolves_arguments_in_order(plan_with: PlanWith) -> None:
    hub, judge = plan_with().contracts
    assert hub.derived == create2_address(PROXY, keccak(b"salt"), b"\x03\x04")
    assert judge.arguments == (
        Argument("hub", "address", hub.derived),
        Argument("token", "address", TOKEN),
        Argument("size", "uint8", 3),
    )
    words = encode(["address", "address", "uint8"], [hub.derived, TOKEN, 3])
    assert judge.derived == create2_address(PROXY, keccak(b"salt"), b"\x07\x08" + words)
    assert plan_with().outside == {"jury.token": TOKEN}


def test_the_test_token_is_there_only_where_it_is_named(plan_with: PlanWith) -> None:
    plan = plan_with(parameters={"jury.token": "TestToken"})
    token, _, judge = plan.contracts
    assert token.name == "TestToken"
    assert judge.arguments[1].value == token.derived
    assert plan.outside == {}


@pytest.mark.parametrize("change", [{"salt": "another"}, {"proxy": TOKEN}])
def test_salt_and_proxy_move_everything(plan_with: PlanWith, change: dict[str, Any]) -> None:
    before, after = ({each.derived for each in plan.contracts} for plan in (plan_with(), plan_with(**change)))
    assert not before & after


def test_a_parameter_moves_only_who_takes_it(plan_with: PlanWith) -> None:
    before, after = plan_with().contracts, plan_with(parameters={"jury.size": 5}).contracts
    assert before[0] == after[0]
    assert before[1].derived != after[1].derived


def test_the_files_address_is_looked_at(plan_with: PlanWith) -> None:
    hub, judge = plan_with(addresses={"Hub": TOKEN}).contracts
    assert (hub.reviewed, hub.address) == (TOKEN, TOKEN)
    assert (judge.reviewed, judge.address) == (None, judge.derived)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"parameters": {"jury.size": 256}}, "jury.size: 256 is no uint8, which Judge needs"),
        ({"parameters": {"jury.size": "Hub"}}, "jury.size: .* is no uint8"),
        ({"parameters": {"jury.token": "Token"}}, "jury.token: 'Token' is no address"),
        (
            {"parameters": {"jury.sizes": 3}},
            r"jury.sizes: no contract takes it \(test.toml\). Did you mean jury.size\?",
        ),
        (
            {"addresses": {"TestToken": TOKEN}},
            "addresses.TestToken: no such contract on test",
        ),
        (
            {"listed": (Listed("Judge", ("Hub", "jury.token", "jury.size")), Listed("Hub", ()))},
            "Hub: missing in test.toml, and Judge needs it",
        ),
        ({"listed": (Listed("Hub", ("jury.size",)),)}, "Hub arguments: 1 listed, the constructor takes 0"),
    ],
)
def test_what_does_not_fit_is_named(plan_with: PlanWith, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        plan_with(**change)


@pytest.mark.parametrize(
    "change",
    [
        {"selectors": {"hub()": b"", "token()": b""}},
        {"constructor": (("hub_", "address"), ("token_", "address"), ("size_", "bytes"))},
    ],
)
def test_what_cannot_be_read_back_cannot_be_deployed(plan_with: PlanWith, change: dict[str, Any]) -> None:
    judge: Artefact = plan_with().contracts[1].artefact
    with pytest.raises(ConfigError, match=r"Judge: its parameter .* size_ cannot be checked"):
        plan_with(artefacts={"Judge": dataclasses.replace(judge, **change)})


@pytest.mark.parametrize("text", ["", "contracts = 1", "[[contracts]]\nname = 'Hub'", "not toml"])
def test_no_list_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "contracts.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="is no list of contracts"):
        read_list(path)
