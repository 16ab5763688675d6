"""Measuring the honest band and the cheats, batch by batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from cupel.verifier.calibration.cheats.base import HONEST_VARIANT, Bench, Forger, honest
from cupel.verifier.calibration.columns import NAMES, measure
from cupel.verifier.calibration.engines import Variant, replay
from cupel.verifier.calibration.evidence import Evidence, Integers
from cupel.verifier.calibration.parts import Parts
from cupel.verifier.calibration.setting import Setting, derive_seed

VERIFIER_BATCHES: Final = (64, 1, 17, 256)
"""Rollouts a verifier recomputes at once; honest batches are checked with each in turn."""
_MOST_ROLLOUTS: Final = 512
_BATCH_ACTIVATIONS: Final = 1 << 21

Progress = Callable[[str, int, int], None]
"""Told what is measured, how many chunks are done, and of how many."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A population of claims: an honest engine or a cheat."""

    name: str
    title: str
    prepare: Callable[[Bench], Forger | None]
    is_honest: bool = False


def honest_cell(variant: Variant) -> Cell:
    """The population of an honest engine."""
    return Cell(
        f"honest-{variant.name}",
        variant.name,
        lambda bench: honest(bench.setting, bench.policy, variant),
        is_honest=True,
    )


def measure_cell(
    bench: Bench, cell: Cell, target: int, parts: Parts, progress: Progress
) -> list[Integers] | None:
    """At least `target` chunks in two batches or more, each int64 [C, columns]; None for a cheat that does not apply.

    Ends early if the task has fewer rollouts to lie in.
    """
    forger: Forger | None = None
    batches: list[Integers] = []
    done, size = 0, _batch_rollouts(bench.setting, target)
    while done < target or len(batches) < 2:
        number = len(batches)
        name = f"{cell.name}.{size}.{number:05}"
        values = parts.load(name, len(NAMES))
        if values is None:
            forger = forger or cell.prepare(bench)
            if forger is None:
                return None
            values = _measure_batch(bench, cell, forger, number, size)
            parts.save(name, values)
        batches.append(values)
        done += len(values)
        progress(cell.title, done, target)
        if not len(values):
            break
    return batches


def _measure_batch(bench: Bench, cell: Cell, forger: Forger, number: int, size: int) -> Integers:
    setting = bench.setting
    seed = derive_seed(bench.seed, cell.name, number)
    assigned = setting.assign(seed, size)
    claim = forger(assigned)
    # In pairs, so that both halves of `split` meet every size.
    turn = number // 2 if cell.is_honest else 0
    batch = VERIFIER_BATCHES[turn % len(VERIFIER_BATCHES)]
    prompts = setting.prompts(claim.problems)
    hidden, logits = replay(bench.policy, prompts, claim.tokens, claim.lengths, batch)
    reference = claim if cell.is_honest else honest(setting, bench.policy, HONEST_VARIANT)(assigned)
    return measure(Evidence(setting, assigned, claim, hidden, logits, seed, reference))


def _batch_rollouts(setting: Setting, target: int) -> int:
    fitting = _BATCH_ACTIVATIONS // (setting.max_tokens * setting.model.width)
    return setting.at_once(max(1, min(_MOST_ROLLOUTS, fitting, -(-target // 2))))


def split(batches: list[Integers]) -> tuple[Integers, Integers]:
    """The half of an honest population that chooses limits and the half that counts; batches never share problems by
    more than chance."""
    return np.concatenate(batches[0::2]), np.concatenate(batches[1::2])
