"""Options, presets, plans, command lines: everything decided before anything starts."""

from __future__ import annotations

import dataclasses
import importlib.util
from pathlib import Path
from typing import Any

import pytest

from cupel.devnet import commands
from cupel.devnet.options import DemoOptions, Kill, make_options
from cupel.devnet.presets import (
    CREATOR,
    FAST,
    FULL,
    RATE,
    REFERENCE_STEP_SECONDS,
    STAKE,
    Preset,
    choose_pace,
    make_plan,
    starting_tokens,
    to_toml,
)
from cupel.devnet.pretraining import Pretraining
from cupel.devnet.run_folder import make_run_folder
from cupel.devnet.story.events import DemoEvent
from cupel.devnet.story.state import Lie
from cupel.devnet.wallets import create_wallet
from cupel.protocol.config import ConfigError
from cupel.protocol.settings import load_settings
from cupel.protocol.spec.task import Pinned, check_task
from cupel.protocol.task.plan import load_plan


def options(**changes: Any) -> DemoOptions:
    values: dict[str, Any] = {
        "fast": False,
        "nodes": 5,
        "rounds": None,
        "seed": 0,
        "rpc_port": 0,
        "kill_node": None,
        "nat_node": None,
        "run_dir": None,
        "keep": False,
        "traces": None,
    }
    return make_options(**{**values, **changes})


def test_last_two_nodes_lie_in_different_ways() -> None:
    assert options().lies == {"node-4": Lie.PERTURBED_MODEL, "node-5": Lie.INFLATED_REWARD}
    assert options(nodes=3).lies == {"node-2": Lie.PERTURBED_MODEL, "node-3": Lie.INFLATED_REWARD}


def test_traces_of_all_go_to_one_collector() -> None:
    assert options().choices("node-1", {}) == {}
    traced = options(traces="http://127.0.0.1:4318")
    assert (
        traced.choices("node-1", {})
        == traced.choices("verifier-2", {})
        == {"traces": "http://127.0.0.1:4318"}
    )
    with pytest.raises(ConfigError, match="traces: 'localhost' is no URL"):
        options(traces="localhost")


def test_preset_decides_the_rounds_unless_told() -> None:
    assert (options().rounds, options(fast=True).rounds, options(rounds=7).rounds) == (
        FULL.rounds,
        FAST.rounds,
        7,
    )


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"nodes": 2}, "nodes"),
        ({"nodes": 17}, "nodes"),
        ({"rounds": 2}, "rounds"),
        ({"rounds": 61}, "rounds"),
        ({"seed": -1}, "seed"),
        ({"kill_node": "1"}, "kill-node"),
        ({"kill_node": "0@1"}, "kill-node"),
        ({"kill_node": "4@1"}, "kill-node"),
        ({"kill_node": "1@10"}, "kill-node"),
        ({"kill_node": "1@1", "nodes": 3}, "kill-node"),
        ({"nat_node": 0}, "nat-node"),
        ({"nat_node": 6}, "nat-node"),
    ],
)
def test_impossible_runs_are_refused_by_name(changes: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        options(**changes)
    assert refusal.value.key == key


def test_kill_is_read() -> None:
    assert options(kill_node="2@3").kill == Kill("node-2", 3)


def test_node_behind_nat_is_named() -> None:
    assert (options().behind_nat, options(nat_node=1).behind_nat) == (None, "node-1")


@pytest.mark.parametrize("preset", [FULL, FAST])
def test_plan_is_one_the_creator_can_read_and_the_task_can_work(preset: Preset, tmp_path: Path) -> None:
    pace = choose_pace(preset, 5, REFERENCE_STEP_SECONDS, 2)
    plan = make_plan(preset, pace, 5, preset.rounds)
    (tmp_path / "plan.toml").write_text(to_toml(plan), encoding="utf-8")
    assert load_plan(tmp_path / "plan.toml") == plan
    nobody = Pinned("0x" + "00" * 20, bytes(32))
    params = plan.params(nobody.code, nobody.code, bytes(32), 0, nobody, (nobody,))
    check_task(params, plan.spec)
    jury = preset.jury
    rounds = 1 + jury.max_appeals
    needed = rounds * (jury.commit_seconds + jury.reveal_seconds) + jury.max_appeals * jury.appeal_seconds
    assert params.commit_seconds < params.round_seconds
    assert needed < params.dispute_seconds
    assert plan.bounty == 5 * preset.rounds * params.units_per_round * RATE


def test_slow_machines_get_longer_rounds() -> None:
    paces = [choose_pace(FULL, 5, REFERENCE_STEP_SECONDS * speed, 2) for speed in (0.01, 1, 3, 1000)]
    seconds = [pace.round_seconds for pace in paces]
    assert seconds == sorted(seconds)
    assert seconds[0] == FULL.least_round_seconds
    assert seconds[1] < seconds[2] < seconds[3] == 60


def test_more_nodes_on_the_same_cores_get_longer_rounds() -> None:
    few = choose_pace(FULL, 5, REFERENCE_STEP_SECONDS, 2).round_seconds
    assert choose_pace(FULL, 12, REFERENCE_STEP_SECONDS, 2).round_seconds > few
    assert choose_pace(FULL, 12, REFERENCE_STEP_SECONDS, 64).round_seconds == FULL.least_round_seconds


def test_everyone_can_afford_its_part() -> None:
    amounts = starting_tokens(FULL, 10, ["node-1", "node-2"], ["verifier-1"])
    assert amounts["node-1"] == STAKE
    assert amounts[CREATOR] == 2 * 10 * FULL.units_per_round * RATE
    # An appeal costs a quarter of a stake for each of its 2n + 1 seats.
    appeal = (2 * FULL.jury.size + 1) * FULL.jury.juror_stake // 4
    assert amounts["verifier-1"] > FULL.jury.juror_stake + appeal


def test_settings_file_is_what_the_process_reads(tmp_path: Path) -> None:
    folder = make_run_folder(tmp_path / 'odd "name"\\run', tmp_path)
    wallet = create_wallet("node-1", folder.keys)
    path = commands.write_settings(folder, wallet, "http://127.0.0.1:1", 31337)
    settings = load_settings(path, {}, {})
    assert (settings.rpc_url, settings.chain_id) == ("http://127.0.0.1:1", 31337)
    assert settings.keystore == str(wallet.keystore)
    assert settings.data_dir == str(folder.data / "node-1")
    assert settings.inbound == "yes"
    commands.write_settings(folder, wallet, "http://127.0.0.1:1", 31337, {"inbound": "no"})
    assert load_settings(path, {}, {}).inbound == "no"


def test_only_liars_run_another_program() -> None:
    config = Path("/c.toml")
    honest = commands.node_command(config, None)
    assert honest == commands.Command("cupel.protocol.cli", ("node", "run", "--config", config, "--json"))
    lying = commands.node_command(config, Lie.INFLATED_REWARD)
    arguments = ("--lie", "inflated-reward", "--config", config, "--json")
    assert lying == commands.Command("cupel.devnet.liars", arguments)


def test_what_is_preloaded_is_what_the_commands_run() -> None:
    for module in commands.PRELOADED:
        assert importlib.util.find_spec(module) is not None, module


def test_own_settings_do_not_leak_into_children(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUPEL_RPC_URL", "http://elsewhere")
    environment = commands.child_environment()
    assert not [name for name in environment if name.startswith("CUPEL_")]
    assert environment["OMP_NUM_THREADS"] == "1"


def test_pretraining_tells_progress_and_speed() -> None:
    pretraining = Pretraining()
    line = b'{"step": 50, "steps": 200, "loss": 1.25, "cpu_seconds": 2.5}\n'
    event = pretraining.parse("pretrain", line, 9)
    detail = "step 50 of 200, loss 1.250"
    fields = {"key": "policy", "status": "running", "progress": 250, "detail": detail}
    assert event == DemoEvent("demo", "stage", 9, fields)
    assert pretraining.step_seconds == 0.05


@pytest.mark.parametrize("line", [b"Traceback", b"[1]", b'{"step": "x", "steps": 1}', b'{"step": 1}'])
def test_other_output_of_pretraining_is_kept(line: bytes) -> None:
    pretraining = Pretraining()
    event = pretraining.parse("pretrain", line, 9)
    assert event is not None
    assert (event.source, event.name) == ("pretrain", "output")
    assert pretraining.step_seconds is None


def test_run_folders_are_new_and_keys_private(tmp_path: Path) -> None:
    first, second = make_run_folder(None, tmp_path), make_run_folder(None, tmp_path)
    assert first.path != second.path
    assert (first.keys.stat().st_mode & 0o777) == 0o700
    create_wallet("node-1", first.keys)
    first.forget_secrets()
    assert sorted(path.name for path in first.path.iterdir()) == ["config", "logs"]


def test_used_run_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "result.json").touch()
    with pytest.raises(ConfigError, match="is not empty"):
        make_run_folder(tmp_path, tmp_path)


def test_unwritable_run_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"run-dir: cannot write to .* Choose another folder"):
        make_run_folder(tmp_path / "file" / "run", tmp_path)


def test_full_disk_is_refused_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = dataclasses.make_dataclass("Usage", ["free"])
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage(1_000_000))
    with pytest.raises(ConfigError, match="only 1 MB free"):
        make_run_folder(None, tmp_path)
