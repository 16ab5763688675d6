"""How far states lie from the verifier's, for honest engines and for the cheats that pass in some chunk.

    python benchmarks/measure_noise.py [--rollouts 512] > benchmarks/results/noise.md

The demo's policy after its pre-training; checkpoint and plan are those of benchmarks/calibration.py. Of every chunk the
distance of the states, before any proof: |claimed - recomputed| / |recomputed| over all tokens and channels. The
verifier recomputes in one prefill of batches of 64. A cheat whose distances are those of honest engines does the honest
computation, up to rounding, and no proof of states can tell it apart.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import torch
from calibration import PLANS, ROOT, make_checkpoint
from numpy.typing import NDArray

from cupel.protocol.model.checkpoint import checkpoint_from_bytes
from cupel.protocol.model.layout import layout_of
from cupel.protocol.model.quantise import quantised
from cupel.protocol.model.tiny import TinyPolicy
from cupel.protocol.model.weights import policy_of
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.task import Thresholds
from cupel.protocol.spec.toploc import compare_selection, prove, select
from cupel.protocol.spec.toploc.pooled import Pool
from cupel.protocol.task.plan import load_plan
from cupel.verifier.calibration.cheats.base import generation_of
from cupel.verifier.calibration.cheats.training import stepped
from cupel.verifier.calibration.cheats.weights import canonical
from cupel.verifier.calibration.engines import Variant, moved, replay, variants
from cupel.verifier.calibration.setting import Setting, derive_seed, setting_of

VERIFIER_BATCH: Final = 64
BITS: Final = (8, 12, 16, 20)
RATES: Final = (3e-6, 3e-7)

Case = tuple[str, TinyPolicy, Variant]


def cases(setting: Setting, policy: TinyPolicy) -> Iterator[Case]:
    """Honest engines first."""
    for variant in variants(("float32",), ("cpu",), (1, 2)):
        yield f"honest {variant.name}", policy, variant
    for dtype in ("float64", "float16", "bfloat16"):
        yield f"{dtype} arithmetic", policy, Variant(dtype)
    for bits in BITS:
        yield f"weights of {bits} bits", quantised(policy, bits), Variant()
    for rate in RATES:
        moving = stepped(setting, policy, 1, rate, torch.Generator().manual_seed(0))
        yield f"one step of {rate:.0e} away", canonical(moving), Variant()


def measure(
    setting: Setting, policy: TinyPolicy, case: Case, rollouts: int
) -> tuple[NDArray[np.float64], float, int, bool]:
    """Distance of every rollout [N], the share of equal proofs, the pooled error of all in millionths, and whether the
    weights are the canonical ones."""
    _, false_policy, variant = case
    assigned = setting.assign(derive_seed(0, "noise"), rollouts)
    text = generation_of(setting, moved(false_policy, variant), assigned, variant)
    prompts = setting.prompts(assigned.problems)
    recomputed, _ = replay(policy, prompts, text.tokens, text.lengths, VERIFIER_BATCH)
    away = np.linalg.norm((text.hidden - recomputed).astype(np.float64), axis=(1, 2))
    distance = away / np.linalg.norm(recomputed.astype(np.float64), axis=(1, 2))
    selections = [
        select(states, text.lengths, setting.chunk_tokens, setting.topk)
        for states in (text.hidden, recomputed)
    ]
    proofs, own = (prove(selection) for selection in selections)
    equal = np.mean([claimed == right for claimed, right in zip(proofs, own, strict=True)])
    results = compare_selection(proofs, selections[1])
    pool = Pool.of(one for result in results if not isinstance(result, Rejected) for one in result)
    pairs = zip(false_policy.parameters(), policy.parameters(), strict=True)
    return distance, float(equal), pool.mean_millionths, all(torch.equal(*pair) for pair in pairs)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rollouts", type=int, default=512)
    rollouts = parser.parse_args().rollouts
    torch.set_num_threads(1)
    path: Path = ROOT / "runs" / "calibration-tiny.safetensors"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        make_checkpoint("tiny", path)
    plan = load_plan(PLANS["tiny"], Thresholds(0, 0, 0))
    setting, shape = setting_of(plan), plan.spec.model
    policy = policy_of(shape, checkpoint_from_bytes(path.read_bytes(), layout_of(shape)))
    print("# Distance of states, measured\n")
    print(f"`python benchmarks/measure_noise.py --rollouts {rollouts}`: {rollouts} chunks each, PyTorch")
    print(
        f"{torch.__version__}. Distances relative to the verifier's states, least / median / greatest; honest"
    )
    print(
        "engines first. Proofs equal: chunks whose proof is, to the byte, the verifier's own. Pooled error: of all"
    )
    print("chunks, in millionths of a mantissa's step.\n")
    print(
        "| states from | least | median | greatest | beyond every honest one | proofs equal | pooled error | weights |"
    )
    print("|---|---|---|---|---|---|---|---|")
    honest_most = 0.0
    for case in cases(setting, policy):
        distance, equal, pooled, is_canonical = measure(setting, policy, case, rollouts)
        is_honest = case[0].startswith("honest")
        honest_most = max(honest_most, float(distance.max())) if is_honest else honest_most
        beyond = "" if is_honest else f"{np.mean(distance > honest_most):.1%}"
        numbers = " | ".join(f"{value:.1e}" for value in np.quantile(distance, (0, 0.5, 1)))
        weights = "canonical" if is_canonical else "other"
        print(f"| {case[0]} | {numbers} | {beyond} | {equal:.1%} | {pooled} | {weights} |")


if __name__ == "__main__":
    main()
