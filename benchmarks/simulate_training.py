"""The training recipe without chain and network: N nodes, exact aggregation, the reward of every round.

    python benchmarks/simulate_training.py GENESIS.safetensors --rounds 8 --nodes 3 --seeds 0 1 2
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from pathlib import Path

import numpy as np
import torch

from cupel.node.rollout.worker import RolloutWorker
from cupel.node.training.trainer import Batch, Schedule, TrainerState, fresh_state, learning_rate, train_round
from cupel.protocol.model.checkpoint import checkpoint_from_bytes, layout_of, policy_of, to_floats
from cupel.protocol.spec.diloco.blocks import MIN_EXPONENT, encode_update
from cupel.protocol.spec.diloco.outer import aggregate
from cupel.protocol.spec.environments.base import get_environment
from cupel.protocol.spec.hashing import keccak256
from cupel.protocol.spec.rollout import Rollout
from cupel.protocol.spec.rollout_file import PAD
from cupel.protocol.spec.task import Aggregation, Recipe
from cupel.protocol.testing.builders import example_spec
from cupel.protocol.testing.vectors import example_params


def to_batch(rollouts: tuple[Rollout, ...], worker: RolloutWorker) -> Batch:
    """A round's rollouts as arrays."""
    tokens = np.full((len(rollouts), worker.params.max_tokens), PAD, dtype=np.int32)
    for row, rollout in zip(tokens, rollouts, strict=True):
        row[: len(rollout.tokens)] = rollout.tokens
    return Batch(
        np.array([worker.environment.prompt(rollout.problem) for rollout in rollouts], dtype=np.int64),
        tokens,
        np.array([len(rollout.tokens) for rollout in rollouts], dtype=np.int32),
        np.array([rollout.reward for rollout in rollouts], dtype=np.int32),
    )


def run(genesis: bytes, arguments: argparse.Namespace, seed: int) -> list[float]:
    """Mean reward of every round."""
    recipe = Recipe(
        arguments.inner_steps, int(arguments.rate * 1e9), int(arguments.final_rate * 1e9), 200_000, 4_000_000, True,
        1_000_000, 24,
    )
    aggregation = Aggregation(arguments.outer_rate, 10, arguments.momentum, 10)
    spec = dataclasses.replace(example_spec(), recipe=recipe, aggregation=aggregation)
    params = dataclasses.replace(
        example_params(), problems_per_round=arguments.problems, group_size=arguments.group, chunk_tokens=32
    )
    worker = RolloutWorker(params, spec, get_environment(spec.environment))
    state = checkpoint_from_bytes(genesis, layout_of(spec.model))
    trainers: list[TrainerState] = [fresh_state(state.weights.size) for _ in range(arguments.nodes)]
    rewards = []
    for round_index in range(arguments.rounds):
        policy, updates, means = policy_of(spec.model, state), [], []
        rate = learning_rate(recipe, round_index, arguments.rounds)
        for node in range(arguments.nodes):
            round_seed = keccak256(f"{seed} {round_index} {node}".encode())
            rollouts = worker.produce(policy, round_seed, lambda done, total: None)
            schedule = Schedule(rate, 1.0, params.group_size, seed=round_index)
            trainer = trainers[node]
            gradient, kept, metrics = train_round(
                spec.model, to_floats(state.weights), to_batch(rollouts, worker), recipe, schedule, trainer
            )
            update, remainder = encode_update(gradient + trainer.remainder, recipe.max_exponent_offset + MIN_EXPONENT)
            trainers[node] = dataclasses.replace(kept, remainder=remainder)
            updates.append(update)
            means.append(metrics.mean_reward)
        state = aggregate(state, updates, aggregation)
        rewards.append(float(np.mean(means)))
    return rewards


def main() -> None:
    """Print one line a seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("genesis", type=Path)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--problems", type=int, default=32)
    parser.add_argument("--group", type=int, default=16)
    parser.add_argument("--inner-steps", type=int, default=8)
    parser.add_argument("--rate", type=float, default=8e-4)
    parser.add_argument("--final-rate", type=float, default=2e-4)
    parser.add_argument("--outer-rate", type=int, default=10, help="tenths")
    parser.add_argument("--momentum", type=int, default=0, help="tenths")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for seed in arguments.seeds:
        started = time.process_time()
        rewards = run(arguments.genesis.read_bytes(), arguments, seed)
        seconds = (time.process_time() - started) / arguments.rounds / arguments.nodes
        print(f"seed {seed}: {' '.join(f'{reward:.3f}' for reward in rewards)}  ({seconds:.2f} CPU s a node and round)")


if __name__ == "__main__":
    main()
