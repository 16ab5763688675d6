"""The demo's numbers: what is trained, for how long, and for how much money. Pure.

The recipe is the one that benchmarks/simulate_training.py measures: three nodes that see 512 completions a round
each take the reward of the sorting task from 0.1 to 0.8 within ten rounds.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from cupel.devnet.deployment import DataTerms, JuryTerms
from cupel.protocol.model.layout import layout_of
from cupel.protocol.spec import documents
from cupel.protocol.spec.aggregate.game import Terms as AggregateTerms
from cupel.protocol.spec.recipe import Recipe
from cupel.protocol.spec.referee.game import Terms
from cupel.protocol.spec.replay import ReplayRule
from cupel.protocol.spec.task import (
    Aggregation,
    EnvironmentRef,
    ModelShape,
    Pooling,
    Sampling,
    TaskSpec,
    Thresholds,
)
from cupel.protocol.task.plan import TaskPlan, TaskTerms

CREATOR: Final = "creator"
TOKEN: Final = 10**18
RATE: Final = TOKEN // 100
STAKE: Final = 100 * TOKEN
BOND: Final = 5 * TOKEN
JUROR_STAKE: Final = 20 * TOKEN
VERIFIER_FUNDS: Final = JUROR_STAKE + 20 * BOND
"""A juror's stake, and bonds enough to accuse every commitment of two liars, or for an appeal."""
NUM_VERIFIERS: Final = 2
DATA: Final = DataTerms(answer_seconds=9, close_seconds=6)
"""Fits into the time the jury takes."""
# The jury's last call must reach the hub before the hub gives up waiting: a few blocks.
_GRACE_SECONDS: Final = 3
_EXIT_MARGIN_SECONDS: Final = 2
# A node that knows the checkpoint sends two transactions to join: approval of the stake, and the joining.
_FEW_BLOCKS_SECONDS: Final = 3

# Same shape as in examples/sorting/pretrain.py, which makes the checkpoint.
MODEL: Final = ModelShape(
    "cupel/tiny-transformer-v1", vocabulary=64, layers=2, width=64, heads=4, feed_forward=192, positions=32
)
THRESHOLDS: Final = Thresholds(4, 500, 500)
# A whole descent takes an honest node six moves, each a block or two on an idle machine.
CANONICAL: Final = Terms(MODEL, THRESHOLDS, clock_seconds=20, grace_seconds=1)
"""The judge of computation's: a game takes at most 53 s."""
AGGREGATION: Final = Aggregation(1, 1, 0, 1)
MAX_EXPONENT_OFFSET: Final = 24
AGGREGATE: Final = AggregateTerms(
    layout_of(MODEL).num_parameters, AGGREGATION, MAX_EXPONENT_OFFSET, clock_seconds=15, grace_seconds=1
)
"""The judge of versions': a game takes at most 49 s."""


@dataclass(frozen=True, slots=True)
class Preset:
    """One size of the demo."""

    name: str
    rounds: int
    problems_per_round: int
    group_size: int
    inner_steps: int
    learning_rate_billionths: int
    final_learning_rate_billionths: int
    pretrain_steps: int
    jury: JuryTerms
    canonical: Terms
    aggregate: AggregateTerms
    least_round_seconds: int
    reward_margin: int
    """Least rise of the honest nodes' reward for the demo to pass, in millionths; far below what is usual."""
    data: DataTerms = DATA
    replay: ReplayRule | None = None
    """Whether verifiers train again what every node trained, which takes them as long as all nodes together."""

    @property
    def units_per_round(self) -> int:
        """Completions a node owes a round."""
        return self.problems_per_round * self.group_size


def _jury(max_appeals: int, appeal_seconds: int) -> JuryTerms:
    return JuryTerms(
        size=3,
        max_appeals=max_appeals,
        commit_seconds=8,
        reveal_seconds=6,
        appeal_seconds=appeal_seconds,
        grace_seconds=_GRACE_SECONDS,
        juror_stake=JUROR_STAKE,
    )


FULL: Final = Preset(
    name="full",
    rounds=10,
    problems_per_round=32,
    group_size=16,
    inner_steps=8,
    learning_rate_billionths=800_000,
    final_learning_rate_billionths=200_000,
    pretrain_steps=400,
    jury=_jury(max_appeals=1, appeal_seconds=5),
    canonical=CANONICAL,
    aggregate=AGGREGATE,
    least_round_seconds=10,
    reward_margin=250_000,
)
FAST: Final = Preset(
    name="fast",
    rounds=4,
    problems_per_round=24,
    group_size=16,
    inner_steps=6,
    learning_rate_billionths=800_000,
    final_learning_rate_billionths=400_000,
    pretrain_steps=250,
    # An appeal would hold every stake for 17 s more.
    jury=_jury(max_appeals=0, appeal_seconds=0),
    canonical=dataclasses.replace(CANONICAL, clock_seconds=9),
    aggregate=dataclasses.replace(AGGREGATE, clock_seconds=6),
    least_round_seconds=8,
    reward_margin=100_000,
)

# A pre-training step on one core of an idle machine; a node's round for every completion, all cores at work: two
# hardware threads of one core are slower together.
REFERENCE_STEP_SECONDS: Final = 0.022
_NODE_SECONDS_PER_UNIT: Final = 0.0036
# A verifier looks at a part of the rollouts, and holds and serves the rest.
_VERIFIER_SHARE: Final = 0.5
# Blocks, gossip, replication and the commitment take this long however fast the machine is.
_FIXED_SECONDS: Final = 4.0
_SAFETY: Final = 1.3
_LEAST_CORES: Final = 0.25
_MOST_ROUND_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Pace:
    """The task's spans of time, in seconds, for the machine at hand."""

    round_seconds: int
    commit_seconds: int
    challenge_window: int
    dispute_seconds: int
    exit_margin: int
    start_in_seconds: int
    """From the task's creation to round 0: the time to hear of it, fetch the checkpoint and join."""

    @property
    def settlement_seconds(self) -> int:
        """From the end of the last round until every stake may be home."""
        return self.challenge_window + self.dispute_seconds + self.exit_margin


def choose_pace(preset: Preset, num_nodes: int, step_seconds: float, cores: float) -> Pace:
    """Spans long enough for a machine with so many cores free, on which a pre-training step takes `step_seconds`."""
    speed = max(step_seconds / REFERENCE_STEP_SECONDS, 0.25)
    workers = num_nodes + _VERIFIER_SHARE * NUM_VERIFIERS
    work = _NODE_SECONDS_PER_UNIT * preset.units_per_round * speed * workers / max(cores, _LEAST_CORES)
    needed = math.ceil(_FIXED_SECONDS + _SAFETY * work)
    round_seconds = max(min(needed, _MOST_ROUND_SECONDS), preset.least_round_seconds)
    return Pace(
        round_seconds=round_seconds,
        commit_seconds=round_seconds - max(2, round_seconds // 5),
        # Time to look for the files, to demand what is missing, and to check what is shown in the last second.
        challenge_window=round_seconds + preset.data.answer_seconds,
        dispute_seconds=max(
            preset.jury.needed_seconds, preset.canonical.needed_seconds, preset.aggregate.needed_seconds
        ),
        exit_margin=_EXIT_MARGIN_SECONDS,
        start_in_seconds=_FEW_BLOCKS_SECONDS + round_seconds // 3,
    )


def make_plan(preset: Preset, pace: Pace, num_nodes: int, rounds: int) -> TaskPlan:
    """The creator's plan."""
    bounty = num_nodes * rounds * preset.units_per_round * RATE
    terms = TaskTerms(
        round_seconds=pace.round_seconds,
        commit_seconds=pace.commit_seconds,
        rounds=rounds,
        problems_per_round=preset.problems_per_round,
        group_size=preset.group_size,
        problem_count=2**20,
        chunk_tokens=32,
        topk=128,
        max_tokens=9,
        max_staleness=1,
        bounty=str(bounty),
        rate=str(RATE),
        stake=str(STAKE),
        bond=str(BOND),
        challenge_window=pace.challenge_window,
        dispute_seconds=pace.dispute_seconds,
        exit_margin=pace.exit_margin,
    )
    spec = TaskSpec(
        name="sort eight digits",
        environment=EnvironmentRef("cupel/sorting", 1),
        model=MODEL,
        sampling=Sampling(temperature_millionths=1_000_000, tolerance_millionths=1_000),
        # Recomputation on the same kind of machine differs by nothing or by single roundings; four-bit weights differ
        # in dozens of exponents.
        thresholds=THRESHOLDS,
        pooling=Pooling(250_000),
        recipe=Recipe(
            inner_steps=preset.inner_steps,
            learning_rate_billionths=preset.learning_rate_billionths,
            final_learning_rate_billionths=preset.final_learning_rate_billionths,
            clip_millionths=200_000,
            max_ratio_millionths=4_000_000,
            advantage_std=True,
            gradient_clip_millionths=1_000_000,
            max_exponent_offset=MAX_EXPONENT_OFFSET,
        ),
        aggregation=AGGREGATION,
        replay=preset.replay,
    )
    return TaskPlan(terms, spec)


def starting_tokens(
    preset: Preset, rounds: int, nodes: Sequence[str], verifiers: Sequence[str]
) -> dict[str, int]:
    """Test tokens every participant needs, by process name."""
    bounty = len(nodes) * rounds * preset.units_per_round * RATE
    return {
        **dict.fromkeys(nodes, STAKE),
        **dict.fromkeys(verifiers, VERIFIER_FUNDS),
        CREATOR: bounty,
    }


def to_toml(document: Any) -> str:
    """A dataclass of integers, strings, booleans and nested dataclasses as TOML."""
    return "\n".join(_tables((), documents.to_plain(document))) + "\n"


def _tables(path: tuple[str, ...], values: dict[str, Any]) -> list[str]:
    lines = [f"[{'.'.join(path)}]"] if path else []
    lines += [f"{name} = {_scalar(value)}" for name, value in values.items() if not isinstance(value, dict)]
    for name, value in values.items():
        if isinstance(value, dict):
            lines += _tables((*path, name), value)
    return lines


def _scalar(value: str | int | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    assert escaped.isprintable(), "settings and plans hold printable text"
    return f'"{escaped}"'
