"""What each check of a verifier costs, as a ratio to generating what it checks.

    OMP_NUM_THREADS=1 python benchmarks/verification_cost.py [--repeats 5] > benchmarks/results/verification_cost.md

A round of the demo's task: 32 problems of 16 completions. Processor time of one thread, medians. Generation is seeded
noise, sampling, proofs, rewards and leaves; training is left out of both sides (benchmarks/results/replay.md).
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import numpy as np
import torch
from measure_verifier import CHAIN_ID, submission

from cupel.protocol.model.canonical import CanonicalVersion, make_version
from cupel.protocol.model.checkpoint import genesis
from cupel.protocol.model.layout import layout_of
from cupel.protocol.model.tiny import TinyPolicy, initialise
from cupel.protocol.model.weights import flatten, policy_of
from cupel.protocol.spec.environments.base import get_environment
from cupel.protocol.spec.referee.sides import trace_of
from cupel.protocol.spec.task import task_id
from cupel.protocol.testing.builders import example_spec
from cupel.protocol.testing.vectors import HUB, NODE, example_params
from cupel.verifier.checks import CHEAP, DEEP
from cupel.verifier.checks.base import Check, FetchedSubmission, Rules
from cupel.verifier.recompute import recompute

DRAWN: Final = 64


def demo_task() -> tuple[Rules, CanonicalVersion]:
    """The demo's shape and round, with a fresh policy: its completions have full length."""
    spec, params = example_spec(), example_params()
    layout, policy = layout_of(spec.model), TinyPolicy(spec.model)
    initialise(policy, torch.Generator().manual_seed(1))
    version = make_version(0, None, genesis(flatten(policy, layout)), layout)
    params = dataclasses.replace(
        params,
        genesis_digest=version.digest,
        problems_per_round=32,
        group_size=16,
        chunk_tokens=32,
        topk=128,
        max_tokens=9,
    )
    task, environment = task_id(CHAIN_ID, HUB, params), get_environment(spec.environment)
    return Rules(CHAIN_ID, HUB, task, params, spec, environment, layout.num_parameters), version


def milliseconds(work: Callable[[], Any], repeats: int) -> float:
    """Median processor time."""
    times = []
    for _ in range(repeats):
        begun = time.process_time()
        work()
        times.append(1000 * (time.process_time() - begun))
    return statistics.median(times)


def fresh(made: FetchedSubmission) -> FetchedSubmission:
    """The same bytes with nothing read of them yet."""
    return dataclasses.replace(made)


def _in_order(checks: list[Check], made: FetchedSubmission, repeats: int) -> list[tuple[str, str, float]]:
    """The checks one after the other, as an audit runs them: the first that needs a part reads it."""
    times: dict[str, list[float]] = {}
    for _ in range(repeats):
        read = fresh(made)
        for check in checks:
            name = f"{check.name} ({type(check).__name__})"
            times.setdefault(name, []).append(milliseconds(partial(check.run, read, (), None), 1))
    return [(name, str(made.work.units), statistics.median(cost)) for name, cost in times.items()]


def rows(repeats: int) -> list[tuple[str, str, float]]:
    """What, of how many rollouts, milliseconds; generation first."""
    rules, version = demo_task()
    policy = policy_of(rules.spec.model, version.state)
    units, beacon = rules.params.units_per_round, b"\5" * 32
    made = submission(rules, policy, version, NODE, 0, beacon, lie=False)
    found: list[tuple[str, str, float]] = [
        (
            "generation",
            str(units),
            milliseconds(lambda: submission(rules, policy, version, NODE, 0, beacon, lie=False), repeats),
        )
    ]
    found += _in_order(sorted(CHEAP, key=lambda one: one.cost), made, repeats)
    audit = sum(cost for _, _, cost in found[1:])
    for drawn in (range(DRAWN), range(units)):
        cost = milliseconds(lambda drawn=drawn: recompute(policy, version.digest, made, drawn), repeats)  # type: ignore[misc]
        found.append(("recomputation: one prefill", str(len(drawn)), cost))
        again = recompute(policy, version.digest, made, drawn)
        for check in sorted(DEEP, key=lambda one: one.cost):
            cost = milliseconds(
                lambda check=check, drawn=drawn, again=again: check.run(made, drawn, again),  # type: ignore[misc]
                repeats,
            )
            found.append((f"{check.name} ({type(check).__name__})", str(len(drawn)), cost))
        deep = sum(cost for _, _, cost in found[-1 - len(DEEP) :])
        found.append((f"**an audit that recomputes {len(drawn)}**", str(units), audit + deep))
    rollout = made.rollouts[0]
    tensors = {
        name: values.astype(np.int64) for name, values in version.layout.split(version.state.weights).items()
    }
    tokens = (*rules.environment.prompt(rollout.problem), *rollout.tokens[:-1])
    cost = milliseconds(lambda: trace_of(rules.spec.model, tensors, tokens).record.root(), repeats)
    found.append(("answer of an audit task: the referee's trace", "1", cost))
    return found


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    measured = rows(arguments.repeats)
    whole = measured[0][2]
    print("# What checking costs\n")
    print(
        f"`OMP_NUM_THREADS=1 python benchmarks/verification_cost.py --repeats {arguments.repeats}`: processor"
    )
    print("milliseconds of one thread, medians; the ratio is to generating all of the round.\n")
    print("| what | rollouts | milliseconds | ratio |\n|---|---:|---:|---:|")
    for name, count, cost in measured:
        print(f"| {name} | {count} | {cost:.1f} | {cost / whole:.4f} |")
    print(f"\nPython {sys.version.split()[0]}, torch {torch.__version__}.")


if __name__ == "__main__":
    main()
