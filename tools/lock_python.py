"""Write the hashes of every pinned package into requirements/*.txt, and with --newest newer versions first.

    make locks                  every pin stays, its hashes are written again: after a pin was changed by hand
    make locks ARGS=--newest    lock.txt and build.txt get the newest versions that pyproject.toml allows

The installer takes these files with --no-deps --require-hashes: nothing in them can pull a second torch or a package
outside the list, and other bytes than those of the day of the lock are refused. A pin has the hash of every file of
its version, so that every platform finds its own. torch is in no file, and so without a hash: its build depends on
the machine (CPU or CUDA, each its own index), and `make setup` installs it last, from the TORCH variable.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
REQUIREMENTS: Final = ROOT / "requirements"
LOCK: Final = REQUIREMENTS / "lock.txt"
BUILD: Final = REQUIREMENTS / "build.txt"
BUILD_TOOLS: Final = ("setuptools", "wheel")
OLDEST_PYTHON: Final = "3.11"

REPLACED: Final = {"fastecdsa": "4.0.0"}
"""Versions that differ from the resolver's: libp2p pins fastecdsa 2.3.2, which exists as sources only and needs GMP
headers to build. 4.0.0 has wheels, and libp2p uses it for NIST keys alone (tests/unit/tools/test_locks.py)."""

MACHINE_DEPENDENT: Final = re.compile(r"cupel|torch|triton|nvidia-.*|cuda-.*")
PIN: Final = re.compile(r"^([\w.-]+)==([\w.+]+)", re.M)


def canonical_name(name: str) -> str:
    """The package name as registries compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(text: str) -> dict[str, str]:
    """Version by canonical name of what a requirements file pins."""
    return {canonical_name(name): version for name, version in PIN.findall(text)}


def divided(resolved: Mapping[str, str]) -> dict[Path, dict[str, str]]:
    """What each file pins of a resolution: the build tools apart, and without what depends on the machine."""
    kept = {name: version for name, version in resolved.items() if not MACHINE_DEPENDENT.fullmatch(name)}
    kept |= {name: version for name, version in REPLACED.items() if name in kept}
    build: dict[str, str] = {name: kept.pop(name) for name in BUILD_TOOLS if name in kept}
    return {LOCK: kept, BUILD: build}


def newest(torch: str) -> dict[str, str]:
    """Ask pip which versions satisfy the package metadata and the extras that the set-up installs."""
    command = [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"),
        *(
            "--report",
            "-",
            "-e",
            f"{ROOT}[p2p,collective,torch,traces,transformers,dev]",
            torch,
            *BUILD_TOOLS,
        ),
    ]
    report = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    metadata = (package["metadata"] for package in report["install"])
    return {canonical_name(entry["name"]): entry["version"] for entry in metadata}


def hashed(versions: Mapping[str, str]) -> str:
    """One entry a pin, sorted by name, with the SHA-256 that the registry tells of each file of that version."""
    command = [
        *("uv", "pip", "compile", "-", "--quiet", "--no-deps", "--generate-hashes", "--universal"),
        *("--no-header", "--no-annotate", "--python-version", OLDEST_PYTHON),
    ]
    asked = "".join(f"{name}=={version}\n" for name, version in sorted(versions.items()))
    return subprocess.run(command, check=True, input=asked, stdout=subprocess.PIPE, text=True).stdout


def main() -> int:
    """Write every requirements file again, below the comment that it begins with."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--newest", action="store_true", help="resolve lock.txt and build.txt anew")
    parser.add_argument("--torch", default="torch==2.13.0", help="what stands for torch while resolving")
    arguments = parser.parse_args()
    wanted = divided(newest(arguments.torch)) if arguments.newest else {}
    for path in sorted(REQUIREMENTS.glob("*.txt")):
        text = path.read_text(encoding="utf-8")
        comment = "".join(line for line in text.splitlines(keepends=True) if line.startswith("#"))
        path.write_text(comment + hashed(wanted.get(path, pins(text))), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
