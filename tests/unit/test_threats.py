"""The threat model names tests that exist, and two of its answers hold for the code as a whole."""

from __future__ import annotations

import ast
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from eth_account import Account

from cupel.protocol.config import ConfigError
from cupel.protocol.keys import load_account
from cupel.protocol.observe import JsonObserver
from cupel.protocol.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("protocol", "node", "verifier", "deploy")
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (ROOT / "docs" / "threats.md").read_text(encoding="utf-8"))
UNSAFE = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}


@pytest.mark.parametrize(("path", "name"), NAMED, ids=[name for _, name in NAMED])
def test_every_answer_has_its_test(path: str, name: str) -> None:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_row_names_one() -> None:
    _, _, text = (ROOT / "docs" / "threats.md").read_text(encoding="utf-8").partition("## Each answer")
    rows = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| **")]
    assert len(rows) - 1 == len(NAMED) > 30


def sources() -> Iterator[tuple[Path, ast.Module]]:
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*.py"):
            yield path, ast.parse(path.read_text(encoding="utf-8"))


def test_nothing_unpickles() -> None:
    """Neither by a module that does, nor by torch.load, nor by numpy, which does so only if it is asked to."""
    for path, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                assert not {name.name.split(".")[0] for name in node.names} & UNSAFE, path
            if isinstance(node, ast.ImportFrom):
                assert (node.module or "").split(".")[0] not in UNSAFE, path
            if isinstance(node, ast.Call):
                assert ast.unparse(node.func) != "torch.load", path
                assert all(
                    keyword.arg != "allow_pickle" or ast.unparse(keyword.value) == "False"
                    for keyword in node.keywords
                ), path


def test_no_secret_is_told(tmp_path: Path) -> None:
    """A wrong password is named and not repeated; settings, account and events show no key."""
    keystore, password = tmp_path / "key.json", tmp_path / "password"
    # Few rounds of key derivation: what is looked at here is what is told.
    keystore.write_text(json.dumps(Account.encrypt(b"\7" * 32, "a right password", "pbkdf2", 1)))
    password.write_text("a right password\n")
    settings = Settings(keystore=str(keystore), password_file=str(password))
    account = load_account(settings)
    key = bytes(account.key).hex()
    stream = io.StringIO()
    JsonObserver(stream).emit("ready", account=account.address, settings=str(settings))
    password.write_text("a wrong password\n")
    with pytest.raises(ConfigError) as refused:
        load_account(settings)
    told = stream.getvalue() + str(refused.value) + repr(account) + repr(settings) + str(account)
    for secret in (
        key,
        "right password",
        "wrong password",
        json.loads(keystore.read_text())["crypto"]["mac"],
    ):
        assert secret not in told
