"""Add the platform packages that a registry lacks to package-lock.json (`npm ci` refuses a lock without them).

`npm install --package-lock-only` leaves out optional dependencies whose package is absent from the registry in
use; on another platform, or with another registry, the lock is then incomplete (npm/cli#9846). The added entries
get their integrity hash from the registry in use, which must have them by now. Host names of the registry are removed,
so that the lock works with any.

    npm install --package-lock-only && python tools/complete_lock.py [package-lock.json]
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

PLATFORM_PACKAGE = re.compile(r"@foundry-rs/\w+-(darwin|linux|win32)-(amd64|arm64)")
NODE_CPU_NAMES = {"amd64": "x64", "arm64": "arm64"}


def completed(lock: dict[str, Any]) -> dict[str, Any]:
    """The lock with every optional Foundry platform package present and no registry address in it."""
    packages: dict[str, dict[str, Any]] = {path: dict(entry) for path, entry in lock["packages"].items()}
    for entry in list(packages.values()):
        entry.pop("resolved", None)
        for name, version in entry.get("optionalDependencies", {}).items():
            platform = PLATFORM_PACKAGE.fullmatch(name)
            if platform:
                packages.setdefault(
                    f"node_modules/{name}", _platform_entry(version, platform[1], platform[2])
                )
    return {**lock, "packages": {path: packages[path] for path in sorted(packages)}}


def _platform_entry(version: str, system: str, processor: str) -> dict[str, Any]:
    return {
        "version": version,
        "cpu": [NODE_CPU_NAMES[processor]],
        "dev": True,
        "license": "MIT OR Apache-2.0",
        "optional": True,
        "os": [system],
    }


def with_integrity(lock: dict[str, Any], ask: Callable[[str], str]) -> dict[str, Any]:
    """The lock with a hash for each entry that lacks one; ask answers name@version with its integrity (SRI)."""
    packages = {
        path: {**entry, "integrity": ask(f"{path.rpartition('node_modules/')[2]}@{entry['version']}")}
        if path and "integrity" not in entry
        else entry
        for path, entry in lock["packages"].items()
    }
    return {**lock, "packages": packages}


def _registry_integrity(package: str) -> str:
    answer = subprocess.run(
        ["npm", "view", package, "dist.integrity"], check=True, stdout=subprocess.PIPE, text=True
    ).stdout.strip()
    if not answer:
        raise SystemExit(f"the registry has no {package}: lock it where there is one")
    return answer


def main(arguments: list[str]) -> int:
    """Rewrite the named lock file in place."""
    path = Path(arguments[0] if arguments else "package-lock.json")
    lock = json.loads(path.read_text(encoding="utf-8"))
    whole = with_integrity(completed(lock), _registry_integrity)
    path.write_text(json.dumps(whole, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
