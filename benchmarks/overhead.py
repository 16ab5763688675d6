"""What the protocol costs a node: proofs, seeds, hashing, files, publishing and signing, beside the same loop without.

    python benchmarks/overhead.py                  every size, ten minutes on one core
    python benchmarks/overhead.py --sizes demo --repeats 5

One process, one thread. Both loops sample the same completions and train on them the same way. The protocol's adds:
noise from assigned seeds in place of a random generator, TOPLOC proofs, the rollouts file, update blocks with error
feedback, leaves and Merkle root, CIDs, blocks put into a store, the integer outer step with its checkpoint file, and a
signed transaction. Pieces are timed by themselves (processor seconds, median of the repeats), in turn with the bare
loop's, so that a busy machine slows both. The waits of a round, for peers to hold the data and for a block, cost no
processor and are not in here; `metrics.jsonl` of a node has them.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np
import torch
from eth_account import Account

from cupel.node.publishing.submission import make_submission
from cupel.protocol.model.canonical import CanonicalVersion, make_version, next_version
from cupel.protocol.model.checkpoint import genesis, to_floats
from cupel.protocol.model.generate import Completions, sample
from cupel.protocol.model.layout import layout_of
from cupel.protocol.model.recorder import ChunkRecorder
from cupel.protocol.model.tiny import TinyPolicy, initialise
from cupel.protocol.model.weights import flatten, policy_of
from cupel.protocol.spec.assignment import assigned_work, round_seed
from cupel.protocol.spec.diloco.blocks import MIN_EXPONENT
from cupel.protocol.spec.diloco.codec import get_codec
from cupel.protocol.spec.rollout import LeafContext, Metrics, PolicyRef, Rollout
from cupel.protocol.spec.sampling import gumbel_noise
from cupel.protocol.spec.task import MILLION, ModelShape, TaskParams, TaskSpec
from cupel.protocol.spec.toploc.build import prove
from cupel.protocol.storage import FilesystemStore, VersionShelf, put_file
from cupel.protocol.testing.builders import example_spec
from cupel.protocol.testing.vectors import example_params
from cupel.protocol.training.batch import batch_of
from cupel.protocol.training.state import fresh_state, quantise
from cupel.protocol.training.trainer import schedule_of, train_round

NOBODY: Final = "0x" + 40 * "0"
PIECES: Final = (
    "seeded noise",
    "states and proofs",
    "update blocks",
    "rollouts file, leaves, root, CIDs",
    "blocks into the store",
    "outer step, checkpoint, its CID",
    "version into the store",
    "signature",
)


@dataclass(frozen=True)
class Size:
    """A task."""

    name: str
    shape: ModelShape
    problems: int
    group: int
    tokens: int
    inner_steps: int


def _shape(vocabulary: int, layers: int, width: int, heads: int, positions: int) -> ModelShape:
    return ModelShape("cupel/tiny-transformer-v1", vocabulary, layers, width, heads, 4 * width, positions)


SIZES: Final = {
    size.name: size
    for size in (
        Size("demo", _shape(64, 2, 64, 4, 32), 32, 16, 9, 8),
        Size("3M", _shape(256, 4, 256, 8, 160), 8, 8, 128, 4),
        Size("3M, a larger round", _shape(256, 4, 256, 8, 160), 32, 8, 128, 4),
    )
}


class Syllables:
    """Prompts of random tokens and a reward that differs: stands for any environment, and never ends a completion."""

    prompt_tokens, max_tokens, target_tokens = 8, 128, range(0)

    def __init__(self, size: Size) -> None:
        self.vocabulary = size.shape.vocabulary
        self.end_token = self.vocabulary  # no token has this id

    def prompt(self, problem: int) -> tuple[int, ...]:
        """See `Environment.prompt`."""
        return tuple(np.random.default_rng(problem).integers(0, self.vocabulary, self.prompt_tokens).tolist())

    def answer(self, problem: int) -> tuple[int, ...]:
        """See `Environment.answer`."""
        return self.prompt(problem)

    def reward(self, problem: int, tokens: Sequence[int]) -> int:
        """See `Environment.reward`."""
        return sum(tokens) % 2 * MILLION

    def render(self, tokens: Sequence[int]) -> str:
        """See `Environment.render`."""
        return " ".join(map(str, tokens))


class NoSink:
    """What a loop without proofs does with states."""

    def append(self, states: torch.Tensor, running: torch.Tensor) -> None:
        """See `StateSink.append`."""


@dataclass
class Bench:
    """One size's loop."""

    size: Size
    folder: Path
    times: dict[str, list[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        size = self.size
        recipe = dataclasses.replace(
            example_spec().recipe, inner_steps=size.inner_steps, drop_silent_groups=False
        )
        self.spec: TaskSpec = dataclasses.replace(example_spec(), model=size.shape, recipe=recipe)
        self.params: TaskParams = dataclasses.replace(
            example_params(),
            problems_per_round=size.problems,
            group_size=size.group,
            max_tokens=size.tokens,
            chunk_tokens=32,
        )
        self.environment = Syllables(size)
        self.layout = layout_of(size.shape)
        policy = TinyPolicy(size.shape)
        initialise(policy, torch.Generator().manual_seed(0))
        self.version: CanonicalVersion = make_version(
            0, None, genesis(flatten(policy, self.layout)), self.layout
        )
        self.state = fresh_state(self.layout.num_parameters)
        self.store = FilesystemStore(self.folder)
        self.shelf = VersionShelf(self.store, self.folder / "versions")
        self.account = Account.create()

    def timed(self, piece: str, work: Callable[[], Any]) -> Any:
        """Do a piece of work and note its processor seconds."""
        began = time.process_time()
        result = work()
        self.times.setdefault(piece, []).append(time.process_time() - began)
        return result

    def step(self, number: int) -> None:
        """One step of both loops; the protocol's one goes on with its result."""
        params, spec, size = self.params, self.spec, self.size
        seed = round_seed(0, NOBODY, bytes(32), NOBODY, number, bytes(32))
        assigned = assigned_work(seed, params, range(params.units_per_round), None)
        shape = (size.tokens, size.shape.vocabulary)
        rows = len(assigned)
        generator = np.random.default_rng(number)
        self.timed("random noise", lambda: generator.gumbel(size=(rows, *shape)))
        noise = self.timed(
            "seeded noise", lambda: np.stack([gumbel_noise(owed.seed, *shape) for owed in assigned])
        )
        prompts = np.array([self.environment.prompt(owed.problem) for owed in assigned], dtype=np.int64)
        policy = policy_of(size.shape, self.version.state)

        def decode(sink: Any) -> Completions:
            return sample(policy, prompts, noise, self.environment.end_token, 1.0, sink)

        self.timed("sampling", lambda: decode(NoSink()))
        recorder = ChunkRecorder(params.chunk_tokens, params.topk)
        made, proofs = self.timed("sampling with proofs", lambda: _proven(decode(recorder), recorder))
        rollouts = tuple(
            Rollout(
                owed.problem,
                owed.seed,
                tuple(made.tokens[row].tolist()),
                self.environment.reward(owed.problem, made.tokens[row].tolist()),
                tuple(proofs[row]),
            )
            for row, owed in enumerate(assigned)
        )
        weights = to_floats(self.version.state.weights)
        batch = batch_of(rollouts, assigned, self.environment, number, params.max_tokens, None)
        schedule = schedule_of(params, spec, 0)
        gradient, state, metrics = self.timed(
            "training",
            lambda: train_round(size.shape, weights, batch, spec.recipe, schedule, self.state),
        )
        assert metrics.steps, "nothing was trained on"
        self._finish(number, rollouts, gradient, state)

    def _finish(self, number: int, rollouts: tuple[Rollout, ...], gradient: Any, state: Any) -> None:
        params, spec = self.params, self.spec
        codec, num_parameters = get_codec(spec.aggregation.codec), self.layout.num_parameters
        max_exponent = spec.recipe.max_exponent_offset + MIN_EXPONENT

        def blocks() -> tuple[bytes, Any]:
            update, after = quantise(gradient, state, max_exponent, codec)
            return codec.to_bytes(update, num_parameters), after

        update, self.state = self.timed("update blocks", blocks)
        context = LeafContext(0, NOBODY, bytes(32), NOBODY, number, number)
        reference = PolicyRef(self.version.version, self.version.digest)
        submission = self.timed(
            "rollouts file, leaves, root, CIDs",
            lambda: make_submission(params, context, reference, rollouts, update, Metrics(0, 0), {}),
        )
        files = (submission.rollouts_file, submission.update_file)
        self.timed("blocks into the store", lambda: [put_file(self.store, file) for file in files])
        parsed = codec.from_bytes(update, num_parameters, max_exponent)
        self.version = self.timed(
            "outer step, checkpoint, its CID", lambda: next_version(self.version, [parsed], spec.aggregation)
        )
        version = self.version
        self.timed(
            "version into the store",
            lambda: self.shelf.put(version.manifest.to_bytes(), version.file, version.update),
        )
        self.timed("signature", self._sign)

    def _sign(self) -> object:
        fields = {"to": NOBODY, "value": 0, "gas": 60_000, "nonce": 0, "chainId": 1, "data": bytes(228)}
        return self.account.sign_transaction({**fields, "maxFeePerGas": 1, "maxPriorityFeePerGas": 1})

    def medians(self) -> dict[str, float]:
        """Seconds by piece, without the first step, which warms up; the two differences made."""
        found = {piece: median(seconds[1:]) for piece, seconds in self.times.items()}
        found["states and proofs"] = max(0.0, found["sampling with proofs"] - found["sampling"])
        found["seeded noise"] = max(0.0, found["seeded noise"] - found["random noise"])
        return found


def _proven(made: Completions, recorder: ChunkRecorder) -> tuple[Completions, Any]:
    return made, prove(recorder.finish(made.lengths))


def table(benches: list[tuple[Bench, dict[str, float]]]) -> str:
    """The results."""
    names = [bench.size.name for bench, _ in benches]
    rows = [f"| milliseconds a step | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    facts = {
        "parameters": [f"{bench.layout.num_parameters:,}" for bench, _ in benches],
        "completions of tokens": [
            f"{bench.params.units_per_round} of {bench.size.tokens}" for bench, _ in benches
        ],
        "inner steps": [str(bench.size.inner_steps) for bench, _ in benches],
    }
    rows += [f"| {name} | {' | '.join(values)} |" for name, values in facts.items()]
    for piece in ("random noise", "sampling", "training", *PIECES):
        rows.append(f"| {piece} | {' | '.join(f'{found[piece] * 1000:.1f}' for _, found in benches)} |")
    shares = []
    for _, found in benches:
        bare = found["random noise"] + found["sampling"] + found["training"]
        ours = sum(found[piece] for piece in PIECES)
        shares.append(f"**{ours / (ours + bare):.1%}**")
    rows.append(f"| **protocol's share of a step** | {' | '.join(shares)} |")
    return "\n".join(rows)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    results = []
    for name in options.sizes:
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(SIZES[name], Path(folder))
            for number in range(options.repeats + 1):
                bench.step(number)
                print(f"{name}: step {number}", file=sys.stderr)
            results.append((bench, bench.medians()))
    print(table(results))


if __name__ == "__main__":
    main()
