"""Any process of a node may be killed at any moment: the run ends with the same bits, no round twice and none lost."""

from __future__ import annotations

import dataclasses
import os
import random
from pathlib import Path

import kill
import pytest
import torch

from cupel.devnet.presets import to_toml
from cupel.protocol.model.canonical import make_version
from cupel.protocol.model.checkpoint import genesis
from cupel.protocol.model.layout import layout_of
from cupel.protocol.model.tiny import TinyPolicy, initialise
from cupel.protocol.model.weights import flatten
from cupel.protocol.task.plan import TaskPlan, load_plan

pytestmark = pytest.mark.e2e

# More than the files of are kept.
ROUNDS = 18


def write_task(folder: Path) -> tuple[Path, Path]:
    """A plan whose rounds take a tenth of a second, and its initial checkpoint."""
    plan = load_plan(kill.ROOT / "examples" / "sorting" / "task.toml")
    terms = dataclasses.replace(plan.terms, problems_per_round=8, max_staleness=2)
    plan = TaskPlan(terms, plan.spec)
    path, checkpoint = folder / "task.toml", folder / "genesis.safetensors"
    path.write_text(to_toml(plan), encoding="utf-8")
    policy, layout = TinyPolicy(plan.spec.model), layout_of(plan.spec.model)
    initialise(policy, torch.Generator().manual_seed(1))
    checkpoint.write_bytes(make_version(0, None, genesis(flatten(policy, layout)), layout).file)
    return path, checkpoint


@pytest.mark.timeout(600)  # interpreters load PyTorch five times
def test_killed_at_random_moments_the_run_ends_with_the_same_bits(tmp_path: Path) -> None:
    seed = int(os.environ.get("CUPEL_KILL_SEED", random.SystemRandom().randrange(2**32)))
    print(f"CUPEL_KILL_SEED={seed}")
    plan, checkpoint = write_task(tmp_path)
    calm = kill.run(kill.Run(plan, checkpoint, tmp_path / "calm", ROUNDS), [])
    kills = kill.draw_kills(seed, len(kill.PROCESSES), ROUNDS, 0.3)
    wild = kill.run(kill.Run(plan, checkpoint, tmp_path / "wild", ROUNDS), kills)
    print("\n".join(wild.kills))
    assert len(wild.kills) == len(kill.PROCESSES)
    assert (wild.digest, wild.manifests) == (calm.digest, calm.manifests)
