"""Generate protocol/chain/bindings/ from the compiled contracts: typed Python for every call, event, struct and error;
and protocol/web/site/contracts.json, what the pages encode and decode by.

    forge build contracts && python tools/bindgen.py [--check]

Reads out/ and, for what artefacts leave out (enum members, documentation of structs), the sources. The output is
committed; --check fails if it is not what the contracts give now.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from binding_writer import write_contract, write_errors, write_structs
from solidity_types import UnknownType

ROOT: Final = Path(__file__).resolve().parent.parent
BINDINGS: Final = Path("protocol/chain/bindings")
PAGES: Final = Path("protocol/web/site/contracts.json")
CONTRACTS: Final = {
    "Hub": "contracts/Hub.sol",
    "ObjectiveJudge": "contracts/judges/ObjectiveJudge.sol",
    "JuryJudge": "contracts/judges/JuryJudge.sol",
    "DataJudge": "contracts/judges/DataJudge.sol",
    "CanonicalJudge": "contracts/judges/CanonicalJudge.sol",
    "AggregateJudge": "contracts/judges/AggregateJudge.sol",
    "CanonicalSteps": "contracts/judges/canonical/CanonicalSteps.sol",
    "AttentionJudge": "contracts/judges/AttentionJudge.sol",
    "SortingReward": "contracts/judges/SortingReward.sol",
    "TestToken": "contracts/periphery/TestToken.sol",
    "IERC20Metadata": "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol",
}
PAGE_TOKEN: Final = {
    "IERC20Metadata": CONTRACTS["IERC20Metadata"],
    "IERC20Permit": "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol",
}


class BindingProblem(Exception):
    """The bindings cannot be generated; the text says what to do."""


def read_artifact(root: Path, name: str, source: str) -> dict[str, Any]:
    """forge's artefact of a contract."""
    path = root / "out" / Path(source).name / f"{name}.json"
    if not path.exists():
        raise BindingProblem(f"{path.relative_to(root)} is missing: run `forge build contracts` first")
    artifact: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return artifact


def own_artifacts(root: Path) -> list[dict[str, Any]]:
    """Artefacts of everything declared in contracts/, in path order: interfaces and libraries declare errors too."""
    found = []
    for path in sorted((root / "out").glob("*.sol/*.json")):
        artifact = json.loads(path.read_text(encoding="utf-8"))
        targets = artifact.get("metadata", {}).get("settings", {}).get("compilationTarget", {})
        if any(source.startswith("contracts/") and (root / source).exists() for source in targets):
            found.append(artifact)
    return found


def generate(root: Path, contracts: dict[str, str]) -> dict[str, str]:
    """File name -> text of every generated module, formatted."""
    bound = {name: read_artifact(root, name, source) for name, source in contracts.items()}
    sources = [path.read_text(encoding="utf-8") for path in sorted((root / "contracts").rglob("*.sol"))]
    modules = {"__init__.py": '"""Typed access to the contracts; generated, see tools/bindgen.py."""\n'}
    modules["structs.py"] = write_structs(list(bound.values()), sources)
    modules["errors.py"] = write_errors([*bound.values(), *own_artifacts(root)])
    for name, source in contracts.items():
        file_name, text = write_contract(name, source, bound[name])
        modules[file_name] = text
    return {name: formatted(root, name, text) for name, text in sorted(modules.items())}


def page_contracts(root: Path) -> str:
    """The hub, any token and every error as JSON, one entry to a line."""
    hub = read_artifact(root, "Hub", CONTRACTS["Hub"])
    tokens = [read_artifact(root, name, source) for name, source in PAGE_TOKEN.items()]
    parts = {
        "hub": [entry for entry in hub["abi"] if entry["type"] in ("function", "event")],
        "token": [entry for one in tokens for entry in one["abi"] if entry["type"] == "function"],
        "errors": [entry for one in own_artifacts(root) for entry in one["abi"] if entry["type"] == "error"],
    }
    texts = []
    for name, entries in parts.items():
        lines = sorted({json.dumps(_without_notes(entry), sort_keys=True) for entry in entries})
        texts.append(f'"{name}": [\n' + ",\n".join(lines) + "\n]")
    return "{\n" + ",\n".join(texts) + "\n}\n"


def _without_notes(value: Any) -> Any:
    """An ABI entry without what encoding does not need."""
    if isinstance(value, list):
        return [_without_notes(item) for item in value]
    if isinstance(value, dict):
        return {key: _without_notes(item) for key, item in value.items() if key != "internalType"}
    return value


def formatted(root: Path, name: str, text: str) -> str:
    """The module as ruff formats it, without unused imports."""
    for command in (["check", "--select", "I,F401", "--fix", "--quiet"], ["format", "--quiet"]):
        arguments = [sys.executable, "-m", "ruff", *command, "--stdin-filename", str(BINDINGS / name), "-"]
        text = subprocess.run(
            arguments, input=text, capture_output=True, check=True, text=True, cwd=root
        ).stdout
    return text


def differences(folder: Path, modules: dict[str, str]) -> list[str]:
    """Names of files that are missing, differ or should not be there."""
    present = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.py")}
    return sorted(name for name in present.keys() | modules.keys() if present.get(name) != modules.get(name))


def write(folder: Path, modules: dict[str, str]) -> None:
    """Make the folder hold these modules and no others."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in differences(folder, modules):
        if name in modules:
            (folder / name).write_text(modules[name], encoding="utf-8")
        else:
            (folder / name).unlink()


def main(arguments: list[str] | None = None) -> int:
    """Write or check the bindings."""
    parser = argparse.ArgumentParser(description="Generate the Python bindings of the contracts.")
    parser.add_argument("--check", action="store_true", help="change nothing; fail if anything would change")
    options = parser.parse_args(arguments)
    try:
        modules, pages = generate(ROOT, CONTRACTS), page_contracts(ROOT)
    except (BindingProblem, UnknownType, LookupError) as error:
        print(f"bindgen: {error}", file=sys.stderr)
        return 1
    changed = differences(ROOT / BINDINGS, modules)
    if not (ROOT / PAGES).exists() or (ROOT / PAGES).read_text(encoding="utf-8") != pages:
        changed.append(str(PAGES))
    if not options.check:
        write(ROOT / BINDINGS, modules)
        (ROOT / PAGES).write_text(pages, encoding="utf-8")
    elif changed:
        print(f"bindgen: out of date: {', '.join(changed)}; run `make bind` and commit", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
