"""The two processes that work for a publisher."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from cupel.node.pipeline.crew import Crew
from cupel.node.pipeline.rounds import ROLLOUTS, TRAINER
from cupel.node.pipeline.worker import MakeJob
from cupel.node.rollout.process import Parts, RolloutJob
from cupel.node.training.process import TrainerJob
from cupel.protocol.model.engines import TORCH

FOLDER: Final = "workshop"
"""In a node's data folder."""


def start_crew(data_dir: Path, engine: str = TORCH, parts: Parts | None = None) -> Crew:
    """Start them. Before the process has threads."""
    chosen = replace(parts or Parts(), engine=engine)
    jobs: dict[str, MakeJob] = {ROLLOUTS: partial(RolloutJob, parts=chosen), TRAINER: TrainerJob}
    return Crew(data_dir / FOLDER, jobs)
