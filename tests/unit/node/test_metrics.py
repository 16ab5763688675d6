"""A line for every step, each once, whole or absent."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from cupel.node.metrics import MetricsLog, step_facts
from cupel.node.pipeline.rounds import Order
from cupel.node.pipeline.worker import Clock
from cupel.node.pipeline.workshop import Workshop
from cupel.protocol.config import ConfigError

ORDER = Order(5, b"\1" * 32, 3, b"\2" * 32, 3, 4)


def test_a_step_says_where_the_time_went(tmp_path: Path) -> None:
    workshop = Workshop(tmp_path)
    workshop.report(
        ORDER, "rollouts", {"tokens": 90, "busy_seconds": 3.0, "waited_seconds": {"publisher": 1.0}}
    )
    workshop.report(
        ORDER,
        "trainer",
        {"mean_reward": 0.5, "loss": -0.1, "busy_seconds": 1.0, "waited_seconds": {"rollouts": 3.0}},
    )
    publisher = Clock(lambda: 0.0, {"rollouts": 3.0, "trainer": 1.0})
    facts = step_facts(workshop, ORDER, "committed", publisher, 5.0, "ab")
    assert (facts["round"], facts["staleness"], facts["tokens"], facts["manifest"]) == (5, 2, 90, "ab")
    assert (facts["mean_reward"], facts["loss"], facts["entropy"]) == (0.5, -0.1, None)
    shares = {name: process["utilisation"] for name, process in facts["processes"].items()}
    assert shares == {"rollouts": 0.75, "trainer": 0.25, "publisher": 0.2}
    assert facts["processes"]["publisher"]["waited_seconds"] == {"rollouts": 3.0, "trainer": 1.0}


def test_a_round_that_is_there_is_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "metrics.jsonl"
    for number in (0, 1, 1, 0, 3):
        MetricsLog(path).write({"round": number})
    assert [json.loads(line)["round"] for line in path.read_text(encoding="utf-8").splitlines()] == [0, 1, 3]


def test_tensorboard_gets_the_same_numbers(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    workshop = Workshop(tmp_path)
    workshop.report(
        ORDER, "trainer", {"mean_reward": 0.5, "busy_seconds": 1.0, "waited_seconds": {"rollouts": 1.0}}
    )
    facts = step_facts(workshop, ORDER, "committed", Clock(lambda: 0.0), 5.0)
    MetricsLog(tmp_path / "metrics.jsonl", str(tmp_path / "board")).write(facts)
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = EventAccumulator(str(tmp_path / "board")).Reload()
    assert [(event.step, event.value) for event in board.Scalars("mean_reward")] == [(5, 0.5)]
    assert [event.value for event in board.Scalars("utilisation/trainer")] == [0.5]


def test_tensorboard_that_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "torch.utils.tensorboard", None)
    with pytest.raises(ConfigError) as error:
        MetricsLog(tmp_path / "metrics.jsonl", str(tmp_path / "board"))
    assert error.value.key == "tensorboard"


def test_a_folder_that_cannot_be_made_is_named_before_a_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(
        __import__("sys").modules, "torch.utils.tensorboard", SimpleNamespace(SummaryWriter=None)
    )
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot make") as error:
        MetricsLog(tmp_path / "metrics.jsonl", str(tmp_path / "file" / "board"))
    assert error.value.key == "tensorboard"
