"""Which contract goes where on a network, from its parameters and the built code alone."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from eth_abi.abi import encode
from eth_abi.exceptions import EncodingError
from eth_hash.auto import keccak

from cupel.networks.artefact import Artefact
from cupel.networks.network import Network, Value
from cupel.protocol.chain.contract import checksum
from cupel.protocol.config import ConfigError

_ONE_WORD: Final = re.compile(r"address|uint\d+")


@dataclass(frozen=True, slots=True)
class Listed:
    """An entry of deploy/script/contracts.toml, which explains the fields."""

    name: str
    arguments: tuple[str, ...]
    only_if: str | None = None


@dataclass(frozen=True, slots=True)
class Argument:
    """A constructor argument and the view by which the contract shows it."""

    view: str
    kind: str
    """ABI type."""
    value: int | str
    """Number or checksummed address."""

    @property
    def word(self) -> bytes:
        """As the ABI encodes it, 32 bytes."""
        return encode([self.kind], [self.value])


@dataclass(frozen=True, slots=True)
class Planned:
    """A contract of a network."""

    artefact: Artefact
    arguments: tuple[Argument, ...]
    derived: str
    """Address that code, arguments, salt and proxy lead to."""
    reviewed: str | None
    """Address in the network's file."""

    @property
    def name(self) -> str:
        """The contract's name."""
        return self.artefact.name

    @property
    def address(self) -> str:
        """Where to look for it: the file's address, if it has one."""
        return self.reviewed or self.derived


@dataclass(frozen=True, slots=True)
class Plan:
    """What a network has when it is deployed."""

    network: Network
    contracts: tuple[Planned, ...]
    outside: Mapping[str, str]
    """Addresses among the parameters that others deployed, by `table.key`."""


def read_list(path: Path) -> tuple[Listed, ...]:
    """The contracts to deploy, in order. ConfigError if the file does not say."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
        return tuple(
            Listed(entry["name"], tuple(entry["arguments"]), entry.get("only_if"))
            for entry in values["contracts"]
        )
    except OSError as error:
        raise ConfigError("contracts", f"cannot read {path} ({error.strerror})", "Check the path") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            "contracts", f"{path} is no list of contracts ({error})", "Correct the file"
        ) from None


def make_plan(network: Network, listed: Sequence[Listed], build: Callable[[str], Artefact]) -> Plan:
    """The plan of a network; `build` gives the artefact of a contract.

    ConfigError if a parameter is missing, unused or of the wrong kind.
    """
    unused = set(network.parameters)
    places: dict[str, str] = {}
    contracts = []
    for entry in listed:
        unused -= {*entry.arguments, entry.only_if}
        if entry.only_if is not None and _parameter(network, entry, entry.only_if) != entry.name:
            continue
        artefact = build(entry.name)
        arguments = _arguments(network, entry, artefact, places)
        derived = create2_address(
            network.proxy,
            keccak(network.salt.encode()),
            artefact.creation_code + b"".join(argument.word for argument in arguments),
        )
        places[entry.name] = derived
        contracts.append(Planned(artefact, arguments, derived, network.addresses.get(entry.name)))
    _refuse_leftovers(network, unused, places)
    outside = {
        key: value
        for key, value in network.parameters.items()
        if isinstance(value, str) and value.startswith("0x")
    }
    return Plan(network, tuple(contracts), outside)


def create2_address(proxy: str, salt: bytes, creation_code: bytes) -> str:
    """Address of a contract created through the proxy (EIP-1014)."""
    digest = keccak(b"\xff" + bytes.fromhex(proxy[2:]) + salt + keccak(creation_code))
    return checksum("0x" + digest[12:].hex())


def _arguments(
    network: Network, entry: Listed, artefact: Artefact, places: Mapping[str, str]
) -> tuple[Argument, ...]:
    if len(entry.arguments) != len(artefact.constructor):
        problem = f"{len(entry.arguments)} listed, the constructor takes {len(artefact.constructor)}"
        raise ConfigError(f"{entry.name} arguments", problem, "Correct deploy/script/contracts.toml")
    return tuple(
        _argument(artefact, name, kind, key, _resolve(network, entry, key, places))
        for key, (name, kind) in zip(entry.arguments, artefact.constructor, strict=True)
    )


def _argument(artefact: Artefact, name: str, kind: str, key: str, value: Value) -> Argument:
    view = name.rstrip("_")
    if not _ONE_WORD.fullmatch(kind) or f"{view}()" not in artefact.selectors:
        remedy = f"Give the contract a parameter of one word and a view {view}()"
        raise ConfigError(artefact.name, f"its parameter {kind} {name} cannot be checked", remedy)
    try:
        encode([kind], [value])
    except (EncodingError, ValueError, TypeError):
        problem = f"{value!r} is no {kind}, which {artefact.name} needs"
        raise ConfigError(key, problem, "Correct it in the network's file") from None
    return Argument(view, kind, value)


def _resolve(network: Network, entry: Listed, key: str, places: Mapping[str, str]) -> Value:
    """An argument's value: the address of a contract above, or what the network's file says."""
    if key in places:
        return places[key]
    value = _parameter(network, entry, key)
    return places.get(value, value) if isinstance(value, str) else value


def _parameter(network: Network, entry: Listed, key: str) -> Value:
    if key not in network.parameters:
        raise ConfigError(key, f"missing in {network.path}, and {entry.name} needs it", "Add it")
    return network.parameters[key]


def _refuse_leftovers(network: Network, unused: set[str], places: Mapping[str, str]) -> None:
    for key in sorted(unused):
        close = difflib.get_close_matches(key, set(network.parameters) - unused, n=1)
        hint = f"Did you mean {close[0]}?" if close else "Remove it"
        raise ConfigError(key, f"no contract takes it ({network.path})", hint)
    for name in network.addresses:
        if name not in places:
            raise ConfigError(f"addresses.{name}", f"no such contract on {network.path.stem}", "Remove it")
