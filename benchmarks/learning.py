"""Learning with rollouts of older policies: mean reward over seeds at several levels of asynchrony.

    python benchmarks/learning.py                       the table, and the files under benchmarks/results/
    python benchmarks/learning.py --rounds 100 --problems 32 --rate 800000 --trust-region clip --out learning.md
    python benchmarks/learning.py --runs learning-runs    keeps finished runs there, and takes them from there next time

One process and one thread. In every round the version of `level` rounds ago (genesis at first) samples completions of
the sorting task under assigned seeds; the trainer, which refuses what is over age, takes one step on them from the
newest version; the quantised update and the exact aggregation make the next version. Neither proofs nor a chain.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import json
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from numpy.typing import NDArray

from cupel.protocol.model.checkpoint import checkpoint_from_bytes, to_floats
from cupel.protocol.model.generate import sample
from cupel.protocol.model.layout import layout_of
from cupel.protocol.model.weights import policy_of
from cupel.protocol.spec.assignment import Assigned, assigned_work
from cupel.protocol.spec.dialogue import Writing
from cupel.protocol.spec.diloco.blocks import MIN_EXPONENT
from cupel.protocol.spec.diloco.codec import MxInt8
from cupel.protocol.spec.diloco.outer import OuterState, aggregate
from cupel.protocol.spec.environments.base import Dialogue, assigned_prompt, get_environment
from cupel.protocol.spec.hashing import keccak256
from cupel.protocol.spec.recipe import CLIP, MASK, SFT
from cupel.protocol.spec.rollout import Rollout
from cupel.protocol.spec.sampling import gumbel_noise
from cupel.protocol.spec.task import MILLION, TaskParams, TaskSpec
from cupel.protocol.testing.builders import example_spec
from cupel.protocol.testing.vectors import example_params
from cupel.protocol.training.batch import batch_of, fresh_groups, with_answers
from cupel.protocol.training.state import fresh_state, quantise
from cupel.protocol.training.trainer import PastWeights, schedule_of, train_round

ROOT = Path(__file__).parent.parent
PRETRAIN = ROOT / "examples" / "sorting" / "pretrain.py"
LEVELS = (0, 1, 2, 4)
COLOURS = ("#1b6ca8", "#2a9d5c", "#d98e04", "#b3392f")
LAST_ROUNDS = 10
PICTURE = "![Mean reward over rounds by level, with the band of the seeds](learning.svg)"
BEHIND = "## By task kind"
"""Where `learning_kinds.py` goes on in the same page."""
WIDTH, HEIGHT, MARGIN = 640, 320, 44


class _NoSink:
    """Proofs are not what is measured here."""

    def append(self, states: torch.Tensor, running: torch.Tensor) -> None:
        """See `StateSink.append`."""


@dataclass
class Run:
    """One task from its first to its last version at one level of asynchrony."""

    params: TaskParams
    spec: TaskSpec
    level: int
    seed: int
    versions: list[OuterState]
    corrects: bool = True
    """Whether old log-probabilities are the sampler's; otherwise those of the weights trained on."""
    rewards: list[float] = field(default_factory=list)

    def play(self) -> None:
        """All rounds."""
        state = fresh_state(self.versions[0].weights.size)
        recipe = self.spec.recipe
        for index in range(self.params.rounds):
            version = max(0, index - self.level)
            owed = self._assigned(index)
            rollouts = self._rollouts(version, owed)
            environment = get_environment(self.spec.environment)
            batch = batch_of(rollouts, owed, environment, version, self.params.max_tokens, None)
            if recipe.objective == SFT:
                batch = with_answers(batch, owed, environment)
            batch, refused = fresh_groups(batch, self.params, index)
            assert not refused, f"round {index}: {refused}"
            weights = to_floats(self.versions[index].weights)
            past = PastWeights({version: to_floats(self.versions[version].weights)} if self.corrects else {})
            schedule = schedule_of(self.params, self.spec, index)
            gradient, state, metrics = train_round(
                self.spec.model, weights, batch, recipe, schedule, state, past
            )
            update, state = quantise(gradient, state, recipe.max_exponent_offset + MIN_EXPONENT, MxInt8())
            self.versions.append(aggregate(self.versions[index], [update], self.spec.aggregation))
            self.rewards.append(metrics.mean_reward)

    def final(self) -> float:
        """Mean reward of the last version on problems it has not seen."""
        owed = self._assigned(self.params.rounds)
        rewards = [rollout.reward for rollout in self._rollouts(len(self.versions) - 1, owed)]
        return float(np.mean(rewards)) / MILLION

    def _assigned(self, index: int) -> tuple[Assigned, ...]:
        # The same problems and seeds at every level, so that levels differ by nothing else.
        seed = keccak256(f"learning {self.seed} {index}".encode())
        return assigned_work(seed, self.params, range(self.params.units_per_round), None)

    def _rollouts(self, version: int, owed: tuple[Assigned, ...]) -> tuple[Rollout, ...]:
        environment = get_environment(self.spec.environment)
        policy = policy_of(self.spec.model, self.versions[version])
        prompts = np.array([assigned_prompt(environment, one) for one in owed], dtype=np.int64)
        noise = np.stack(
            [gumbel_noise(one.seed, self.params.max_tokens, environment.vocabulary) for one in owed]
        )
        writing = None
        if isinstance(environment, Dialogue):
            writing = Writing(environment, [one.problem for one in owed])
        made = sample(policy, prompts, noise, environment.end_token, 1.0, _NoSink(), writing)
        spans = [()] * len(owed) if writing is None else writing.spans()
        texts = [tuple(row[:size].tolist()) for row, size in zip(made.tokens, made.lengths, strict=True)]
        return tuple(
            Rollout(one.problem, one.seed, text, environment.reward(one.problem, text), (), said)
            for one, text, said in zip(owed, texts, spans, strict=True)
        )


@dataclass(frozen=True)
class Outcome:
    """What one run gave: mean reward of every round, and of the last version on fresh problems."""

    rewards: list[float]
    final: float
    cpu_seconds: float


@functools.cache
def pretrained(steps: int, seed: int, kept: Path | None = None) -> bytes:
    """Checkpoint file of the example's pre-training; made once where a folder keeps it."""
    file = None if kept is None else kept / f"genesis-{steps}-{seed}"
    if file is not None and file.exists():
        return file.read_bytes()
    with TemporaryDirectory() as folder:
        out = Path(folder) / "genesis.safetensors"
        command = [sys.executable, str(PRETRAIN), str(out), "--steps", str(steps), "--seed", str(seed)]
        subprocess.run(command, check=True, capture_output=True)
        made = out.read_bytes()
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(made)
    return made


def task(
    rounds: int, trust_region: str, problems: int = 32, rate_billionths: int = 800_000
) -> tuple[TaskParams, TaskSpec]:
    """The sorting task with one inner step a round, of 16 completions a problem; the rate falls to a sixteenth."""
    spec = example_spec()
    recipe = dataclasses.replace(
        spec.recipe,
        inner_steps=1,
        learning_rate_billionths=rate_billionths,
        final_learning_rate_billionths=rate_billionths // 16,
        trust_region=trust_region,
    )
    params = dataclasses.replace(
        example_params(), rounds=rounds, problems_per_round=problems, group_size=16, max_staleness=max(LEVELS)
    )
    return params, dataclasses.replace(spec, recipe=recipe)


def smooth(values: NDArray[np.float64], window: int = 5) -> NDArray[np.float64]:
    """Mean over the last `window` rounds, fewer at the start."""
    sums = np.cumsum(np.insert(values, 0, 0.0))
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(0, ends - window)
    smoothed: NDArray[np.float64] = (sums[ends] - sums[starts]) / (ends - starts)
    return smoothed


def picture(curves: Mapping[int | str, NDArray[np.float64]]) -> str:
    """SVG of reward over rounds: by level or kind the mean over seeds, and a band from the least to the greatest."""
    rounds = max(values.shape[1] for values in curves.values())

    def point(index: int, reward: float) -> str:
        across = MARGIN + index / max(1, rounds - 1) * (WIDTH - 2 * MARGIN)
        return f"{across:.1f},{HEIGHT - MARGIN - reward * (HEIGHT - 2 * MARGIN):.1f}"

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif"'
        ' font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
    ]
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        left, right = point(0, tick), point(rounds - 1, tick)
        lines.append(f'<polyline points="{left} {right}" stroke="#ddd" fill="none"/>')
        x, y = left.split(",")
        lines.append(f'<text x="{float(x) - 6:.1f}" y="{float(y) + 4:.1f}" text-anchor="end">{tick}</text>')
    for colour, (level, values) in zip(COLOURS, curves.items(), strict=False):
        smoothed = np.stack([smooth(row) for row in values])
        low = [point(index, value) for index, value in enumerate(smoothed.min(axis=0))]
        high = [point(index, value) for index, value in enumerate(smoothed.max(axis=0))]
        mean = [point(index, value) for index, value in enumerate(smoothed.mean(axis=0))]
        lines.append(f'<polygon points="{" ".join(low + high[::-1])}" fill="{colour}" opacity="0.12"/>')
        lines.append(f'<polyline points="{" ".join(mean)}" fill="none" stroke="{colour}" stroke-width="2"/>')
        place = list(curves).index(level)
        lines.append(
            f'<text x="{MARGIN + 12}" y="{MARGIN + 4 + 16 * place}" fill="{colour}">{_label(level)}</text>'
        )
    lines.append(
        f'<text x="{WIDTH / 2}" y="{HEIGHT - 12}" text-anchor="middle">round, 0 to {rounds - 1}</text>'
    )
    lines.append(f'<text x="{MARGIN}" y="22">mean reward of the rollouts</text></svg>')
    return "\n".join(lines) + "\n"


def _label(name: int | str) -> str:
    return f"level {name}" if isinstance(name, int) else name


def table(curves: dict[int, NDArray[np.float64]], finals: dict[int, list[float]]) -> str:
    """Markdown table: one row a level."""
    rows = [
        f"| level | round 0 | last {LAST_ROUNDS} rounds, by seed | mean "
        "| last version, fresh problems, by seed | mean |",
        "|---|---|---|---|---|---|",
    ]
    for level, values in curves.items():
        last = values[:, -LAST_ROUNDS:].mean(axis=1)
        by_seed, fresh = (" / ".join(f"{one:.3f}" for one in ones) for ones in (last, finals[level]))
        rows.append(
            f"| {level} | {values[:, 0].mean():.3f} | {by_seed} | {last.mean():.3f} "
            f"| {fresh} | {np.mean(finals[level]):.3f} |"
        )
    return "\n".join(rows)


def parse_arguments() -> argparse.Namespace:
    """Levels, seeds, rounds and where to write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--levels", type=int, nargs="+", default=list(LEVELS), choices=LEVELS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--trust-region", choices=(CLIP, MASK), default=MASK)
    parser.add_argument("--problems", type=int, default=8, help="of 16 completions, in a round")
    parser.add_argument(
        "--rate",
        type=int,
        default=400_000,
        help="of the first round, in billionths; the last round's is a sixteenth",
    )
    parser.add_argument("--pretrain-steps", type=int, default=400)
    parser.add_argument(
        "--uncorrected",
        action="store_true",
        help="compare with the weights trained on and not with the sampler's, as INTELLECT-2's code does",
    )
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "learning.md")
    parser.add_argument("--runs", type=Path, help="folder of finished runs")
    return parser.parse_args()


def one_run(given: argparse.Namespace, params: TaskParams, spec: TaskSpec, level: int, seed: int) -> Outcome:
    """Play a run, or read what it gave last time."""
    variant = "uncorrected" if given.uncorrected else given.trust_region
    recipe = f"{given.rounds}-{given.problems}-{given.rate}-{given.pretrain_steps}-{variant}"
    name = f"{recipe}-{level}-{seed}.json"
    kept = None if given.runs is None else given.runs / name
    if kept is not None and kept.exists():
        return Outcome(**json.loads(kept.read_text(encoding="utf-8")))
    genesis = checkpoint_from_bytes(pretrained(given.pretrain_steps, seed, given.runs), layout_of(spec.model))
    began = time.process_time()
    run = Run(params, spec, level, seed, [genesis], not given.uncorrected)
    run.play()
    outcome = Outcome(run.rewards, run.final(), time.process_time() - began)
    print(f"seed {seed} level {level}: {outcome.final:.3f}", file=sys.stderr, flush=True)
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(dataclasses.asdict(outcome)), encoding="utf-8")
    return outcome


def main() -> None:
    """Run every level on every seed, print the table and write it with its picture."""
    given = parse_arguments()
    torch.set_num_threads(1)
    params, spec = task(given.rounds, given.trust_region, given.problems, given.rate)
    runs = {
        (level, seed): one_run(given, params, spec, level, seed)
        for seed in given.seeds
        for level in given.levels
    }
    curves = {level: np.array([runs[level, seed].rewards for seed in given.seeds]) for level in given.levels}
    finals = {level: [runs[level, seed].final for seed in given.seeds] for level in given.levels}
    seconds = float(np.mean([run.cpu_seconds for run in runs.values()]))
    text = table(curves, finals)
    print(text)
    written = given.out.read_text(encoding="utf-8") if given.out.exists() else "# Learning\n\n"
    first, mark, behind = written.partition(BEHIND)
    head = first.split("| level |")[0].rstrip()
    made = f"{head}\n\n{text}\n\n{seconds:.0f} CPU seconds a run.\n\n{PICTURE}\n"
    given.out.write_text(made + (f"\n{mark}{behind}" if mark else ""), encoding="utf-8")
    given.out.with_suffix(".svg").write_text(picture(curves), encoding="utf-8")


if __name__ == "__main__":
    main()
