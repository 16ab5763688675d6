"""The process's signing key: an Ethereum keystore (v3) file, never a raw key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from eth_account import Account
from eth_account.signers.local import LocalAccount

from cupel.protocol.chain.contract import checksum
from cupel.protocol.config import ConfigError
from cupel.protocol.settings import Settings

FOUNDRY_FOLDER: Final = "~/.foundry/keystores"
"""Where `cast wallet import NAME` writes."""


def load_account(settings: Settings) -> LocalAccount:
    """The account of the settings' keystore. ConfigError if a file is missing or the password is wrong."""
    if not settings.keystore:
        remedy = "Name one with --keystore; `cupel wallet new FILE` makes one"
        raise ConfigError("keystore", "no keystore file given", remedy)
    if not settings.password_file:
        remedy = "Name a file that holds it with --password-file"
        raise ConfigError("password_file", f"no password given for {settings.keystore}", remedy)
    password = _read("password_file", settings.password_file).rstrip("\r\n")
    return open_keystore(
        str(keystore_path(settings.keystore)), password, f"the password in {settings.password_file}"
    )


def keystore_path(named: str) -> Path:
    """The file that is meant: a path, or the name of an account in Foundry's folder."""
    path, kept = Path(named), Path(FOUNDRY_FOLDER).expanduser() / named
    return kept if path.name == named and not path.exists() and kept.is_file() else path


def open_keystore(path: str, password: str, named: str) -> LocalAccount:
    """The account of a keystore file. `named`: what an error calls the password."""
    keystore = _read("keystore", path)
    try:
        key = Account.decrypt(json.loads(keystore), password)
    except ValueError as error:
        problem = f"cannot open {path} with {named} ({error})"
        raise ConfigError("keystore", problem, "Check that both belong together") from None
    except (KeyError, TypeError, NotImplementedError):
        raise ConfigError("keystore", f"{path} is not a keystore v3 file", "Name another file") from None
    account: LocalAccount = Account.from_key(key)
    return account


def address_of(settings: Settings) -> str:
    """The address a keystore file names, without opening it. ConfigError if it names none."""
    if not settings.keystore:
        raise ConfigError("node", "no address given", "Name one with --node, or a keystore with --keystore")
    try:
        return checksum(
            "0x"
            + json.loads(_read("keystore", str(keystore_path(settings.keystore))))["address"].removeprefix(
                "0x"
            )
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        problem = f"{settings.keystore} does not say which address it is of"
        raise ConfigError("keystore", problem, "Name the address with --node") from None


def _read(key: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            key, f"cannot read {path or 'the file'} ({error.strerror})", "Check the path"
        ) from None
    except UnicodeDecodeError:
        raise ConfigError(key, f"{path} is not a text file", "Check the path") from None
