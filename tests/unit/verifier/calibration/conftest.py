"""A small untrained policy of each engine and its task: enough to tell honest work from cheats."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from cupel.protocol.model.checkpoint import checkpoint_to_bytes, genesis
from cupel.protocol.model.engines import new_policy
from cupel.protocol.model.layout import layout_of
from cupel.protocol.model.tiny import initialise
from cupel.protocol.model.weights import flatten, policy_of
from cupel.protocol.spec.diloco.outer import OuterState
from cupel.protocol.spec.task import ModelShape, Thresholds
from cupel.protocol.task.plan import TaskPlan, load_plan
from cupel.verifier.calibration.cheats.base import Bench
from cupel.verifier.calibration.setting import setting_of

torch.set_num_threads(1)

ROOT = Path(__file__).resolve().parents[4]
EXAMPLES = ("sorting", "llama")


@pytest.fixture(scope="session")
def plan_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The examples' plans with chunks of four tokens, without thresholds: the built-in model's and a Llama's."""
    return {name: _plan_file(name, tmp_path_factory.mktemp(name)) for name in EXAMPLES}


@pytest.fixture(scope="session")
def plan_file(plan_files: dict[str, Path]) -> Path:
    """The built-in model's."""
    return plan_files["sorting"]


@pytest.fixture(scope="session")
def checkpoints(plan_files: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Checkpoint files of fresh weights."""
    made = {}
    for name, file in plan_files.items():
        shape = _plan(file).spec.model
        made[name] = tmp_path_factory.mktemp(name) / "genesis.safetensors"
        made[name].write_bytes(checkpoint_to_bytes(_weights(shape), layout_of(shape)))
    return made


@pytest.fixture(scope="session")
def checkpoint(checkpoints: dict[str, Path]) -> Path:
    """The built-in model's."""
    return checkpoints["sorting"]


@pytest.fixture(scope="session", params=EXAMPLES)
def bench(request: pytest.FixtureRequest, plan_files: dict[str, Path]) -> Bench:
    """What populations are made from; the policy is on the canonical grid."""
    plan = _plan(plan_files[request.param])
    policy = policy_of(plan.spec.model, _weights(plan.spec.model))
    return Bench(setting_of(plan), policy, 1, student_steps=2)


def _plan_file(example: str, folder: Path) -> Path:
    text = (ROOT / "examples" / example / "task.toml").read_text()
    head, _, rest = text.partition("[spec.thresholds]")
    text = head + rest[rest.index("[spec.recipe]") :]
    text = text.replace("chunk_tokens = 32", "chunk_tokens = 4").replace("topk = 128", "topk = 64")
    path = folder / "task.toml"
    path.write_text(text.replace("tolerance_millionths = 1000\n", ""))
    return path


def _plan(file: Path) -> TaskPlan:
    return load_plan(file, Thresholds(0, 0, 0))


def _weights(shape: ModelShape) -> OuterState:
    policy = new_policy(shape)
    initialise(policy, torch.Generator().manual_seed(3))
    return genesis(flatten(policy, layout_of(shape)))
