"""What proofs of attention outputs tell apart, layer by layer, beside proofs of the final states.

    python benchmarks/measure_attention.py [--steps 400] [--rollouts 128] > benchmarks/results/attention.md

Provers decode the sorting task with whole or altered weights, or with a rounded cache; the verifier replays with whole
ones. Per kind of proof: mismatches and mean mantissa error, medians and extremes, and how many pass the published
thresholds and a limit just above the honest numbers.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from measure_proof_kinds import LAYOUT, POINTS, SHAPE, TOKENS, one_step_apart, with_weights
from numpy.typing import NDArray
from simulate_training import pretrained

from cupel.protocol.model.attention import generate_with_attention, replay_attention
from cupel.protocol.model.checkpoint import checkpoint_from_bytes, to_floats
from cupel.protocol.model.generate import prefill
from cupel.protocol.model.tiny import TinyPolicy
from cupel.protocol.spec.environments.sorting import END, VOCABULARY, Sorting
from cupel.protocol.spec.sampling import gumbel_noise
from cupel.protocol.spec.task import Thresholds
from cupel.protocol.spec.toploc import Comparison, accept, build_proofs_batch, compare_batch

PUBLISHED, TIGHT = Thresholds(38, 10_000, 8_000), Thresholds(2, 100, 0)


def rounded(values: torch.Tensor, bits: int) -> torch.Tensor:
    """Every row rounded to so many bits, about its own scale."""
    most = 2 ** (bits - 1) - 1
    scale = values.abs().amax(dim=-1, keepdim=True).clamp_min(1e-12) / most
    return (values / scale).round() * scale


def with_rounded_cache(policy: TinyPolicy, bits: int) -> TinyPolicy:
    """Keys and values rounded before they are kept."""
    width = policy.shape.width

    def hook(_: Any, inputs: Any, mixed: torch.Tensor) -> torch.Tensor:
        return torch.cat((mixed[..., :width], rounded(mixed[..., width:], bits)), dim=-1)

    for block in policy.blocks:
        block.attention_in.register_forward_hook(hook)
    return policy


def with_rounded_layer(policy: TinyPolicy, layer: int, bits: int) -> TinyPolicy:
    """One layer's matrices rounded."""
    with torch.no_grad():
        for parameter in policy.blocks[layer].parameters():
            if parameter.dim() > 1:
                parameter.copy_(rounded(parameter, bits))
    return policy


def without_layer(policy: TinyPolicy, layer: int) -> TinyPolicy:
    """One layer's attention adds nothing; what it claims to have read is what it would have."""
    with torch.no_grad():
        policy.blocks[layer].attention_out.weight.zero_()
    return policy


def audit(prover: TinyPolicy, verifier: TinyPolicy, rollouts: int) -> dict[str, list[Comparison]]:
    """Comparisons of every chunk: final states, then every layer's attention."""
    prompts = np.array([Sorting().prompt(index // 8) for index in range(rollouts)], dtype=np.int64)
    noise = np.stack(
        [gumbel_noise((index + 1).to_bytes(32, "big"), TOKENS, VOCABULARY) for index in range(rollouts)]
    )
    made, claimed = generate_with_attention(prover, prompts, noise, END, 1.0)
    states, _ = prefill(verifier, prompts, made.tokens, made.lengths)
    own = replay_attention(verifier, prompts, made.tokens)
    pairs: dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]] = {
        "final states": (made.hidden, states)
    }
    pairs |= {f"layer {layer}": pair for layer, pair in enumerate(zip(claimed, own, strict=True))}
    compared = {}
    for name, (proven, recomputed) in pairs.items():
        proofs = build_proofs_batch(proven, made.lengths, TOKENS, POINTS)
        results = compare_batch(proofs, recomputed, made.lengths, TOKENS, POINTS)
        compared[name] = [one for result in results if isinstance(result, list) for one in result]
    return compared


def line(case: str, kind: str, found: list[Comparison]) -> str:
    """One row."""
    numbers = np.array([[one.exponent_mismatches, one.mantissa_mean] for one in found])
    cells = [
        " / ".join(form.format(value) for value in (column.min(), np.median(column), column.max()))
        for column, form in zip(numbers.T, ("{:.0f}", "{:.2f}"), strict=True)
    ]
    passes = [np.mean([accept(one, limits) is None for one in found]) for limits in (PUBLISHED, TIGHT)]
    return f"| {case} | {kind} | {cells[0]} | {cells[1]} | {passes[0]:.2f} | {passes[1]:.2f} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--rollouts", type=int, default=128)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    weights = to_floats(checkpoint_from_bytes(pretrained(arguments.steps, 0), LAYOUT).weights)
    base = with_weights(weights)
    made: dict[str, Callable[[TinyPolicy], TinyPolicy]] = {
        "honest": lambda policy: policy,
        **{
            f"cache in {bits} bits": lambda policy, bits=bits: with_rounded_cache(policy, bits)
            for bits in (8, 4)
        },
        **{
            f"layer {layer} in 4 bits": lambda policy, layer=layer: with_rounded_layer(policy, layer, 4)
            for layer in range(SHAPE.layers)
        },
        **{
            f"layer {layer} left out": lambda policy, layer=layer: without_layer(policy, layer)
            for layer in range(SHAPE.layers)
        },
    }
    pairs = {name: (make(copy.deepcopy(base)), base) for name, make in made.items()}
    pairs |= {f"one step old, rate {rate:.0e}": one_step_apart(weights, rate) for rate in (8e-4, 1e-5)}
    print("| prover | proofs of | mismatches | mean error | pass 38/10/8 | pass 2/0.1/0 |")
    print("|---|---|---|---|---|---|")
    for name, (prover, verifier) in pairs.items():
        for kind, found in audit(prover, verifier, arguments.rollouts).items():
            print(line(name, kind, found), flush=True)


if __name__ == "__main__":
    main()
