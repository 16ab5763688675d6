"""The reviewed file of one network: which chain, where contracts go, and with which parameters."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from cupel.protocol.chain.contract import checksum
from cupel.protocol.config import ConfigError

Value = int | str
"""A number, a checksummed address, or the name of a listed contract."""

_KEYS: Final[Mapping[str, type]] = MappingProxyType(
    {"chain_id": int, "salt": str, "proxy": str, "addresses_required": bool, "addresses": dict}
)
_ADDRESS: Final = re.compile("0x[0-9a-fA-F]{40}")


@dataclass(frozen=True, slots=True)
class Network:
    """A network file. Every key is explained in deploy/networks/template.toml."""

    path: Path
    chain_id: int
    salt: str
    proxy: str
    addresses_required: bool
    parameters: Mapping[str, Value]
    """Values of the file's other tables by `table.key`."""
    addresses: Mapping[str, str]
    """Reviewed addresses by contract; empty before they were first written down."""


def find_network(name: str, folder: Path) -> Path:
    """The file itself, or the one of that name in `folder`. ConfigError if there is neither."""
    known = sorted(path.stem for path in folder.glob("*.toml"))
    for path in (Path(name), folder / f"{name}.toml"):
        if path.is_file():
            return path
    raise ConfigError("network", f"no file {name}", f"Name a file, or one of {', '.join(known)}")


def read_network(path: Path) -> Network:
    """Read and check a network file. ConfigError names the key that cannot work."""
    values = _read_toml(path)
    for key, kind in _KEYS.items():
        if key not in values:
            raise ConfigError(key, f"missing in {path}", "deploy/networks/template.toml explains it")
        if type(values[key]) is not kind:
            raise ConfigError(key, f"{values[key]!r} is not a {kind.__name__}", f"Correct it in {path}")
    tables = {key: value for key, value in values.items() if key not in _KEYS}
    for key, table in tables.items():
        if not isinstance(table, dict):
            close = difflib.get_close_matches(key, _KEYS, n=1)
            hint = f"Did you mean {close[0]}?" if close else f"Known keys: {', '.join(_KEYS)}"
            raise ConfigError(key, f"unknown key in {path}", hint)
    return Network(
        path,
        values["chain_id"],
        values["salt"],
        _address("proxy", values["proxy"], path),
        values["addresses_required"],
        {
            f"{table}.{key}": _value(f"{table}.{key}", value, path)
            for table, content in tables.items()
            for key, value in content.items()
        },
        {name: _address(f"addresses.{name}", text, path) for name, text in values["addresses"].items()},
    )


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            "network", f"cannot read {path} ({error.strerror})", "Check the path and its mode"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(
            "network", f"{path} is not TOML ({error})", "Correct the file at that place"
        ) from None


def _value(key: str, value: object, path: Path) -> Value:
    """Amounts are text because TOML's integers end at 64 bits."""
    if type(value) is int and value >= 0:
        return value
    if isinstance(value, str):
        if value.isascii() and value.isdecimal():
            return int(value)
        return _address(key, value, path) if value.startswith("0x") else value
    raise ConfigError(key, f"{value!r} is no number, address or contract", f"Correct it in {path}")


def _address(key: str, value: object, path: Path) -> str:
    if isinstance(value, str) and _ADDRESS.fullmatch(value):
        right = checksum(value)
        # Without capitals there is no checksum to be wrong.
        if value in (right, value.lower()):
            return right
    raise ConfigError(key, f"{value!r} is not an address with a right checksum", f"Correct it in {path}")
