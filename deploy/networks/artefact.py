"""Built contracts, as the compiler left them: code, constructor, views, and where the code holds immutables."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_hash.auto import keccak

from cupel.protocol.config import ConfigError

_REBUILD = "Run `make setup`, or `forge build contracts`"


@dataclass(frozen=True, slots=True)
class Artefact:
    """A built contract."""

    name: str
    creation_code: bytes
    """Without constructor arguments."""
    runtime_code: bytes
    """Immutables are zero in it."""
    immutables: tuple[tuple[tuple[int, int], ...], ...]
    """For each immutable the places of its value in the runtime code: (start, length) in bytes."""
    constructor: tuple[tuple[str, str], ...]
    """Name and ABI type of each constructor parameter, a struct's fields one by one."""
    selectors: Mapping[str, bytes]
    """By signature."""


def read_artefact(root: Path, name: str) -> Artefact:
    """A contract built in the checkout. ConfigError if it was not built, or its sources have changed since."""
    path = root / "out" / f"{name}.sol" / f"{name}.json"
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        artefact = parse_artefact(name, values)
        sources = {str(source): str(entry["keccak256"]) for source, entry in _sources(values).items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise ConfigError("contracts", f"{path} holds no compiled {name}", _REBUILD) from None
    for source, digest in sources.items():
        if not _has_digest(root / source, digest):
            raise ConfigError("contracts", f"{source} has changed since {name} was built", _REBUILD)
    return artefact


def parse_artefact(name: str, values: Mapping[str, Any]) -> Artefact:
    """The artefact that a file holds. KeyError, TypeError or ValueError if it holds none, or unlinked code."""
    constructors = [entry for entry in values["abi"] if entry["type"] == "constructor"]
    inputs = constructors[0]["inputs"] if constructors else []
    references = values["deployedBytecode"].get("immutableReferences") or {}
    return Artefact(
        name,
        bytes.fromhex(values["bytecode"]["object"].removeprefix("0x")),
        bytes.fromhex(values["deployedBytecode"]["object"].removeprefix("0x")),
        tuple(
            tuple((int(place["start"]), int(place["length"])) for place in places)
            for places in references.values()
        ),
        tuple(_words(inputs)),
        {signature: bytes.fromhex(selector) for signature, selector in values["methodIdentifiers"].items()},
    )


def _words(parameters: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Name and type of each parameter; of a struct, of its fields, which are encoded alike."""
    for parameter in parameters:
        if parameter["type"] == "tuple":
            yield from _words(parameter["components"])
        else:
            yield str(parameter["name"]), str(parameter["type"])


def _sources(values: Mapping[str, Any]) -> Mapping[str, Any]:
    sources: Mapping[str, Any] = values["metadata"]["sources"]
    return sources


def _has_digest(path: Path, digest: str) -> bool:
    try:
        return "0x" + keccak(path.read_bytes()).hex() == digest
    except OSError:
        return False
