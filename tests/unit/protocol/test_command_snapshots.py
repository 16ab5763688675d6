"""What every command prints for `--help` and for every mistake, held against files to the letter.

A file of `errors` holds command lines (`$ cupel ...`) and what each prints. To add a mistake, add its command line and
run this file with `--renew-snapshots`, which writes what is printed now; so does `make snapshots`.
"""

from __future__ import annotations

import ast
import contextlib
import io
import os
import re
import shlex
import socket
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer.main
import typer.rich_utils
from eth_account import Account

from cupel.devnet.deployment import deploy, fund
from cupel.devnet.presets import CANONICAL, DATA, FULL
from cupel.devnet.project import artefacts, project_root
from cupel.protocol.chain.deployments import Deployment
from cupel.protocol.cli import command_tree, main
from cupel.protocol.config import ConfigError, EnvironmentProblem
from cupel.protocol.model.checkpoint import checkpoint_to_bytes, genesis
from cupel.protocol.model.layout import layout_of
from cupel.protocol.task.plan import load_plan
from cupel.protocol.testing.browser import apart
from cupel.protocol.wallet.files import write

SNAPSHOTS = project_root() / "tests" / "snapshots" / "cli"
WIDTH = 100
PASSWORD = "correct horse"
# Worthless: everybody can read them here.
POOR, RICH = (Account.from_key(bytes([number]) * 32) for number in (1, 2))
PACKAGES = ("protocol", "node", "verifier", "deploy")
PROBLEMS = ("ConfigError", "EnvironmentProblem", "NoGasMoney")


def tree(name: str, command: Any) -> Iterator[tuple[str, ...]]:
    """A command and all below it, as the words that call them."""
    yield tuple(name.split())
    for last, inner in getattr(command, "commands", {}).items():
        yield from tree(f"{name} {last}".strip(), inner)


COMMANDS = sorted(tree("", typer.main.get_command(command_tree([]))))
ERRORS = sorted(path.stem for path in (SNAPSHOTS / "errors").glob("*.txt"))


@dataclass
class World:
    """A folder of an operator, a chain, and what differs from run to run."""

    folder: Path
    real: dict[str, str]
    """By the word that stands for it in the snapshots."""
    raised: set[str] = field(default_factory=set)
    """Places in the sources whose problem was shown."""
    shown: dict[str, str] = field(default_factory=dict)
    """By command line."""

    def printed(self, line: str) -> str:
        """What a command line prints, and its exit code. Each is run once."""
        if line not in self.shown:
            self.shown[line] = self._run(line)
        return self.shown[line]

    def _run(self, line: str) -> str:
        for word, text in self.real.items():
            line = line.replace(word, text)
        typed, _, rest = line.rpartition(" | ")
        words = shlex.split(rest)
        start = words.index("cupel")
        given = dict(word.split("=", 1) for word in words[:start])
        shown, code = run(words[start + 1 :], given, " ".join(shlex.split(typed)[1:]) + "\n")
        for word, text in self.real.items():
            # A port's digits may be part of an address.
            shown = re.sub(rf"(?<![0-9a-zA-Z]){re.escape(text)}(?![0-9a-zA-Z])", word, shown)
        shown = re.sub(r"0x[0-9a-fA-F]{40}\b", "0xADDRESS", shown.replace(str(self.folder), "."))
        shown = re.sub(r"0x[0-9a-f]{64}\b", "0xDIGEST", shown)
        return f"{shown.rstrip()}\nexit code {code}\n"


def run(arguments: list[str], environment: dict[str, str], typed: str) -> tuple[str, int]:
    """Both streams of `cupel` in their order, and its exit code."""
    told = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("CUPEL_")]:
            patch.delenv(name)
        for name, value in {"COLUMNS": str(WIDTH), "NO_COLOR": "1", **environment}.items():
            patch.setenv(name, value)
        patch.setattr(typer.rich_utils, "MAX_WIDTH", WIDTH)
        patch.setattr(typer.rich_utils, "FORCE_TERMINAL", False)
        patch.setattr(sys, "argv", ["cupel", *arguments])
        patch.setattr(sys, "stdin", io.StringIO(typed))
        with contextlib.redirect_stdout(told), contextlib.redirect_stderr(told):
            try:
                main()
            except SystemExit as ended:
                code = ended.code
    assert isinstance(code, int)
    return "\n".join(line.rstrip() for line in told.getvalue().splitlines()) + "\n", code


def hold(path: Path, now: str, renew: bool) -> None:
    """Compare with the file, or write it."""
    if renew:
        path.write_text(now, encoding="utf-8")
    remedy = "If it was meant to change: python -m pytest -n0 --renew-snapshots " + Path(__file__).name
    assert path.read_text(encoding="utf-8") == now, remedy


@pytest.fixture
def renew(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--renew-snapshots"))


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: "-".join(words) or "cupel")
def test_help(words: tuple[str, ...], renew: bool) -> None:
    shown, code = run([*words, "--help"], {}, "")
    assert code == 0
    hold(SNAPSHOTS / "help" / f"{'-'.join(('cupel', *words))}.txt", shown, renew)


def test_no_help_of_a_command_that_is_gone() -> None:
    kept = {path.stem for path in (SNAPSHOTS / "help").iterdir()}
    assert kept == {"-".join(("cupel", *words)) for words in COMMANDS}


def test_every_command_has_a_mistake_shown() -> None:
    lines = [line for name in ERRORS for line in commands_of(name)]
    called = {tuple(line.partition("cupel ")[2].split()) for line in lines}
    leaves = [one for one in COMMANDS if not any(other[: len(one)] == one != other for other in COMMANDS)]
    # These have nothing to be wrong but their options.
    untold = [one for one in leaves if not any(line[: len(one)] == one for line in called)]
    assert untold == []


def commands_of(name: str) -> list[str]:
    text = (SNAPSHOTS / "errors" / f"{name}.txt").read_text(encoding="utf-8")
    return [line.removeprefix("$ ") for line in text.splitlines() if line.startswith("$ ")]


@pytest.fixture(scope="module")
def world(start_anvil: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("operator")
    with start_anvil() as anvil, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        try:
            terms = (artefacts(project_root()), FULL.jury, DATA, CANONICAL)
        except ConfigError as missing:
            pytest.skip(str(missing))
        deployment = apart(deploy(anvil.rpc_url, 31337, *terms))
        apart(fund(anvil.rpc_url, deployment, {RICH.address: 10**18}))
        fill(folder, deployment, anvil.rpc_url)
        words = {"http://CHAIN": anvil.rpc_url, "TAKEN": str(taken.getsockname()[1])}
        made = World(folder, {**words, "REPOSITORY": str(project_root())})
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            for kind in (ConfigError, EnvironmentProblem):
                patch.setattr(kind, "__init__", noting(made.raised, kind.__init__))
            yield made


def noting(raised: set[str], construct: Callable[..., None]) -> Callable[..., None]:
    """The constructor, which also notes the line that calls it."""

    def constructed(self: Exception, *arguments: Any) -> None:
        caller = sys._getframe(1)
        path = Path(caller.f_code.co_filename).resolve()
        if path.is_relative_to(project_root()):
            raised.add(f"{path.relative_to(project_root())}:{caller.f_lineno}")
        construct(self, *arguments)

    return constructed


def fill(folder: Path, deployment: Deployment, rpc_url: str) -> None:
    """Files of an operator, and broken ones."""
    deployment.write(folder / "deployment.json")
    replace(deployment, chain_id=1).write(folder / "other-chain.json")
    replace(deployment, hub=POOR.address).write(folder / "no-hub.json")
    for name, account in (("poor", POOR), ("rich", RICH)):
        write(folder / f"{name}.json", account, PASSWORD, scrypt_n=1024)
    plan = (project_root() / "protocol/task/template.toml").read_text()
    network = (project_root() / "deploy/networks/anvil.toml").read_text()
    layout = layout_of(load_plan(project_root() / "protocol/task/template.toml").spec.model)
    texts = {
        "password": PASSWORD,
        "wrong.password": "battery staple",
        "empty.password": "\n",
        "empty.json": "{}",
        "node.toml": f'rpc_url = "{rpc_url}"\nkeystore = "rich.json"\npassword_file = "password"\n',
        "broken.toml": "rpc_url =",
        "unknown.toml": 'keystor = "rich.json"',
        "kind.toml": 'p2p_port = "4001"',
        "task.toml": plan,
        "bad-amount.toml": plan.replace('rate = "1', 'rate = "0.1'),
        "bad-bounty.toml": plan.replace('bounty = "1024000000000000000000"', 'bounty = "1"'),
        "bad-key.toml": plan.replace("rounds =", "rouns ="),
        "absent-thresholds.toml": with_thresholds(plan, "absent.toml"),
        "broken-thresholds.toml": with_thresholds(plan, "broken.toml"),
        "empty-thresholds.toml": with_thresholds(plan, "empty.password"),
        "bad-arguments.toml": plan.replace("version = 1", "version = 1\narguments = { share = 0.5 }"),
        "network.toml": network.replace("salt", "sal"),
        "value.toml": network.replace("size = ", "size = -"),
        "table.toml": "chain = 1\n" + network,
        "address.toml": network.replace('proxy = "0x', 'proxy = "0X'),
        "short.token": "secret",
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "bytes").write_bytes(b"\xff\xfe")
    (folder / "broken").mkdir()
    (folder / "broken" / "status.json").write_text("[]")
    (folder / "full").mkdir()
    for name in ("deployment.json", "node.toml"):
        (folder / "full" / name).write_text("{}")
    weights = genesis(np.zeros(layout.num_parameters, np.float32))
    (folder / "genesis.safetensors").write_bytes(checkpoint_to_bytes(weights, layout))


def with_thresholds(plan: str, file: str) -> str:
    """The plan with its thresholds in a file."""
    before, _, after = plan.partition("[spec.thresholds]")
    return before.replace("[spec]", f'[spec]\nthresholds = "{file}"') + after[after.index("[spec.pooling]") :]


@pytest.mark.parametrize("name", ERRORS)
def test_mistakes(name: str, world: World, renew: bool) -> None:
    shown = [f"$ {line}\n{world.printed(line)}" for line in commands_of(name)]
    hold(SNAPSHOTS / "errors" / f"{name}.txt", "\n".join(shown), renew)


def test_every_problem_is_shown_or_has_a_reason_not_to_be(world: World) -> None:
    for name in ERRORS:
        for line in commands_of(name):
            world.printed(line)
    sites = dict(problem_sites())
    hidden = {label for place, label in sites.items() if place not in world.raised}
    reasons = tomllib.loads((SNAPSHOTS / "unshown.toml").read_text(encoding="utf-8"))
    excused = {label for group in reasons["group"] for label in group["problems"]}
    untold = "\n".join(sorted(hidden - excused))
    assert not untold, f"neither shown nor excused:\n{untold}"
    needless = "\n".join(sorted(excused - hidden))
    assert not needless, f"shown, or gone:\n{needless}"


def problem_sites() -> Iterator[tuple[str, str]]:
    """Every place that makes a problem for an operator: file and line, and file, function and key."""
    for package in PACKAGES:
        for path in sorted((project_root() / package).rglob("*.py")):
            if "testing" not in path.parts:
                yield from sites_in(str(path.relative_to(project_root())), ast.parse(path.read_text()))


def sites_in(path: str, tree: ast.Module) -> Iterator[tuple[str, str]]:
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    for function in functions:
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in PROBLEMS:
                key = ast.unparse(node.args[0]) if node.func.id == "ConfigError" else node.func.id
                yield f"{path}:{node.lineno}", f"{path} {function.name} {key}"
