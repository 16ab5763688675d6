"""Add the platform packages that a registry lacks to package-lock.json (`npm ci` refuses a lock without them).

`npm install --package-lock-only` leaves out optional dependencies whose package is absent from the registry in
use; on another platform, or with another registry, the lock is then incomplete (npm/cli#9846). The added entries
name a version but no integrity hash, because there was no package to hash. Host names of the registry in use are
removed as well, so that the lock works with any registry.

    npm install --package-lock-only && python tools/complete_lock.py [package-lock.json]
"""

from __future__ import annotations

import json
import re
import sys
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


def main(arguments: list[str]) -> int:
    """Rewrite the named lock file in place."""
    path = Path(arguments[0] if arguments else "package-lock.json")
    lock = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(completed(lock), indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
