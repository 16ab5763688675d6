"""`cupel calibrate` from command line to a plan that takes its file."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cupel.protocol.config import ConfigError
from cupel.protocol.task.plan import load_plan
from cupel.verifier.calibration.audits import UNLIMITED
from cupel.verifier.calibration.cli import app
from cupel.verifier.calibration.columns import COLUMNS
from cupel.verifier.calibration.run import Options, calibrate

SMALL = ["--chunks", "24", "--cheat-chunks", "8", "--student-steps", "2", "--threads", "1", "--device", "cpu"]


def run(*arguments: str | Path) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def out(checkpoint: Path, plan_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The criteria of a small calibration."""
    out = tmp_path_factory.mktemp("calibration") / "thresholds.toml"
    result = run("--checkpoint", checkpoint, "--plan", plan_file, "--out", out, *SMALL, "--json")
    assert result.exit_code in (0, 1), result.output
    document = json.loads(result.stdout)
    assert result.exit_code == (document["honest"]["false_rejects"] > 0)
    assert document == tomllib.loads(out.read_text())
    assert "chunks" in result.stderr
    return out


def test_the_document_counts_every_population(out: Path) -> None:
    document = tomllib.loads(out.read_text())
    assert document["honest"]["chunks"] >= 24 <= document["honest"]["chosen_from"]
    engines = sum(engine["chunks"] for engine in document["engine"])
    assert engines == document["honest"]["chunks"] + document["honest"]["chosen_from"]
    cheats = {cheat["name"]: cheat for cheat in document["cheat"]}
    assert len(cheats) == len(document["cheat"]) > 25
    assert all(cheat["chunks"] >= 8 for cheat in cheats.values())
    assert cheats["int4"]["verdict"] == "refused"
    assert cheats["speculative"]["refused_by"].keys() == {"sampling"}
    assert set(document["limits"]) == {
        column.name for column in COLUMNS if column.slack is not None or column.limit is not None
    } | {"seeded-ending"}


def test_too_few_chunks_for_an_audit_limit_nothing_in_the_mean(out: Path) -> None:
    """Better no limit than one of no audit."""
    document = tomllib.loads(out.read_text())
    assert document["honest_audits"]["chosen_from"] == 0
    assert document["pooling"]["max_error_millionths"] == document["audit_limits"]["pooled"] == UNLIMITED


def test_the_picture_needs_nothing_else(out: Path) -> None:
    page = out.with_suffix(".html").read_text()
    assert page.count("<svg") == 5
    assert "weights of 4 bits" in page
    assert not any(word in page for word in ("http:", "https:", "src=", "@import", "url("))
    assert not out.with_suffix(".parts").exists()


def test_a_plan_takes_the_file(out: Path, plan_file: Path) -> None:
    plan_path = out.parent / "task.toml"
    text = plan_file.read_text().replace('name = "sort', 'thresholds = "thresholds.toml"\nname = "sort')
    plan_path.write_text(text)
    spec, document = load_plan(plan_path).spec, tomllib.loads(out.read_text())
    assert dataclasses.asdict(spec.thresholds) == document["thresholds"]
    assert dataclasses.asdict(spec.pooling) == document["pooling"]
    assert spec.sampling.tolerance_millionths == document["sampling"]["tolerance_millionths"]


def test_an_interrupted_run_goes_on_to_the_same_end(
    checkpoint: Path, plan_file: Path, out: Path, tmp_path: Path
) -> None:
    options = Options(
        checkpoint=checkpoint,
        plan=plan_file,
        out=tmp_path / "thresholds.toml",
        chunks=24,
        cheat_chunks=8,
        seed=0,
        headroom_percent=25,
        student_steps=2,
        dtypes=("float32",),
        devices=("cpu",),
        threads=(1,),
    )

    def stop(title: str, done: int, target: int) -> None:
        if title == "weights of 6 bits":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        calibrate(options, stop)
    kept = {path.name: path.stat().st_mtime_ns for path in options.parts.glob("*.npy")}
    assert len(kept) > 24
    calibrate(dataclasses.replace(options, keep=True), lambda *_: None)
    assert (
        kept.items() <= {path.name: path.stat().st_mtime_ns for path in options.parts.glob("*.npy")}.items()
    )
    assert options.out.read_text() == out.read_text()
    with pytest.raises(ConfigError, match="another calibration"):
        calibrate(dataclasses.replace(options, seed=1), lambda *_: None)


def test_a_model_of_transformers_is_calibrated(
    checkpoints: dict[str, Path], plan_files: dict[str, Path], tmp_path: Path
) -> None:
    out = tmp_path / "thresholds.toml"
    files = ("--checkpoint", checkpoints["llama"], "--plan", plan_files["llama"], "--out", out)
    result = run(*files, *SMALL)
    assert result.exit_code in (0, 1), result.output
    document = tomllib.loads(out.read_text())
    assert "transformers" in document["measured"]["software"]
    assert document["scope"]["model"]["architecture"] == "transformers/llama"
    assert document["measured"]["inapplicable"] == ["other-replies"]  # it has no dialogue
    verdicts = {cheat["name"]: cheat["verdict"] for cheat in document["cheat"]}
    assert {verdicts[name] for name in ("int4", "pruned", "student", "bfloat16", "edited-prompt")} == {
        "refused"
    }
    text = plan_files["llama"].read_text().replace('name = "sort', f'thresholds = "{out}"\nname = "sort')
    (tmp_path / "task.toml").write_text(text)
    taken = load_plan(tmp_path / "task.toml").spec
    assert dataclasses.asdict(taken.thresholds) == document["thresholds"]


@pytest.mark.parametrize(
    ("arguments", "key"),
    [
        (("--dtype", "float8"), "dtype"),
        (("--device", "tpu"), "device"),
        (("--out", "thresholds.json"), "out"),
        (("--out", "absent/thresholds.toml"), "out"),
        (("--checkpoint", "absent"), "checkpoint"),
        (("--older", "absent"), "older"),
        (("--plan", "absent"), "plan"),
    ],
)
def test_a_mistake_names_its_option(
    checkpoint: Path,
    plan_file: Path,
    arguments: tuple[str, ...],
    key: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("--checkpoint", checkpoint, "--plan", plan_file, *SMALL, *arguments)
    assert isinstance(result.exception, ConfigError)
    assert result.exception.key == key
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_checkpoint(plan_file: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(b"nothing")
    result = run("--checkpoint", bad, "--plan", plan_file, "--out", tmp_path / "t.toml", *SMALL)
    assert isinstance(result.exception, ConfigError)
    assert result.exception.key == "checkpoint"
