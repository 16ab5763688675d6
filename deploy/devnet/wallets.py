"""Throw-away accounts of a devnet, as the keystore files every Cupel process reads."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from eth_account import Account
from eth_account.signers.local import LocalAccount

# scrypt with n = 2^10 takes milliseconds. Weak on purpose: these keys are worthless and end with the run; a real
# keystore uses 2^18.
_SCRYPT_N: Final = 1024
_PASSWORD_BYTES: Final = 24


@dataclass(frozen=True, slots=True)
class Wallet:
    """One account and its files."""

    name: str
    account: LocalAccount
    keystore: Path
    password_file: Path

    @property
    def address(self) -> str:
        """Checksum address."""
        return str(self.account.address)


def create_wallet(name: str, folder: Path) -> Wallet:
    """Make an account; its keystore (v3) and password files in `folder` are readable by this user only."""
    account: LocalAccount = Account.create()
    password = secrets.token_urlsafe(_PASSWORD_BYTES)
    keystore, password_file = folder / f"{name}.json", folder / f"{name}.password"
    _write_private(
        keystore, json.dumps(Account.encrypt(account.key, password, kdf="scrypt", iterations=_SCRYPT_N))
    )
    _write_private(password_file, password + "\n")
    return Wallet(name, account, keystore, password_file)


def _write_private(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
