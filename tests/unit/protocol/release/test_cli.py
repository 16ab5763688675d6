"""`cupel update`: nothing is trusted by default, and each refusal has its exit code."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from eth_account import Account
from typer.testing import CliRunner

from cupel.protocol.config import ConfigError
from cupel.protocol.release import taking
from cupel.protocol.release.cli import app
from cupel.protocol.wallet.files import write

SIGNERS = [Account.from_key(bytes([number]) * 32) for number in (1, 2, 3)]
Made = Callable[..., Path]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "node.toml"
    names = ", ".join(account.address for account in SIGNERS)
    path.write_text(f'release_signers = "{names}"\nrelease_quorum = 2\n')
    return path


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if isinstance(result.exception, ConfigError):
        raise result.exception
    return result.exit_code, result.output


def test_nothing_is_read_before_somebody_is_trusted(released: Made) -> None:
    with pytest.raises(ConfigError, match="you trust nobody's releases"):
        run("check", "http://127.0.0.1:1/never-asked")
    with pytest.raises(ConfigError, match="you trust nobody's releases"):
        run("fetch", released("9.9.0"), "--out", "never")


def test_check_tells_and_fetch_prints_the_command(released: Made, config: Path, tmp_path: Path) -> None:
    statement = released("9.9.0")
    code, told = run("check", statement, "--config", config, "--json")
    assert code == 0
    assert {key: json.loads(told)[key] for key in ("standing", "version", "cut_off")} == {
        "standing": "newer",
        "version": "9.9.0",
        "cut_off": False,
    }
    code, told = run("fetch", statement, "--out", tmp_path / "out", "--config", config)
    assert code == 0
    assert "--no-index" in told
    assert "--require-hashes" in told
    assert (tmp_path / "out" / "cupel-9.9.0.txt").is_file()


def test_an_older_release_is_refused(released: Made, config: Path, tmp_path: Path) -> None:
    statement = released("0.0.1", minimum="0.0.1")
    assert run("check", statement, "--config", config)[0] == 1
    assert run("fetch", statement, "--out", tmp_path / "out", "--config", config)[0] == 1
    assert not (tmp_path / "out").exists()


def test_a_build_that_is_no_release_is_told_so(
    released: Made, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taking.metadata, "version", lambda name: "0.1.0.dev1")
    statement = released("9.9.0")
    for command in (("check",), ("fetch", "--out", "never")):
        code, told = run(*command, statement, "--config", config)
        assert code == 1
        assert "no version of a release" in told


def test_two_sign_with_their_keystores(wheel_of: Made, config: Path, tmp_path: Path) -> None:
    wheel, statement = wheel_of("9.9.0"), tmp_path / "statement"
    (tmp_path / "password").write_text("correct horse")
    for number, begin in enumerate((("--commit", "a" * 40, "--minimum", "0.1.0"), ())):
        key = tmp_path / f"{number}.json"
        write(key, SIGNERS[number], "correct horse", scrypt_n=1024)
        keys = ("--keystore", key, "--password-file", tmp_path / "password")
        code, told = run("sign", wheel, "--statement", statement, *keys, *begin)
        assert code == 0, told
        assert SIGNERS[number].address in told
        assert run("check", statement, "--config", config)[0] == 1 - number
    with pytest.raises(ConfigError, match="belong together"):
        run("sign", wheel, "--statement", statement, *keys, "--commit", "a" * 40)
