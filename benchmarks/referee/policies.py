"""The referee beside the engines and the cheats of `cupel calibrate`, for the project's own policies.

    python benchmarks/referee/policies.py tiny CHECKPOINT [rollouts]
    python benchmarks/referee/policies.py wide CHECKPOINT [rollouts]

Checkpoints as `benchmarks/calibration.py` makes them. Prints a section of benchmarks/results/referee_calibration.md.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from measures import HEADER, population

from cupel.protocol.model.checkpoint import checkpoint_from_bytes
from cupel.protocol.model.generate import replay_input
from cupel.protocol.model.layout import layout_of
from cupel.protocol.model.weights import policy_of
from cupel.protocol.spec.referee.fixed import Integers, to_patterns
from cupel.protocol.spec.referee.tiny import hidden_states
from cupel.protocol.spec.referee.trace import Silent
from cupel.protocol.spec.task import ModelShape, Thresholds
from cupel.protocol.spec.toploc import compare_batch
from cupel.protocol.task.plan import load_plan
from cupel.verifier.calibration.cheats.base import Bench, Forger, honest
from cupel.verifier.calibration.cheats.forgeries import FORGERIES
from cupel.verifier.calibration.cheats.weights import ARITHMETIC, WEIGHTS
from cupel.verifier.calibration.engines import Variant, replay
from cupel.verifier.calibration.evidence import Claim
from cupel.verifier.calibration.setting import derive_seed, setting_of

ROOT: Final = Path(__file__).resolve().parent.parent.parent
PLANS: Final = {
    "tiny": ROOT / "examples" / "sorting" / "task.toml",
    "wide": ROOT / "benchmarks" / "calibration_wide.toml",
}
CRITERIA: Final = ROOT / "benchmarks" / "results" / "calibration"
ENGINES: Final = (
    Variant("float64", mode="prefill"),
    Variant(),
    Variant(mode="prefill"),
    Variant(kernels="plain"),
    Variant(batch=1, kernels="plain"),
)


def referee_patterns(
    shape: ModelShape, tensors: dict[str, Integers], prompts: npt.NDArray[np.int64], claim: Claim
) -> npt.NDArray[np.uint16]:
    """The referee's states behind every claimed token, uint16 [N, T, width]."""
    inputs = replay_input(prompts, claim.tokens)
    skipped = prompts.shape[1] - 1
    rows = [to_patterns(hidden_states(shape, tensors, row, Silent()))[skipped:] for row in inputs]
    return np.stack(rows)


def populations(bench: Bench) -> Iterator[tuple[str, Forger]]:
    """Honest engines, then whatever claims other states than the canonical ones."""
    for variant in ENGINES:
        yield f"honest: {variant.name}", honest(bench.setting, bench.policy, variant)
    for cheat in (*WEIGHTS, *ARITHMETIC.values(), *FORGERIES):
        forger = cheat.prepare(bench)
        if forger is not None and cheat.name != "float64":
            yield cheat.title, forger


def main() -> None:
    """Print one section."""
    name, path, rollouts = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 64
    torch.set_num_threads(1)
    setting = setting_of(load_plan(PLANS[name], Thresholds(0, 0, 0)))
    layout = layout_of(setting.model)
    state = checkpoint_from_bytes(path.read_bytes(), layout)
    tensors = {key: value.astype(np.int64) for key, value in layout.split(state.weights).items()}
    bench = Bench(setting, policy_of(setting.model, state).eval(), 0, 20)
    thresholds = Thresholds(**tomllib.loads((CRITERIA / f"{name}.toml").read_text("utf-8"))["thresholds"])
    print(f"## {name}\n\nThresholds of `cupel calibrate`: {thresholds}.\n\n{HEADER}")
    for title, forger in populations(bench):
        assigned = setting.assign(derive_seed(0, "referee", title), rollouts)
        claim = forger(assigned)
        prompts = setting.prompts(claim.problems)
        floats, _ = replay(bench.policy, prompts, claim.tokens, claim.lengths, 64)
        integers = referee_patterns(setting.model, tensors, prompts, claim)
        for judge, states in (("referee", integers), ("float32", floats)):
            results = compare_batch(claim.proofs, states, claim.lengths, setting.chunk_tokens, setting.topk)
            print(population(f"{title}, by {judge}", results).row(thresholds), flush=True)


if __name__ == "__main__":
    main()
