"""One demo from options to files: run folder, wallets, screen, the run itself, result and report."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from cupel.devnet import machine
from cupel.devnet.chronicle import Chronicle
from cupel.devnet.demo import Demo
from cupel.devnet.facts import ChainFacts
from cupel.devnet.options import DemoOptions
from cupel.devnet.outcome import Outcome, RunInfo
from cupel.devnet.presets import CREATOR
from cupel.devnet.report.page import render
from cupel.devnet.run_folder import RunFolder, make_run_folder
from cupel.devnet.screen.live import LiveScreen, PlainScreen
from cupel.devnet.story.state import DemoState
from cupel.devnet.verdict import Check, judge
from cupel.devnet.wallets import create_wallet
from cupel.protocol.config import EnvironmentProblem

Judged = Callable[[ChainFacts, DemoState], tuple[Check, ...]]


async def run_session(options: DemoOptions, console: Console, judged: Judged | None = None) -> Outcome:
    """Run a demo and write its files; everything for people goes to `console`.

    judged: the promises to hold it against, if not the demo's own.
    DemoFailed, ChildFailed, ConfigError or EnvironmentProblem if it does not get to a verdict.
    """
    tools = machine.find_tools()
    folder = make_run_folder(options.folder, tools.root / "runs")
    started = time.strftime("%Y-%m-%d %H:%M:%S")
    try:
        wallets = {name: create_wallet(name, folder.keys) for name in (*options.participants, CREATOR)}
        accounts = {name: wallet.address for name, wallet in wallets.items()}
        state = options.first_state(accounts, time.time_ns() // 1_000_000)
        with ExitStack() as stack:
            screen: LiveScreen | PlainScreen
            screen = LiveScreen(console, state) if console.is_terminal else PlainScreen(console, state)
            stack.enter_context(screen)
            chronicle = stack.enter_context(Chronicle(state, folder.path / "events.jsonl", screen))
            margin = options.preset.reward_margin
            promises = judged or (lambda facts, state: judge(facts, state, margin))
            facts, checks = await Demo(options, tools, folder, wallets, chronicle, promises).run()
        info = RunInfo(started, options.preset.name, options.seed, machine.describe(), str(folder.path))
        outcome = Outcome(info, chronicle.state, facts, checks)
        _write(folder, outcome)
    finally:
        if not options.keep:
            folder.forget_secrets()
    return outcome


def report_path(outcome: Outcome) -> Path:
    """Where the report of a finished demo is."""
    return Path(outcome.info.folder) / "report.html"


def _write(folder: RunFolder, outcome: Outcome) -> None:
    try:
        (folder.path / "result.json").write_text(
            json.dumps(outcome.as_json(), indent=2) + "\n", encoding="utf-8"
        )
        report_path(outcome).write_text(render(outcome), encoding="utf-8")
    except OSError as error:
        problem = f"cannot write the report to {folder.path} ({error.strerror})"
        raise EnvironmentProblem(
            f"{problem}; free some space, or choose another disk with --run-dir"
        ) from None
