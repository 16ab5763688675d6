"""`cupel sim economics`: verdict, numbers and files."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cupel.protocol.config import EnvironmentProblem
from cupel.protocol.economics.cli import EXIT_LYING_PAYS, app

PLAN = Path(__file__).parents[4] / "examples" / "sorting" / "task.toml"


def run(*options: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["economics", "--plan", str(PLAN), *options], catch_exceptions=False)
    return result.exit_code, result.stdout


def test_the_shipped_terms_deter_from_a_tenth_on() -> None:
    code, output = run("--audit-rate", "0.1")
    assert code == 0
    assert "No lie pays." in output


def test_lying_pays_where_hardly_anybody_looks() -> None:
    code, output = run("--audit-rate", "0.005", "--json")
    assert code == EXIT_LYING_PAYS
    result = json.loads(output)
    assert not result["passed"]
    # 512 rollouts of 0.01 a round, a stake of 100, a bond of 5.
    assert result["economy"]["stake"] == pytest.approx(100 / 5.12)
    assert result["economy"]["bond"] == pytest.approx(5 / 5.12)
    assert result["economy"]["open_rounds"] == 2


def test_the_picture_is_an_svg_with_every_lie(tmp_path: Path) -> None:
    file = tmp_path / "gains.svg"
    run("--picture", str(file))
    root = ElementTree.fromstring(file.read_text(encoding="utf-8"))
    assert len([path for path in root.iter() if path.get("stroke-width") == "2"]) == 4


def test_a_picture_that_cannot_be_written_names_the_flag(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem, match="--picture"):
        run("--picture", str(tmp_path / "absent" / "gains.svg"))
