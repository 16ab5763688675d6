"""The locks: complete, hashed to the last line, free of addresses, and without what depends on the machine."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from complete_lock import completed, with_integrity
from lock_python import BUILD, BUILD_TOOLS, LOCK, REPLACED, REQUIREMENTS, canonical_name, divided, pins

ROOT = Path(__file__).resolve().parents[3]
NPM_LOCKS = ("package-lock.json", "tests/interop/ipfs_daemon/package-lock.json")
HASHED_PIN = re.compile(r"[a-z0-9-]+==[\w.+]+(?: --hash=sha256:[0-9a-f]{64})+")

# Extras that `make setup` leaves out: their tests are skipped without them, and run by whoever installs them.
NOT_INSTALLED = {"parquet", "tensorboard"}


def entries(text: str) -> list[str]:
    """The requirements of a file, continued lines joined."""
    joined = re.sub(r"\s*\\\n\s*", " ", text)
    return [line for line in joined.splitlines() if line.strip() and not line.startswith("#")]


@pytest.mark.parametrize("path", sorted(REQUIREMENTS.glob("*")), ids=lambda path: path.name)
def test_every_python_package_is_pinned_and_hashed(path: Path) -> None:
    assert path.suffix == ".txt"
    found = entries(path.read_text())
    assert found
    assert [entry for entry in found if not HASHED_PIN.fullmatch(entry)] == []


def test_a_pin_without_a_hash_is_seen() -> None:
    digest = "0" * 64
    assert HASHED_PIN.fullmatch(f"web3==8.0.0 --hash=sha256:{digest}")
    for wrong in ("web3==8.0.0", f"web3>=8 --hash=sha256:{digest}", "web3==8.0.0 --hash=sha256:00"):
        assert not HASHED_PIN.fullmatch(wrong)


@pytest.mark.parametrize("name", NPM_LOCKS)
def test_every_npm_package_is_hashed(name: str) -> None:
    packages = json.loads((ROOT / name).read_text())["packages"]
    without = [path for path, entry in packages.items() if path and "integrity" not in entry]
    assert without == []


def test_the_set_up_installs_nothing_that_is_not_hashed() -> None:
    script = re.sub(r"\\\n\s*", " ", (ROOT / "tools" / "setup.sh").read_text())
    calls = re.findall(r"-m pip (?:install|download) .*", script)
    unhashed = [call for call in calls if "--require-hashes" not in call]
    assert [call.split()[-1] for call in unhashed] == [".", '"$TORCH"']
    # A build in isolation fetches its tools unhashed.
    assert all("--no-build-isolation" in call for call in calls if re.search(r"\$3|--editable", call))


def test_the_python_locks_have_everything_the_package_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [extra for name, extra in project["optional-dependencies"].items() if name not in NOT_INSTALLED]
    asked = [*project["dependencies"], *(requirement for extra in extras for requirement in extra)]
    names = {canonical_name(re.split(r"[\[<>=]", requirement)[0]) for requirement in asked}
    assert names - pins(LOCK.read_text()).keys() == {"torch"}
    assert pins(BUILD.read_text()).keys() == set(BUILD_TOOLS)


def test_a_resolution_leaves_torch_to_the_machine() -> None:
    resolved = {"torch": "2.13.0", "nvidia-nccl-cu13": "1", "triton": "3", "cupel": "0", "sympy": "1.14.0"}
    made = divided({**resolved, "wheel": "0.48.0", "fastecdsa": "2.3.2"})
    assert made == {LOCK: {"sympy": "1.14.0", **REPLACED}, BUILD: {"wheel": "0.48.0"}}
    assert pins(LOCK.read_text()).items() >= REPLACED.items()


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


def test_what_the_registry_lacked_is_hashed_later() -> None:
    lock = {
        "packages": {"": {}, "node_modules/@a/b": {"version": "1"}, "c": {"version": "2", "integrity": "x"}}
    }
    whole = with_integrity(lock, lambda package: f"hash of {package}")
    assert whole["packages"] == {
        "": {},
        "node_modules/@a/b": {"version": "1", "integrity": "hash of @a/b@1"},
        "c": {"version": "2", "integrity": "x"},
    }
