"""Write what Cupel is made of as CycloneDX 1.5 JSON: `python tools/sbom.py > sbom.json`.

Read from the lock files alone, so that one commit has one document: requirements/*.txt and package-lock.json.
"""

from __future__ import annotations

import base64
import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)")


def python_components(text: str, scope: str) -> list[dict[str, Any]]:
    """One component for each pinned line of a requirements file."""
    found = []
    for line in text.splitlines():
        pinned = _PINNED.match(line.strip())
        if pinned:
            name, version = pinned[1].lower().replace("_", "-"), pinned[2]
            purl = f"pkg:pypi/{name}@{version}"
            found.append(_component(name, version, purl, scope))
    return found


def node_components(lock: dict[str, Any]) -> list[dict[str, Any]]:
    """One component for each package of an npm lock file, with its hash."""
    found = []
    for place, entry in lock["packages"].items():
        if not place:
            continue
        name = place.rpartition("node_modules/")[2]
        component = _component(
            name, entry["version"], f"pkg:npm/{name.replace('@', '%40')}@{entry['version']}", "optional"
        )
        algorithm, _, digest = entry.get("integrity", "").partition("-")
        if digest:
            content = base64.b64decode(digest).hex()
            component["hashes"] = [{"alg": algorithm.upper().replace("SHA", "SHA-"), "content": content}]
        found.append(component)
    return found


def document(root: Path) -> dict[str, Any]:
    """The whole of it."""
    components = []
    for path in sorted((root / "requirements").glob("*.txt"), key=lambda path: path.name != "lock.txt"):
        scope = "required" if path.name == "lock.txt" else "excluded"
        components += python_components(path.read_text(encoding="utf-8"), scope)
    components += node_components(json.loads((root / "package-lock.json").read_text(encoding="utf-8")))
    unique = {component["bom-ref"]: component for component in reversed(components)}
    project = re.search(r'^version = "([^"]+)"', (root / "pyproject.toml").read_text(encoding="utf-8"), re.M)
    assert project is not None, "pyproject.toml has a version"
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "cupel", "version": project[1]}},
        "components": [unique[reference] for reference in sorted(unique)],
    }


def _component(name: str, version: str, purl: str, scope: str) -> dict[str, Any]:
    return {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "purl": purl,
        "scope": scope,
    }


if __name__ == "__main__":
    json.dump(document(ROOT), sys.stdout, indent=2)
    print()
