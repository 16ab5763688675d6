"""The locks: complete, free of addresses, and without what depends on the machine."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

from complete_lock import completed
from lock_python import BUILD_TOOLS, LOCK, REPLACED, canonical_name, lock_text

ROOT = Path(__file__).resolve().parents[3]
PIN = re.compile(r"[a-z0-9-]+==[\w.+]+")


# Extras that `make setup` leaves out: their tests are skipped without them, and run by whoever installs them.
NOT_INSTALLED = {"parquet", "tensorboard"}


def pins() -> dict[str, str]:
    lines = [line for line in LOCK.read_text().splitlines() if not line.startswith("#")]
    assert all(PIN.fullmatch(line) for line in lines)
    return dict(line.split("==") for line in lines)


def test_the_python_lock_has_everything_the_package_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [extra for name, extra in project["optional-dependencies"].items() if name not in NOT_INSTALLED]
    asked = [
        *project["dependencies"],
        *BUILD_TOOLS,
        *(requirement for extra in extras for requirement in extra),
    ]
    names = {canonical_name(re.split(r"[\[<>=]", requirement)[0]) for requirement in asked}
    assert names - pins().keys() == {"torch"}


def test_the_python_lock_leaves_torch_to_the_machine() -> None:
    text = lock_text(
        {"torch": "2.13.0", "nvidia-nccl-cu13": "1", "triton": "3", "cupel": "0", "sympy": "1.14.0"}
    )
    assert [line for line in text.splitlines() if not line.startswith("#")] == ["sympy==1.14.0"]
    assert pins().items() >= REPLACED.items()


def test_the_replaced_package_serves_what_cupel_uses_of_libp2p() -> None:
    from libp2p.crypto.ed25519 import create_new_key_pair
    from libp2p.pubsub.gossipsub import GossipSub
    from libp2p.security.noise.transport import Transport

    pair = create_new_key_pair()
    assert pair.public_key.verify(b"x", pair.private_key.sign(b"x"))
    assert GossipSub
    assert Transport


def test_the_npm_lock_is_complete_and_names_no_registry() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text())
    assert completed(lock) == lock
    assert "resolved" not in json.dumps(lock)
    wanted = json.loads((ROOT / "package.json").read_text())["devDependencies"]
    assert all(
        lock["packages"][f"node_modules/{name}"]["version"] == version for name, version in wanted.items()
    )
    for platform in ("linux-amd64", "linux-arm64", "darwin-arm64", "darwin-amd64"):
        assert f"node_modules/@foundry-rs/anvil-{platform}" in lock["packages"]


def test_missing_platform_packages_are_added_once() -> None:
    forge = {
        "version": "1.7.1",
        "resolved": "x",
        "optionalDependencies": {"@foundry-rs/forge-darwin-arm64": "1.7.1"},
    }
    lock: dict[str, Any] = {"packages": {"": {}, "node_modules/@foundry-rs/forge": forge}}
    once = completed(lock)
    added = once["packages"]["node_modules/@foundry-rs/forge-darwin-arm64"]
    assert (added["version"], added["os"], added["cpu"], added["optional"]) == (
        "1.7.1",
        ["darwin"],
        ["arm64"],
        True,
    )
    assert completed(once) == once
