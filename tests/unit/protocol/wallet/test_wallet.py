"""Keystores through the commands themselves: made, taken in, listed, tried; never overwritten, never printed."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from eth_account import Account
from typer.testing import CliRunner

from cupel.protocol.config import ConfigError
from cupel.protocol.wallet import cli, files

KEY = "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318"
ADDRESS = "0x2c7536E3605D9C16a7a3D7b1898e529396a65c23"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "SCRYPT_N", 1024)
    for function in (files.create, files.write):
        monkeypatch.setattr(function, "__defaults__", (1024,))


def run(*arguments: str, typed: str = "") -> tuple[int, str]:
    result = CliRunner().invoke(cli.app, list(arguments), input=typed, catch_exceptions=True)
    if isinstance(result.exception, ConfigError):
        return 2, str(result.exception)
    return result.exit_code, result.stdout


def test_a_new_keystore_opens_with_the_password_that_was_drawn(tmp_path: Path) -> None:
    keystore, password = tmp_path / "keys" / "node.json", tmp_path / "keys" / "node.password"
    code, text = run("new", str(keystore), "--make-password-file", str(password), "--json")
    assert code == 0
    address = json.loads(text)["address"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in (keystore, password)} == {0o600}
    key = Account.decrypt(json.loads(keystore.read_text()), password.read_text().rstrip("\n"))
    assert Account.from_key(key).address == address
    code, text = run("check", str(keystore), "--password-file", str(password))
    assert (code, text.split()[0]) == (0, address)


def test_a_private_key_is_typed_not_named_and_never_told(tmp_path: Path) -> None:
    keystore = tmp_path / "node.json"
    code, text = run("import", str(keystore), typed=f"{KEY}\ncorrect horse\n")
    assert (code, text.split()[0]) == (0, ADDRESS)
    assert KEY not in text
    assert KEY not in keystore.read_text()
    assert run("check", str(keystore), typed="correct horse\n")[0] == 0


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    keystore = tmp_path / "node.json"
    keystore.write_text("mine")
    for command in ("new", "import"):
        code, text = run(command, str(keystore), typed=f"{KEY}\ncorrect horse\n")
        assert (code, keystore.read_text()) == (2, "mine")
        assert "exists" in text
    password = tmp_path / "password"
    password.write_text("mine")
    code, text = run("new", str(tmp_path / "other.json"), "--make-password-file", str(password))
    assert (code, password.read_text()) == (2, "mine")
    assert not (tmp_path / "other.json").exists()


@pytest.mark.parametrize(
    ("arguments", "typed", "words"),
    [
        (("import",), "not a key\ncorrect horse\n", "not a private key"),
        (("import",), f"{KEY}\nshort\n", "too short"),
        (("new",), "short\n", "too short"),
        (("new", "--password-file", "absent"), "", "cannot read absent"),
    ],
)
def test_a_mistake_is_one_line_and_writes_nothing(
    tmp_path: Path, arguments: tuple[str, ...], typed: str, words: str
) -> None:
    keystore = tmp_path / "node.json"
    code, text = run(arguments[0], str(keystore), *arguments[1:], typed=typed)
    assert code == 2
    assert words in text
    assert KEY not in text
    assert not keystore.exists()


def test_a_wrong_password_and_a_file_that_is_no_keystore(tmp_path: Path) -> None:
    keystore = tmp_path / "node.json"
    run("import", str(keystore), typed=f"{KEY}\ncorrect horse\n")
    assert "cannot open" in run("check", str(keystore), typed="another\n")[1]
    keystore.write_text("{}")
    assert "not a keystore" in run("check", str(keystore), typed="another\n")[1]


def test_a_folder_s_keystores_are_listed_by_address(tmp_path: Path) -> None:
    run("import", str(tmp_path / "b.json"), typed=f"{KEY}\ncorrect horse\n")
    (tmp_path / "a.txt").write_text("{}")
    # Foundry's files name no address.
    document = json.loads((tmp_path / "b.json").read_text())
    del document["address"]
    (tmp_path / "c").write_text(json.dumps(document))
    (tmp_path / "folder").mkdir()
    code, text = run("list", str(tmp_path), "--json")
    found = [(Path(one["keystore"]).name, one["address"]) for one in json.loads(text)["wallets"]]
    assert (code, found) == (0, [("b.json", ADDRESS), ("c", "")])
    assert "no keystore" in run("list", str(tmp_path / "folder"))[1]
    assert "cannot read" in run("list", str(tmp_path / "absent"))[1]
