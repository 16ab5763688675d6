"""What the compiler left is read, and never taken for what it is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from eth_hash.auto import keccak

from cupel.networks.artefact import Artefact, read_artefact
from cupel.protocol.config import ConfigError

SOURCE = b"contract Judge {}"
BUILT: dict[str, Any] = {
    "abi": [
        {"type": "function", "name": "hub", "inputs": []},
        {"type": "constructor", "inputs": [{"name": "hub_", "type": "address"}]},
    ],
    "bytecode": {"object": "0x6001"},
    "deployedBytecode": {
        "object": "0x" + 70 * "00",
        "immutableReferences": {"17": [{"start": 1, "length": 32}], "9": [{"start": 35, "length": 32}]},
    },
    "methodIdentifiers": {"hub()": "365a86fc"},
    "metadata": {"sources": {"contracts/Judge.sol": {"keccak256": "0x" + keccak(SOURCE).hex()}}},
}


def build(root: Path, **changes: Any) -> None:
    path = root / "out" / "Judge.sol" / "Judge.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(BUILT | changes), encoding="utf-8")
    (root / "contracts").mkdir()
    (root / "contracts" / "Judge.sol").write_bytes(SOURCE)


def test_a_constructors_struct_counts_as_its_fields(tmp_path: Path) -> None:
    pair = [{"name": "width", "type": "uint32"}, {"name": "heads", "type": "uint32"}]
    inputs = [{"name": "hub_", "type": "address"}, {"name": "shape_", "type": "tuple", "components": pair}]
    build(tmp_path, abi=[{"type": "constructor", "inputs": inputs}])
    constructor = read_artefact(tmp_path, "Judge").constructor
    assert constructor == (("hub_", "address"), ("width", "uint32"), ("heads", "uint32"))


def test_a_built_contract_is_read(tmp_path: Path) -> None:
    build(tmp_path)
    assert read_artefact(tmp_path, "Judge") == Artefact(
        "Judge",
        b"\x60\x01",
        bytes(70),
        (((1, 32),), ((35, 32),)),
        (("hub_", "address"),),
        {"hub()": bytes.fromhex("365a86fc")},
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"bytecode": {"object": "0x60__$17$__"}},  # a library is still to be linked
        {"bytecode": {}},
        {"metadata": None},
        {"abi": None},
    ],
)
def test_what_is_not_built_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    build(tmp_path, **changes)
    with pytest.raises(ConfigError, match="holds no compiled Judge"):
        read_artefact(tmp_path, "Judge")


def test_a_missing_build_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds no compiled Judge"):
        read_artefact(tmp_path, "Judge")


@pytest.mark.parametrize("text", [b"contract Judge { }", None])
def test_a_stale_build_is_refused(tmp_path: Path, text: bytes | None) -> None:
    build(tmp_path)
    source = tmp_path / "contracts" / "Judge.sol"
    source.unlink()
    if text is not None:
        source.write_bytes(text)
    with pytest.raises(ConfigError, match=r"contracts/Judge.sol has changed since Judge was built"):
        read_artefact(tmp_path, "Judge")
