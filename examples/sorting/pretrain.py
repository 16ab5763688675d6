"""Make the initial checkpoint of the sorting task: a small policy that answers a prompt in one of four ways.

    python examples/sorting/pretrain.py OUT.safetensors [--steps 400] [--seed 0] [--plan examples/llama/task.toml]

The policy learns, by next-token prediction, to answer eight digits with the digits in ascending order, reversed, as
they are, or in descending order, mostly the last. It can do what the task rewards, but rarely does, as a base model
before reinforcement learning. A plan gives another model than the demo's. One thread; the same bytes for the same
steps and seed on one machine. Progress goes to standard error, one JSON object a line.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from cupel.protocol.model.checkpoint import checkpoint_to_bytes, genesis
from cupel.protocol.model.generate import replay_input
from cupel.protocol.model.layout import ARCHITECTURE
from cupel.protocol.model.tiny import initialise
from cupel.protocol.spec.environments.sorting import BEGIN, END, NUM_DIGITS, SEPARATOR, VOCABULARY
from cupel.protocol.spec.task import ModelShape
from cupel.protocol.task.plan import load_plan
from cupel.protocol.training.flat import AdamW, FlatPolicy

SHAPE: Final = ModelShape(
    ARCHITECTURE, vocabulary=VOCABULARY, layers=2, width=64, heads=4, feed_forward=192, positions=32
)
# Ascending, reversed, as they are, descending. Both orders teach comparing digits; the rewarded one is the rarer of
# the two, so that reinforcement learning has something to do.
MIXTURE: Final = (0.25, 0.1, 0.1, 0.55)
BATCH: Final = 64
LEARNING_RATE: Final = 4e-3
FINAL_RATE_SHARE: Final = 0.1
WARM_UP_STEPS: Final = 20
GRADIENT_CLIP: Final = 1.0
REPORT_EVERY: Final = 10


def examples(random: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Prompts int64 [BATCH, 10] and answers int32 [BATCH, 9], each in a way drawn from the mixture."""
    digits = random.integers(0, 10, (BATCH, NUM_DIGITS))
    ascending = np.sort(digits, axis=1)
    answers = np.stack((ascending, digits[:, ::-1], digits, ascending[:, ::-1]), axis=1)
    chosen = answers[np.arange(BATCH), random.choice(len(MIXTURE), BATCH, p=MIXTURE)]
    begin, separator, end = (np.full((BATCH, 1), token) for token in (BEGIN, SEPARATOR, END))
    prompts = np.concatenate((begin, digits, separator), axis=1).astype(np.int64)
    return prompts, np.concatenate((chosen, end), axis=1).astype(np.int32)


def rate_at(step: int, steps: int) -> float:
    """Learning rate: a short warm-up, then linear to a tenth."""
    decay = 1 - (1 - FINAL_RATE_SHARE) * step / steps
    return LEARNING_RATE * min(1.0, (step + 1) / WARM_UP_STEPS) * decay


def pretrain(shape: ModelShape, steps: int, seed: int) -> FlatPolicy:
    """Next-token training on the mixture."""
    model = FlatPolicy(shape)
    initialise(model.policy, torch.Generator().manual_seed(seed))
    random = np.random.default_rng(seed)
    optimiser = AdamW.fresh(model)
    began = time.process_time()
    for step in range(steps):
        prompts, answers = examples(random)
        states = model.policy(torch.from_numpy(replay_input(prompts, answers)))[:, -answers.shape[1] :]
        logits = model.policy.logits(states).flatten(0, 1)
        loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(answers.astype(np.int64)).flatten())
        model.gradient.zero_()
        loss.backward()
        model.clip_gradient(GRADIENT_CLIP)
        optimiser.step(rate_at(step, steps))
        if (step + 1) % REPORT_EVERY == 0:
            report(step + 1, steps, loss.item(), time.process_time() - began)
    return model


def report(step: int, steps: int, loss: float, cpu_seconds: float) -> None:
    """One line of progress; `cpu_seconds` of the steps, without the loading of PyTorch."""
    progress = {
        "step": step,
        "steps": steps,
        "loss": round(loss, 4),
        "cpu_seconds": round(cpu_seconds, 2),
    }
    print(json.dumps(progress), file=sys.stderr, flush=True)


def main() -> None:
    """Write the checkpoint file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plan", type=Path, help="TOML plan of a sorting task, whose model is trained")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    shape = SHAPE if arguments.plan is None else load_plan(arguments.plan).spec.model
    model = pretrain(shape, arguments.steps, arguments.seed)
    arguments.out.write_bytes(checkpoint_to_bytes(genesis(model.weights.numpy()), model.layout))


if __name__ == "__main__":
    main()
