"""Make the initial checkpoint of the sorting task: a small policy that answers the prompt in one of four ways.

    python examples/sorting/pretrain.py OUT.safetensors [--steps 400] [--seed 0]

The policy is pre-trained to sort, reverse, copy or sort descending, at random: it knows all four and prefers none.
Reinforcement learning then has something honest to do, as it has on a base model. Progress goes to standard error,
one JSON object a line.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from cupel.protocol.model.checkpoint import checkpoint_to_bytes, flatten, genesis, layout_of
from cupel.protocol.model.generate import replay_input
from cupel.protocol.model.tiny import TinyPolicy, initialise
from cupel.protocol.spec.environments.sorting import BEGIN, END, NUM_DIGITS, SEPARATOR, VOCABULARY
from cupel.protocol.spec.task import ModelShape

SHAPE = ModelShape(
    "cupel/tiny-transformer-v1", vocabulary=VOCABULARY, layers=2, width=64, heads=4, feed_forward=192, positions=32
)
BATCH = 128
LEARNING_RATE = 2e-3
WARM_UP_STEPS = 20
BEHAVIOURS = 4
REPORT_EVERY = 10


def examples(random: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """A batch of prompts int64 [BATCH, 10] and answers int32 [BATCH, 9], each in a behaviour drawn at random."""
    digits = random.integers(0, 10, (BATCH, NUM_DIGITS))
    ascending = np.sort(digits, axis=1)
    answers = np.stack((ascending, ascending[:, ::-1], digits, digits[:, ::-1]), axis=1)
    chosen = answers[np.arange(BATCH), random.integers(0, BEHAVIOURS, BATCH)]
    begin, separator, end = (np.full((BATCH, 1), token) for token in (BEGIN, SEPARATOR, END))
    prompts = np.concatenate((begin, digits, separator), axis=1).astype(np.int64)
    return prompts, np.concatenate((chosen, end), axis=1).astype(np.int32)


def pretrain(steps: int, seed: int) -> TinyPolicy:
    """Next-token training on the mixture; deterministic for a seed on one thread."""
    torch.set_num_threads(1)
    policy = TinyPolicy(SHAPE)
    initialise(policy, torch.Generator().manual_seed(seed))
    random = np.random.default_rng(seed)
    optimizer = torch.optim.AdamW(policy.parameters(), lr=LEARNING_RATE, betas=(0.9, 0.95), weight_decay=0.0)
    started = time.monotonic()
    for step in range(steps):
        rate = min(1.0, (step + 1) / WARM_UP_STEPS) * max(0.05, 1 - step / steps)
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * rate
        prompts, answers = examples(random)
        states = policy(torch.from_numpy(replay_input(prompts, answers)))[:, prompts.shape[1] - 1 :]
        logits = policy.logits(states).reshape(-1, VOCABULARY)
        loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(answers.astype(np.int64)).reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
        optimizer.step()
        if (step + 1) % REPORT_EVERY == 0:
            progress = {"step": step + 1, "steps": steps, "loss": round(loss.item(), 4)}
            progress["seconds"] = round(time.monotonic() - started, 2)
            print(json.dumps(progress), file=sys.stderr, flush=True)
    return policy


def main() -> None:
    """Write the checkpoint file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    policy = pretrain(arguments.steps, arguments.seed)
    layout = layout_of(SHAPE)
    arguments.out.write_bytes(checkpoint_to_bytes(genesis(flatten(policy, layout)), layout))


if __name__ == "__main__":
    main()
