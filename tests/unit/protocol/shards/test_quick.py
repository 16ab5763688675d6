"""The quick reader of command lines takes what the full one takes, the same way, and leaves it everything else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer.main

from cupel.protocol.shards import actions, quick
from cupel.protocol.shards.cli import app

FULL: Any = typer.main.get_command(app)


@pytest.mark.parametrize("name", quick.FORMS)
def test_every_form_has_the_options_of_its_command(name: str) -> None:
    form = quick.FORMS[name]
    found = {
        word: (option.name, option.default, option.required, option.several, option.least, option.most)
        for word, option in form.options.items()
    }
    arguments, flags, options = [], {}, {}
    for one in FULL.commands[name].params:
        if one.param_type_name == "argument":
            arguments.append(one.name)
        elif one.name != "help" and one.is_flag:
            flags[one.opts[0]] = one.name
        elif one.name != "help":
            several = bool(one.multiple)
            default = None if several else one.default
            options[one.opts[0]] = (one.name, default, one.required, several, one.min, one.max)
    assert arguments == ([] if form.argument is None else [form.argument[0]])
    assert flags == form.flags
    assert options == found


LINES = [
    ("publish", "file", "--store", "s"),
    ("publish", "--json", "--store", "s", "--port", "80", "--upload-limit", "1000", "file", "--host", "h"),
    ("fetch", "cid", "--from", "a", "--store", "s", "--from", "b", "--serve", "--out", "o"),
    ("relay", "--upstream", "a", "--store", "s", "--max-bytes", str(1 << 22)),
]


@pytest.mark.parametrize("words", LINES)
def test_both_readers_give_the_same_parameters(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[dict[str, Any]] = []

    def take(name: str) -> Any:
        whole = getattr(actions, name)
        names = whole.__code__.co_varnames[: whole.__code__.co_argcount]

        def note(*values: Any, **named: Any) -> int:
            given.append(dict(zip(names, values, strict=False)) | named)
            return 0

        return note

    for name in quick.FORMS:
        monkeypatch.setattr(actions, name, take(name))
    run = quick.command(words)
    assert run is not None
    assert run() == 0
    with pytest.raises(SystemExit):
        FULL.main(list(words))
    first, second = ({**one, "sources": list(one.get("sources", ()))} for one in given)
    assert first == second
    assert isinstance(first["store"], Path)


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("ls", "--store", "s"),
        ("publish",),
        ("publish", "file"),
        ("publish", "file", "other", "--store", "s"),
        ("publish", "file", "--store"),
        ("publish", "file", "--store", "--json"),
        ("publish", "file", "--store", "s", "--help"),
        ("publish", "file", "--store=s"),
        ("publish", "file", "--store", "s", "--port", "65536"),
        ("publish", "file", "--store", "s", "--port", "-1"),
        ("publish", "file", "--store", "s", "--upload-limit", "999"),
        ("publish", "file", "--store", "s", "--upload-limit", "fast"),
        ("fetch", "cid", "--store", "s"),
        ("relay", "cid", "--upstream", "a", "--store", "s"),
    ],
)
def test_what_is_not_plain_is_left_to_the_full_reader(words: tuple[str, ...]) -> None:
    assert quick.command(words) is None
