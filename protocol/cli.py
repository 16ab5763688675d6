"""`cupel`: one command, its subcommands found by entry point without importing what they need to run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from cupel.protocol.config import ConfigError, EnvironmentProblem

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    import typer

COMMAND_GROUP: Final = "cupel.commands"
EXIT_CONFIG: Final = 2
EXIT_ENVIRONMENT: Final = 4


def run(command: Callable[[], object]) -> None:
    """Run a command line; an operator's mistake or a missing service is one line on standard error, no trace.

    Exit codes: 2 for a setting to correct, 4 for a service, port or disk that fails.
    """
    try:
        command()
    except ConfigError as error:
        print(f"cupel: {error}", file=sys.stderr)
        sys.exit(EXIT_CONFIG)
    except EnvironmentProblem as error:
        print(f"cupel: {error}", file=sys.stderr)
        sys.exit(EXIT_ENVIRONMENT)


def main() -> None:
    """Entry point of `cupel`."""
    words = sys.argv[1:]
    quick = _quick(words)
    if quick is None:
        from cupel.protocol.heap import limit_arenas

        limit_arenas()
    run((lambda: command_tree(words)(prog_name="cupel")) if quick is None else lambda: sys.exit(quick()))


def _quick(words: Sequence[str]) -> Callable[[], int] | None:
    """A command that is plain enough to run without the library that explains mistakes, and loads before all else."""
    if words[:1] != ["shards"]:
        return None
    from cupel.protocol.shards import quick

    return quick.command(words[1:])


def command_tree(arguments: list[str]) -> typer.Typer:
    """`cupel` with as many of its commands as these arguments call for."""
    import typer

    app = typer.Typer(
        name="cupel",
        help="Train one model with strangers: work comes in, the test says what it is worth, and it is paid for.",
        epilog="Try it: cupel demo --fast. To take part: cupel init node my-node, then cupel doctor --config "
        "my-node/node.toml. Every command shows an example: cupel COMMAND --help.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
    )
    app.callback()(_root)
    for entry in sorted(_wanted(arguments), key=lambda entry: entry.name):
        app.add_typer(entry.load(), name=entry.name)
    return app


def _wanted(arguments: list[str]) -> list[EntryPoint]:
    """The command named first alone, so that it starts without importing the others; all of them for the help."""
    from importlib.metadata import entry_points

    entries = list(entry_points(group=COMMAND_GROUP))
    named = [entry for entry in entries if entry.name in arguments[:1]]
    return named or entries


def _root() -> None:
    """Commands are documented by `cupel COMMAND --help`."""
