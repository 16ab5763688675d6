"""A folder made by `cupel init` is read by the settings' own reader, and its key opens."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cupel.protocol.beginning.cli import app
from cupel.protocol.beginning.folder import ROLES
from cupel.protocol.config import ConfigError
from cupel.protocol.keys import load_account
from cupel.protocol.settings import load_settings
from cupel.protocol.wallet import files


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for function in (files.create, files.write):
        monkeypatch.setattr(function, "__defaults__", (1024,))


@pytest.mark.parametrize("role", ROLES)
def test_the_settings_load_and_the_key_opens(role: str, tmp_path: Path) -> None:
    folder = tmp_path / "a role's folder"
    result = CliRunner().invoke(app, [role, str(folder), "--chain-id", "7", "--json"])
    assert result.exit_code == 0, result.output
    made = json.loads(result.stdout)
    settings = load_settings(Path(made["settings"]), {}, environment={})
    assert settings.chain_id == 7
    assert load_account(settings).address == made["address"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert f"cupel {'task' if role == 'creator' else role}" in made["next"][-1]


def test_nothing_is_overwritten_and_no_half_folder_is_left(tmp_path: Path) -> None:
    (tmp_path / "key.json").write_text("mine")
    result = CliRunner().invoke(app, ["node", str(tmp_path)])
    assert isinstance(result.exception, ConfigError)
    assert [path.name for path in tmp_path.iterdir()] == ["key.json"]
    assert (tmp_path / "key.json").read_text() == "mine"
