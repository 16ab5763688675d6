"""A small untrained policy and its task: enough to tell honest work from cheats."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from cupel.protocol.model.checkpoint import checkpoint_to_bytes, genesis
from cupel.protocol.model.layout import layout_of
from cupel.protocol.model.tiny import TinyPolicy, initialise
from cupel.protocol.model.weights import flatten, policy_of
from cupel.protocol.spec.task import Thresholds
from cupel.protocol.task.plan import TaskPlan, load_plan
from cupel.verifier.calibration.cheats.base import Bench
from cupel.verifier.calibration.setting import setting_of

torch.set_num_threads(1)

ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture(scope="session")
def plan_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example's plan with chunks of four tokens, without thresholds."""
    text = (ROOT / "examples" / "sorting" / "task.toml").read_text()
    head, _, rest = text.partition("[spec.thresholds]")
    text = head + rest[rest.index("[spec.recipe]") :]
    text = text.replace("chunk_tokens = 32", "chunk_tokens = 4").replace("topk = 128", "topk = 64")
    path = tmp_path_factory.mktemp("plan") / "task.toml"
    path.write_text(text.replace("tolerance_millionths = 1000\n", ""))
    return path


@pytest.fixture(scope="session")
def plan(plan_file: Path) -> TaskPlan:
    """The plan as calibration reads it."""
    return load_plan(plan_file, Thresholds(0, 0, 0))


@pytest.fixture(scope="session")
def checkpoint(plan: TaskPlan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint file of fresh weights."""
    policy = TinyPolicy(plan.spec.model)
    initialise(policy, torch.Generator().manual_seed(3))
    layout = layout_of(plan.spec.model)
    path = tmp_path_factory.mktemp("checkpoint") / "genesis.safetensors"
    path.write_bytes(checkpoint_to_bytes(genesis(flatten(policy, layout)), layout))
    return path


@pytest.fixture(scope="session")
def bench(plan: TaskPlan) -> Bench:
    """What populations are made from; the policy is on the canonical grid."""
    policy = TinyPolicy(plan.spec.model)
    initialise(policy, torch.Generator().manual_seed(3))
    layout = layout_of(plan.spec.model)
    return Bench(
        setting_of(plan), policy_of(plan.spec.model, genesis(flatten(policy, layout))), 1, student_steps=2
    )
