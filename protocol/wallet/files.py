"""Keystore v3 files on disk, as geth, Foundry and every Cupel process read them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from eth_account import Account
from eth_account.signers.local import LocalAccount

from cupel.protocol.chain.contract import checksum
from cupel.protocol.config import ConfigError

# What geth and Foundry use: a guess costs a second and 256 MiB.
SCRYPT_N: Final = 2**18


@dataclass(frozen=True, slots=True)
class KeystoreFile:
    """A keystore and the address it names."""

    path: Path
    address: str


def create(path: Path, password: str, scrypt_n: int = SCRYPT_N) -> KeystoreFile:
    """A new account's keystore, readable by this user only. ConfigError if the file exists or cannot be written."""
    return write(path, Account.create(), password, scrypt_n)


def write(path: Path, account: LocalAccount, password: str, scrypt_n: int = SCRYPT_N) -> KeystoreFile:
    """An account's keystore. Never overwrites: a lost key is lost money."""
    document = Account.encrypt(account.key, password, kdf="scrypt", iterations=scrypt_n)
    write_private(path, json.dumps(document) + "\n", "keystore")
    return KeystoreFile(path, str(account.address))


def write_private(path: Path, text: str, key: str) -> None:
    """A new file that only this user can read. ConfigError names `key`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ConfigError(key, f"{path} exists", "Choose another name; nothing was overwritten") from None
    except OSError as error:
        raise ConfigError(key, f"cannot write {path} ({error.strerror})", "Choose another folder") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def parse_private_key(text: str) -> LocalAccount:
    """The account of 64 hex digits. ConfigError, without repeating what was typed."""
    try:
        account: LocalAccount = Account.from_key(text.strip())
    except Exception:  # eth_account and its libraries raise whatever they like
        raise ConfigError("private key", "not a private key", "Give 64 hex digits") from None
    return account


def listed(folder: Path) -> Iterator[KeystoreFile]:
    """The keystores of a folder, by name; other files are passed over. ConfigError if it cannot be read."""
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise ConfigError("folder", f"cannot read {folder} ({error.strerror})", "Check the path") from None
    for path in paths:
        document = _document(path)
        if document is not None:
            address = document.get("address")
            yield KeystoreFile(path, _checksum(address) if isinstance(address, str) else "")


def _document(path: Path) -> dict[str, Any] | None:
    try:
        document = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
    except (OSError, ValueError):
        return None
    is_keystore = isinstance(document, dict) and document.get("version") == 3 and "crypto" in document
    return document if is_keystore else None


def _checksum(address: str) -> str:
    try:
        return checksum("0x" + address.removeprefix("0x"))
    except ValueError:
        return ""
