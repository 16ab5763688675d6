"""The process's signing key: an Ethereum keystore (v3) file, never a raw key."""

from __future__ import annotations

import json
from pathlib import Path

from eth_account import Account
from eth_account.signers.local import LocalAccount

from cupel.protocol.config import ConfigError
from cupel.protocol.settings import Settings


def load_account(settings: Settings) -> LocalAccount:
    """The account of the settings' keystore. ConfigError if a file is missing or the password is wrong."""
    if not settings.keystore:
        remedy = "Name one with --keystore; `cast wallet new FOLDER` makes one"
        raise ConfigError("keystore", "no keystore file given", remedy)
    keystore = _read("keystore", settings.keystore)
    password = _read("password_file", settings.password_file).rstrip("\r\n")
    try:
        key = Account.decrypt(json.loads(keystore), password)
    except ValueError as error:
        problem = f"cannot open {settings.keystore} with the password in {settings.password_file} ({error})"
        raise ConfigError("keystore", problem, "Check that both files belong together") from None
    except (KeyError, TypeError, NotImplementedError):
        raise ConfigError(
            "keystore", f"{settings.keystore} is not a keystore v3 file", "Name another file"
        ) from None
    account: LocalAccount = Account.from_key(key)
    return account


def _read(key: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            key, f"cannot read {path or 'the file'} ({error.strerror})", "Check the path"
        ) from None
    except UnicodeDecodeError:
        raise ConfigError(key, f"{path} is not a text file", "Check the path") from None
