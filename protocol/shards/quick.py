"""The command lines of servers and receivers, read without the library that explains them.

`cupel shards publish`, `fetch` and `relay` are started on many machines at once, and loading that library takes three
times as long as all they need to run. What is not taken here, a call for help or a mistake, is the library's to answer:
see `cli`, whose options these are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Option:
    """A word that a value follows. `least` and `most` bound a number; `default` None with `required` has none."""

    name: str
    read: Callable[[str], Any] = str
    default: Any = None
    required: bool = False
    several: bool = False
    least: int | None = None
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Form:
    """A command: the name and kind of its one argument, if it has one; its options and flags by the word for them."""

    argument: tuple[str, Callable[[str], Any]] | None
    options: Mapping[str, Option]
    flags: Mapping[str, str]


_SERVING: Final = {
    "--store": Option("store", Path, required=True),
    "--host": Option("host", default="127.0.0.1"),
    "--port": Option("port", int, default=0, least=0, most=65535),
    "--upload-limit": Option("upload_limit", int, least=1000),
}
FORMS: Final = {
    "publish": Form(("file", Path), _SERVING, {"--json": "json"}),
    "fetch": Form(
        ("cid", str),
        {
            **_SERVING,
            "--from": Option("sources", required=True, several=True),
            "--out": Option("out", Path),
        },
        {"--serve": "serve", "--json": "json"},
    ),
    "relay": Form(
        None,
        {
            **_SERVING,
            "--upstream": Option("upstreams", required=True, several=True),
            "--max-bytes": Option("max_bytes", int, default=50 << 30, least=1 << 22),
        },
        {"--json": "json"},
    ),
}


def read(form: Form, words: Sequence[str]) -> dict[str, Any] | None:
    """The parameters that these words give a command; None for what is not plain enough."""
    found: dict[str, Any] = dict.fromkeys(form.flags.values(), False)
    rest = iter(words)
    try:
        for word in rest:
            if word in form.flags:
                found[form.flags[word]] = True
            elif word in form.options:
                _take(form.options[word], next(rest), found)
            elif form.argument is None or form.argument[0] in found or (word.startswith("-") and word != "-"):
                return None
            else:
                found[form.argument[0]] = form.argument[1](word)
    except (StopIteration, ValueError):
        return None
    if form.argument is not None and form.argument[0] not in found:
        return None
    missing = [option for option in form.options.values() if option.name not in found]
    if any(option.required for option in missing):
        return None
    return found | {option.name: option.default for option in missing}


def _take(option: Option, text: str, found: dict[str, Any]) -> None:
    if text.startswith("-"):
        raise ValueError("perhaps an option whose value was forgotten")
    value = option.read(text)
    if not _within(option, value):
        raise ValueError("out of bounds")
    if option.several:
        found.setdefault(option.name, []).append(value)
    else:
        found[option.name] = value


def _within(option: Option, value: Any) -> bool:
    return (option.least is None or value >= option.least) and (option.most is None or value <= option.most)


def command(words: Sequence[str]) -> Callable[[], int] | None:
    """What `cupel shards` with these words runs, to its exit code; None for what is not read here."""
    form = FORMS.get(words[0]) if words else None
    given = read(form, words[1:]) if form is not None else None
    if given is None:
        return None

    def run() -> int:
        from cupel.protocol.shards import actions

        code: int = getattr(actions, words[0])(**given)
        return code

    return run
