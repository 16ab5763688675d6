"""A suite that was stopped goes on where it was, and its page tells every run."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from rich.console import Console

from cupel.devnet.attacks import suite
from cupel.devnet.attacks.table import Row
from cupel.protocol.config import ConfigError

ROW = Row("int4", "4 bits", "slashed", "slashed", "toploc: toploc-exponent", "CanonicalJudge", 9, 4, 0)
RUN = suite.Run(("int4",), (ROW,), {"No honest node slashed": "none"}, (), 61.5)


def kept(folder: Path, run: suite.Run) -> suite.Suite:
    (folder / "run-01").mkdir(parents=True)
    suite.keep_run(folder / "run-01", run)
    return suite.Suite(run.attacks, folder, 3, 0, False)


def test_a_finished_run_is_not_repeated(tmp_path: Path) -> None:
    runs = asyncio.run(suite.run_suite(kept(tmp_path, RUN), Console(quiet=True)))
    assert runs == (RUN,)
    page = (tmp_path / "attacks.md").read_text(encoding="utf-8")
    assert "1. 62 s. No honest node slashed: none." in page
    assert "Broken promises" not in page
    assert suite.passed(runs)


def test_a_broken_promise_is_on_the_page(tmp_path: Path) -> None:
    broken = suite.Run(("int4",), (ROW,), {}, ("No honest node slashed: node-1",), 1.0)
    runs = asyncio.run(suite.run_suite(kept(tmp_path, broken), Console(quiet=True)))
    assert "- int4: No honest node slashed: node-1" in suite.page(runs)
    assert not suite.passed(runs)


def test_a_folder_of_other_attacks_is_not_taken_for_this_suites(tmp_path: Path) -> None:
    kept(tmp_path, RUN)
    other = suite.Suite(("int8",), tmp_path, 3, 0, False)
    with pytest.raises(ConfigError, match="holds a run of int4"):
        asyncio.run(suite.run_suite(other, Console(quiet=True)))


def test_every_attack_is_in_one_run() -> None:
    everything = suite.chosen(["all"])
    packed = suite.packs(everything)
    assert sorted(name for pack in packed for name in pack) == sorted(everything)
    assert max(map(len, packed)) == suite.LIARS_A_RUN
    assert ("withheld-data",) in packed
    assert ("false-challenge",) in packed


def test_an_unknown_attack_is_refused() -> None:
    with pytest.raises(ConfigError, match="no attack 'nothing'"):
        suite.chosen(["nothing"])
