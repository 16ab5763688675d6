"""The deployment file: what is written is read, and anything else names the mistake."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from cupel.protocol.chain.deployments import Deployment
from cupel.protocol.config import ConfigError

ADDRESSES = [f"0x{number:040x}" for number in range(1, 8)]
DEPLOYMENT = Deployment(31337, 7, *ADDRESSES)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "deployment.json"
    DEPLOYMENT.write(path)
    assert Deployment.read(path, 31337) == DEPLOYMENT


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"hub": "0x12"}, "not an address"),
        ({"chain_id": 1}, "is of chain 1, not 31337"),
        ({"first_block": "soon"}, "not a deployment file"),
        ({"another": ADDRESSES[0]}, "not a deployment file"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, change: dict[str, Any], problem: str) -> None:
    path = tmp_path / "deployment.json"
    path.write_text(json.dumps(dataclasses.asdict(DEPLOYMENT) | change))
    with pytest.raises(ConfigError, match=problem) as refused:
        Deployment.read(path, 31337)
    assert refused.value.key == "deployment"


@pytest.mark.parametrize("text", ["", "[]", "{}", '"x"', "null", "not json"])
def test_no_json_object_of_addresses_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "deployment.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match="not a deployment file"):
        Deployment.read(path, 31337)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read .*nowhere"):
        Deployment.read(tmp_path / "nowhere", 31337)
