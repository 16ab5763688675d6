"""A network's file is read whole, or refused with the key to correct."""

from __future__ import annotations

from pathlib import Path

import pytest

from cupel.networks.network import Network, find_network, read_network
from cupel.protocol.config import ConfigError

NETWORKS = Path(__file__).resolve().parents[3] / "deploy" / "networks"
PROXY = "0x4e59b44847b379578588920cA78FbF26c0B4956C"
TEXT = f"""
chain_id = 5
salt = "cupel"
proxy = "{PROXY}"
addresses_required = true

[jury]
token = "0x5fbdb2315678afecb367f032d93f642f64180aa3"
size = 3
juror_stake = "100000000000000000000"

[rules]
token = "TestToken"

[addresses]
Hub = "{PROXY}"
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "five.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_value_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, TEXT)
    parameters = {
        "jury.token": "0x5FbDB2315678afecb367f032d93F642f64180aa3",
        "jury.size": 3,
        "jury.juror_stake": 10**20,
        "rules.token": "TestToken",
    }
    assert read_network(path) == Network(path, 5, "cupel", PROXY, True, parameters, {"Hub": PROXY})


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('salt = "cupel"\n', "", "salt: missing in"),
        ("chain_id = 5", 'chain_id = "5"', "chain_id: '5' is not a int"),
        ("chain_id = 5", "chain_id = true", "chain_id: True is not a int"),
        ("chain_id = 5", "chain_id = 5\nsalts = 1", r"salts: unknown key in .* Did you mean salt\?"),
        ("size = 3", "size = -3", "jury.size: -3 is no number, address or contract"),
        ("size = 3", "size = 3.5", "jury.size: 3.5 is no number"),
        ("size = 3", "size = [3]", r"jury.size: \[3\] is no number"),
        ("0x5fbdb", "0x5fbDB", "jury.token: .* is not an address with a right checksum"),
        ("0x5fbdb", "0x5fbd", "jury.token: .* is not an address"),
        (f'Hub = "{PROXY}"', 'Hub = "0x"', "addresses.Hub: '0x' is not an address"),
        (f'proxy = "{PROXY}"', 'proxy = "none"', "proxy: 'none' is not an address"),
        ("size = 3", "size = ", "network: .* is not TOML"),
    ],
)
def test_what_cannot_work_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in TEXT
    with pytest.raises(ConfigError, match=message):
        read_network(write(tmp_path, TEXT.replace(old, new, 1)))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read .*none\.toml"):
        read_network(tmp_path / "none.toml")


def test_a_network_is_found_by_file_and_by_name(tmp_path: Path) -> None:
    path = write(tmp_path, TEXT)
    assert find_network(str(path), NETWORKS) == path
    assert find_network("five", tmp_path) == path
    with pytest.raises(ConfigError, match=r"network: no file six\. Name a file, or one of five"):
        find_network("six", tmp_path)


@pytest.mark.parametrize("path", sorted(NETWORKS.glob("*.toml")), ids=lambda path: path.stem)
def test_shipped_files_can_be_read(path: Path) -> None:
    assert read_network(path).proxy == PROXY
