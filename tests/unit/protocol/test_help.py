"""Help that teaches: every command shows how it is called, and every option says what it is for."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import entry_points
from typing import Any

import pytest
import typer.main

from cupel.protocol.cli import COMMAND_GROUP, main


def commands() -> Iterator[tuple[str, Any]]:
    for entry in entry_points(group=COMMAND_GROUP):
        yield from _below(entry.name, typer.main.get_command(entry.load()))


def _below(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    below = getattr(command, "commands", {})
    if not below:
        yield name, command
    for last, inner in below.items():
        yield from _below(f"{name} {last}", inner)


COMMANDS = dict(commands())


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_shows_how_it_is_called(name: str) -> None:
    command = COMMANDS[name]
    assert f"cupel {name}" in command.help.partition("Example")[2]
    assert [one.name for one in command.params if not getattr(one, "help", None)] == []


def test_every_settings_option_is_a_setting_everywhere() -> None:
    for name, command in COMMANDS.items():
        for parameter in command.params:
            if parameter.name in ("rpc_url", "chain_id", "keystore", "data_dir", "deployment"):
                assert parameter.opts[0] == "--" + parameter.name.replace("_", "-"), name


@pytest.mark.parametrize(
    ("typed", "offered"),
    [("cupel no", ["node"]), ("cupel task g", ["genesis"]), ("cupel node run --passw", ["--password-file"])],
)
def test_a_shell_completes_commands_and_options(
    typed: str, offered: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = {"_CUPEL_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}
    for name, value in words.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.argv", ["cupel"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert (ended.value.code, capsys.readouterr().out.split()) == (0, offered)
