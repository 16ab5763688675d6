"""Which keystore is meant: a file, or an account of Foundry's by its name, as `cast` takes it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from eth_account import Account

from cupel.protocol.config import ConfigError
from cupel.protocol.keys import keystore_path, load_account
from cupel.protocol.settings import Settings

KEY = "0x4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318"


@pytest.fixture
def foundry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / ".foundry" / "keystores"
    folder.mkdir(parents=True)
    # As Foundry writes it: without the address.
    keystore = Account.encrypt(KEY, "horse", kdf="scrypt", iterations=1024)
    del keystore["address"]
    (folder / "alice").write_text(json.dumps(keystore))
    return folder


def test_an_account_is_named_as_cast_names_it(foundry: Path, tmp_path: Path) -> None:
    (tmp_path / "word").write_text("horse\n")
    account = load_account(Settings(keystore="alice", password_file="word"))
    assert account.address == Account.from_key(KEY).address


def test_a_file_that_is_there_goes_first_and_a_path_is_a_path(foundry: Path, tmp_path: Path) -> None:
    assert keystore_path("alice") == foundry / "alice"
    assert keystore_path("./keys/alice") == Path("keys/alice")
    assert keystore_path("bob") == Path("bob")
    (tmp_path / "alice").write_text("{}")
    assert keystore_path("alice") == Path("alice")


def test_a_keystore_without_a_password_says_which_flag_names_one(foundry: Path) -> None:
    with pytest.raises(ConfigError, match=r"password_file: no password given for alice\. .*--password-file"):
        load_account(Settings(keystore="alice"))
