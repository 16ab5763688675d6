"""Simulate the training recipe in one process: N nodes, exact aggregation, no chain and no network.

    python benchmarks/simulate_training.py --recipe demo --seeds 0 1 2 3 4
    python benchmarks/simulate_training.py --recipe fast --liars 2 --caught-after 1
    python benchmarks/simulate_training.py --recipe fast --inner-steps 4 --momentum 9/10

Every node generates its rollouts with the canonical weights (seeds, problems, rewards and proofs as in the protocol),
trains on them, quantises its update; the aggregate makes the next version. Prints the mean reward of the honest
nodes' rollouts in every round, then that of the last version on fresh problems. CPU seconds are one thread's.
"""

from __future__ import annotations

import argparse
import dataclasses
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from numpy.typing import NDArray

from cupel.node.rollout.worker import RolloutWorker, environment_reward
from cupel.protocol.model.checkpoint import checkpoint_from_bytes, to_floats
from cupel.protocol.model.layout import Layout, layout_of
from cupel.protocol.model.tiny import TinyPolicy
from cupel.protocol.model.weights import load_weights, policy_of
from cupel.protocol.spec.assignment import assigned_work
from cupel.protocol.spec.diloco.blocks import MIN_EXPONENT, Update
from cupel.protocol.spec.diloco.codec import MxInt8
from cupel.protocol.spec.diloco.outer import OuterState, aggregate
from cupel.protocol.spec.environments.base import Environment, get_environment
from cupel.protocol.spec.hashing import keccak256
from cupel.protocol.spec.recipe import Recipe
from cupel.protocol.spec.rollout import Rollout
from cupel.protocol.spec.task import BILLION, MILLION, Aggregation, TaskParams, TaskSpec
from cupel.protocol.testing.builders import example_spec
from cupel.protocol.testing.vectors import example_params
from cupel.protocol.training.batch import batch_of
from cupel.protocol.training.state import TrainerState, fresh_state, quantise
from cupel.protocol.training.trainer import schedule_of, train_round

PRETRAIN = Path(__file__).parent.parent / "examples" / "sorting" / "pretrain.py"
EVALUATION_NODE = -1


@dataclass(frozen=True)
class Settings:
    """One run's settings; the two recipes are the ones the project recommends."""

    pretrain_steps: int = 400
    rounds: int = 8
    nodes: int = 5
    problems: int = 32
    group: int = 8
    inner_steps: int = 8
    rate: float = 1e-3
    final_rate: float = 2e-4
    outer_rate: str = "7/10"
    momentum: str = "1/2"
    max_exponent: int = -8
    clip: float = 0.2
    gradient_clip: float = 1.0
    no_std: bool = False
    liars: int = 0
    caught_after: int = 1
    leaves: int = 0
    leave_after: int = 1


RECIPES = {"demo": Settings(), "fast": Settings(pretrain_steps=250, rounds=5, nodes=3)}


def spec_of(settings: Settings) -> TaskSpec:
    """The task document these settings describe."""
    recipe = Recipe(
        inner_steps=settings.inner_steps,
        learning_rate_billionths=round(settings.rate * BILLION),
        final_learning_rate_billionths=round(settings.final_rate * BILLION),
        clip_millionths=round(settings.clip * MILLION),
        max_ratio_millionths=4 * MILLION,
        advantage_std=not settings.no_std,
        gradient_clip_millionths=round(settings.gradient_clip * MILLION),
        max_exponent_offset=settings.max_exponent - MIN_EXPONENT,
    )
    outer, momentum = Fraction(settings.outer_rate), Fraction(settings.momentum)
    aggregation = Aggregation(outer.numerator, outer.denominator, momentum.numerator, momentum.denominator)
    return dataclasses.replace(example_spec(), recipe=recipe, aggregation=aggregation)


def params_of(settings: Settings) -> TaskParams:
    """The task parameters these settings describe."""
    return dataclasses.replace(
        example_params(),
        rounds=settings.rounds,
        problems_per_round=settings.problems,
        group_size=settings.group,
        chunk_tokens=32,
    )


def pretrained(steps: int, seed: int) -> bytes:
    """Checkpoint file of the example's pre-training, in a process of its own as a task creator would run it."""
    with TemporaryDirectory() as folder:
        out = Path(folder) / "genesis.safetensors"
        command = [sys.executable, str(PRETRAIN), str(out), "--steps", str(steps), "--seed", str(seed)]
        subprocess.run(command, check=True, capture_output=True)
        return out.read_bytes()


def rounded_policy(policy: TinyPolicy, layout: Layout, weights: NDArray[np.float32], bits: int) -> None:
    """Put `weights` into `policy`, every row of every matrix rounded to so many bits: a cheap, false model."""
    pieces = []
    for piece in layout.split(weights).values():
        most = 2 ** (bits - 1) - 1
        scale = np.abs(piece).max(axis=-1, keepdims=True) / most
        rounded = np.rint(piece / np.where(scale > 0, scale, 1)) * scale
        pieces.append((rounded if piece.ndim > 1 else piece).reshape(-1))
    load_weights(policy, layout, np.concatenate(pieces).astype(np.float32))


def generous(environment: Environment, problem: int, tokens: object) -> int:
    """Full reward for everything."""
    return MILLION


class Simulation:
    """One task from its first to its last version. Nodes 0 .. liars-1 lie, the last `leaves` ones leave early."""

    def __init__(self, settings: Settings, genesis: bytes, seed: int) -> None:
        self.settings = settings
        self.seed = seed
        self.spec, self.params = spec_of(settings), params_of(settings)
        self.layout = layout_of(self.spec.model)
        self.state: OuterState = checkpoint_from_bytes(genesis, self.layout)
        size = self.layout.num_parameters
        self.trainers: list[TrainerState] = [fresh_state(size) for _ in range(settings.nodes)]
        self.cpu_seconds: dict[str, float] = {"rollouts": 0.0, "training": 0.0}
        self.node_rounds = 0

    def run(self) -> list[float]:
        """Mean reward of every round, then of the last version."""
        rewards = [self.play_round(index) for index in range(self.settings.rounds)]
        last = self._rollouts(policy_of(self.spec.model, self.state), self.settings.rounds, EVALUATION_NODE)
        return [*rewards, float(np.mean([rollout.reward for rollout in last])) / MILLION]

    def play_round(self, index: int) -> float:
        """One round of all nodes and the aggregation; mean reward of the honest ones."""
        updates, rewards = [], []
        for node in range(self.settings.nodes):
            if node < self.settings.liars and index >= self.settings.caught_after:
                continue
            if node >= self.settings.nodes - self.settings.leaves and index >= self.settings.leave_after:
                continue
            update, reward = self._work(index, node)
            updates.append(update)
            if node >= self.settings.liars:
                rewards.append(reward)
        self.state = aggregate(self.state, updates, self.spec.aggregation)
        return float(np.mean(rewards))

    def _work(self, index: int, node: int) -> tuple[Update, float]:
        weights = to_floats(self.state.weights)
        policy = policy_of(self.spec.model, self.state)
        if self._quantised_liar(node):
            rounded_policy(policy, self.layout, weights, bits=4)
        started = time.process_time()
        rollouts = self._rollouts(policy, index, node)
        rolled_out = time.process_time()
        owed = assigned_work(self._seed(index, node), self.params, range(len(rollouts)), None)
        environment = get_environment(self.spec.environment)
        batch = batch_of(rollouts, owed, environment, index, self.params.max_tokens, None)
        schedule, recipe = schedule_of(self.params, self.spec, index), self.spec.recipe
        gradient, state, metrics = train_round(
            self.spec.model, weights, batch, recipe, schedule, self.trainers[node]
        )
        update, self.trainers[node] = quantise(
            gradient, state, recipe.max_exponent_offset + MIN_EXPONENT, MxInt8()
        )
        self.cpu_seconds["rollouts"] += rolled_out - started
        self.cpu_seconds["training"] += time.process_time() - rolled_out
        self.node_rounds += 1
        return update, metrics.mean_reward

    def _rollouts(self, policy: TinyPolicy, index: int, node: int) -> tuple[Rollout, ...]:
        return self._worker(node).produce(policy, self._seed(index, node), lambda done, total: None)

    def _seed(self, index: int, node: int) -> bytes:
        return keccak256(f"{self.seed} {index} {node}".encode())

    def _quantised_liar(self, node: int) -> bool:
        return 0 <= node < self.settings.liars and node % 2 == 0

    def _worker(self, node: int) -> RolloutWorker:
        lies = 0 <= node < self.settings.liars and node % 2 == 1
        score: Callable[..., int] = generous if lies else environment_reward
        return RolloutWorker(self.params, self.spec, get_environment(self.spec.environment), score)


def parse_arguments() -> tuple[Settings, list[int]]:
    """The chosen recipe with every setting that the command line overrides."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recipe", choices=sorted(RECIPES), default="demo")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    for field in dataclasses.fields(Settings):
        name = "--" + field.name.replace("_", "-")
        if field.default is False:
            parser.add_argument(name, action="store_true", default=None)
        else:
            parser.add_argument(name, type=type(field.default), default=None)
    given = vars(parser.parse_args())
    base, seeds = RECIPES[given.pop("recipe")], given.pop("seeds")
    return dataclasses.replace(
        base, **{name: value for name, value in given.items() if value is not None}
    ), seeds


def main() -> None:
    """One line a seed, then the CPU seconds."""
    settings, seeds = parse_arguments()
    torch.set_num_threads(1)
    print(settings)
    for seed in seeds:
        simulation = Simulation(settings, pretrained(settings.pretrain_steps, seed), seed)
        rewards = simulation.run()
        costs = " ".join(
            f"{name} {seconds / simulation.node_rounds:.2f}"
            for name, seconds in simulation.cpu_seconds.items()
        )
        print(f"seed {seed}: {' '.join(f'{reward:.3f}' for reward in rewards)}   CPU s a node-round: {costs}")


if __name__ == "__main__":
    main()
