"""Cheats that run another policy than the canonical one, or run it in another number format."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Final

import torch

from cupel.protocol.model.checkpoint import from_floats, to_floats
from cupel.protocol.model.engines import new_policy
from cupel.protocol.model.layout import layout_of
from cupel.protocol.model.policy import Policy
from cupel.protocol.model.quantise import quantised
from cupel.protocol.model.weights import flatten, load_weights
from cupel.protocol.spec.task import BILLION
from cupel.verifier.calibration.cheats.base import HONEST_VARIANT, Bench, Cheat, Forger, honest
from cupel.verifier.calibration.cheats.layers import transplant
from cupel.verifier.calibration.cheats.training import distilled, stepped
from cupel.verifier.calibration.engines import Variant

SLOW_RATES: Final = (3_000, 300)
"""Learning rates of one more optimiser step, in billionths: the slower one is that of INTELLECT-2's reinforcement."""


def pruned(policy: Policy, layer: int) -> Policy:
    """A copy of the policy without one of its layers."""
    shape = dataclasses.replace(policy.shape, layers=policy.shape.layers - 1)
    smaller = new_policy(shape)
    transplant(policy, smaller, [index for index in range(policy.shape.layers) if index != layer])
    return smaller.eval()


def canonical(policy: Policy) -> Policy:
    """The policy with its weights on the canonical grid, in place: what a version of it would hold."""
    layout = layout_of(policy.shape)
    load_weights(policy, layout, to_floats(from_floats(flatten(policy, layout))))
    return policy


def _run(change: Callable[[Bench], Policy]) -> Callable[[Bench], Forger]:
    return lambda bench: honest(bench.setting, change(bench), HONEST_VARIANT)


def _bits(bits: int) -> Cheat:
    return Cheat(f"int{bits}", f"weights of {bits} bits", _run(lambda bench: quantised(bench.policy, bits)))


def _arithmetic(dtype: str) -> Cheat:
    variant = Variant(dtype)
    return Cheat(dtype, f"{dtype} arithmetic", lambda bench: honest(bench.setting, bench.policy, variant))


def _prune(bench: Bench) -> Forger | None:
    if bench.policy.shape.layers == 1:
        return None
    return _run(lambda bench: pruned(bench.policy, bench.policy.shape.layers - 1))(bench)


def _steps(bench: Bench, steps: int, rate_billionths: int) -> Policy:
    generator = torch.Generator().manual_seed(bench.seed)
    return canonical(stepped(bench.setting, bench.policy, steps, rate_billionths / BILLION, generator))


def _stale(name: str, title: str, rounds: int) -> Cheat:
    def prepare(bench: Bench) -> Forger:
        recipe = bench.setting.recipe
        steps = rounds * recipe.inner_steps or 1
        policy = _steps(bench, steps, recipe.learning_rate_billionths)
        return honest(bench.setting, policy, HONEST_VARIANT)

    return Cheat(name, title, prepare)


def _slow(rate_billionths: int) -> Cheat:
    rate = f"{rate_billionths / BILLION:.0e}".replace("e-0", "e-")
    title = f"checkpoint one step of {rate} away"
    return Cheat(f"step-{rate}", title, _run(lambda bench: _steps(bench, 1, rate_billionths)))


def _student(bench: Bench) -> Forger:
    generator = torch.Generator().manual_seed(bench.seed)
    policy = distilled(bench.setting, bench.policy, bench.student_steps, generator)
    return honest(bench.setting, policy, HONEST_VARIANT)


WEIGHTS: Final = (
    _bits(4),
    _bits(6),
    _bits(8),
    _bits(12),
    _bits(16),
    Cheat("pruned", "the last layer left out", _prune),
    Cheat("student", "a smaller model that imitates the states", _student),
    _stale("round", "checkpoint one round away", 1),
    _stale("step", "checkpoint one step away", 0),
    *(_slow(rate) for rate in SLOW_RATES),
)
ARITHMETIC: Final = {dtype: _arithmetic(dtype) for dtype in ("bfloat16", "float16", "float64")}


def older(bench: Bench) -> tuple[Cheat, ...]:
    """One cheat for each of the operator's earlier versions."""
    return tuple(
        Cheat(f"older-{name}", f"checkpoint {name}", _run(lambda bench, policy=policy: policy))  # type: ignore[misc]
        for name, policy in bench.older
    )
