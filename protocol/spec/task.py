"""A task: the parameters the chain enforces, and the document that says what to train and how to check it.

`TaskParams` is the twin of contracts/types/TaskParams.sol; its hash is the task id. `TaskSpec` is content-addressed
and its digest is among the parameters, so both are immutable once the task exists.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Final

from eth_abi.abi import encode as abi_encode

from cupel.protocol.spec import documents
from cupel.protocol.spec.diloco.codec import get_codec
from cupel.protocol.spec.environment_ref import EnvironmentRef as EnvironmentRef
from cupel.protocol.spec.environment_ref import check_environment_ref
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.hashing import keccak256, sha256
from cupel.protocol.spec.length_reward import LengthRule, check_length_rule
from cupel.protocol.spec.recipe import Recipe, check_recipe
from cupel.protocol.spec.replay import ReplayRule, check_replay_rule
from cupel.protocol.spec.units import BILLION as BILLION
from cupel.protocol.spec.units import MILLION as MILLION

MAX_SPEC_BYTES: Final = 64 * 1024
# Indices of a chunk's activations are points of GF(65497), so they must not wrap.
MAX_CHUNK_ELEMENTS: Final = 65_497
# With fewer points a smooth chunk can give a proof that looks degenerate, which is slashable.
MIN_TOPK: Final = 16
# As far as INTELLECT-2 found learning unharmed (arXiv 2505.07291); every version more must be kept and served.
MAX_STALENESS: Final = 4
# INTELLECT-2's asynchrony.
DEFAULT_STALENESS: Final = 2
MEAN: Final = "mean"
TRIMMED_MEAN: Final = "trimmed-mean"
MAX_TERM: Final = 2**10
"""Of an outer rate."""
SPEC_KIND: Final = "cupel.task-spec.v1"
_PINNED_ABI: Final = "(address,bytes32)"
TASK_PARAMS_ABI: Final = (
    "(address,address,bytes32,bytes32,uint40,uint32,uint32,uint32,uint32,uint32,uint32,uint32,uint32,uint32,uint32,"
    f"uint96,uint96,uint96,uint32,uint32,uint32,{_PINNED_ABI},{_PINNED_ABI}[4])"
)


@dataclass(frozen=True, slots=True)
class Pinned:
    """A contract a task trusts, pinned by the hash of its code."""

    code: str
    code_hash: bytes


NOTHING_PINNED: Final = Pinned("0x" + 40 * "0", bytes(32))
MAX_JUDGES: Final = 4


@dataclass(frozen=True, slots=True)
class TaskParams:
    """What the hub enforces of a task. Amounts are in the token's smallest unit, times in seconds."""

    creator: str
    token: str
    spec_digest: bytes
    """SHA-256 of the TaskSpec document."""
    genesis_digest: bytes
    """SHA-256 of the manifest of canonical version 0."""
    start: int
    """Block timestamp at which round 0 begins."""
    round_seconds: int
    commit_seconds: int
    """Commitments of a round are accepted in its first `commit_seconds`; the rest is for checking."""
    rounds: int
    problems_per_round: int
    group_size: int
    """Completions per problem."""
    problem_count: int
    chunk_tokens: int
    """Decoded tokens per TOPLOC proof."""
    topk: int
    """Activations per TOPLOC proof."""
    max_tokens: int
    """Longest completion, end token included."""
    max_staleness: int
    """How many versions a rollout's policy may lag behind its round."""
    rate: int
    """Pay per unit (one rollout)."""
    stake: int
    bond: int
    challenge_window: int
    dispute_seconds: int
    """After this long without a judge's verdict a challenge expires and its commitment is void."""
    exit_margin: int
    reward_rule: Pinned
    judges: tuple[Pinned, ...]
    """One to MAX_JUDGES; always MAX_JUDGES long, places left over are NOTHING_PINNED."""

    def __post_init__(self) -> None:
        assert len(self.judges) <= MAX_JUDGES, f"{len(self.judges)} judges"
        left_over = MAX_JUDGES - len(self.judges)
        object.__setattr__(self, "judges", (*self.judges, *left_over * (NOTHING_PINNED,)))

    @property
    def units_per_round(self) -> int:
        """Rollouts a node owes a round."""
        return self.problems_per_round * self.group_size

    def as_abi(self) -> tuple[Any, ...]:
        """The tuple Solidity sees, in field order."""
        return dataclasses.astuple(self)

    @classmethod
    def from_abi(cls, values: tuple[Any, ...]) -> TaskParams:
        """Inverse of `as_abi`."""
        names = [field.name for field in dataclasses.fields(cls)]
        fields = dict(zip(names, values, strict=True))
        fields["reward_rule"] = Pinned(*fields["reward_rule"])
        fields["judges"] = tuple(Pinned(*judge) for judge in fields["judges"])
        return cls(**fields)


def task_id(chain_id: int, hub: str, params: TaskParams) -> bytes:
    """The task's id: 32 bytes, bound to one hub on one chain."""
    return keccak256(abi_encode(["uint256", "address", TASK_PARAMS_ABI], [chain_id, hub, params.as_abi()]))


@dataclass(frozen=True, slots=True)
class ModelShape:
    """Which model, and its sizes; positions are counted in tokens."""

    architecture: str
    vocabulary: int
    layers: int
    width: int
    heads: int
    feed_forward: int
    positions: int
    options: str = ""
    """What an architecture has beyond these: a JSON object in its canonical form."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """Seeded Gumbel-max sampling."""

    temperature_millionths: int
    tolerance_millionths: int
    """A token is accepted if its score lies at most this far below the best one."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Largest honest difference between a TOPLOC proof and its recomputation, calibrated per task."""

    max_exponent_mismatches: int
    max_mantissa_mean_thousandths: int
    max_mantissa_median_thousandths: int


@dataclass(frozen=True, slots=True)
class Pooling:
    """Largest honest error of a TOPLOC proof in the mean over many chunks (`toploc/pooled.py`), calibrated per task."""

    max_error_millionths: int
    """Of a mantissa's step, per point."""


@dataclass(frozen=True, slots=True)
class Aggregation:
    """How a round's updates become the next version: exact integers throughout (`spec/diloco`)."""

    learning_rate_numerator: int
    learning_rate_denominator: int
    momentum_numerator: int
    momentum_denominator: int
    """Of the outer optimiser, Nesterov momentum; below one."""
    codec: str = "mxint8"
    """Which file an update travels in (`diloco/codec.py`): mxint8, mxint4 or sparse-1 to sparse-16."""
    rule: str = MEAN
    """MEAN of all updates, or TRIMMED_MEAN: updates clipped to the median length, then of each coordinate the mean
    without its extremes (`diloco/robust.py`)."""
    trimmed: int = 0
    """How many at either end TRIMMED_MEAN leaves out: as many false updates it withstands."""


def check_aggregation(aggregation: Aggregation) -> None:
    """Rejected(TASK_SPEC), with the key to correct, for an aggregation that nobody can compute.

    Rates are rationals that the integers of diloco/outer.py are safe with: terms up to MAX_TERM, momentum below one.
    """
    rate = (aggregation.learning_rate_numerator, aggregation.learning_rate_denominator)
    momentum = (aggregation.momentum_numerator, aggregation.momentum_denominator)
    for name, (numerator, denominator) in (("learning_rate", rate), ("momentum", momentum)):
        if not (numerator <= MAX_TERM and 1 <= denominator <= MAX_TERM):
            detail = f"aggregation.{name} is {numerator}/{denominator}: denominator 1 or more, terms up to {MAX_TERM}"
            raise Rejected(Reason.TASK_SPEC, detail)
    if momentum[0] >= momentum[1]:
        raise Rejected(
            Reason.TASK_SPEC, f"aggregation.momentum is {momentum[0]}/{momentum[1]}: below one expected"
        )
    get_codec(aggregation.codec)
    if aggregation.rule not in (MEAN, TRIMMED_MEAN):
        detail = f"aggregation.rule is {aggregation.rule!r}, {MEAN} or {TRIMMED_MEAN} expected"
        raise Rejected(Reason.TASK_SPEC, detail)
    if aggregation.trimmed and aggregation.rule != TRIMMED_MEAN:
        raise Rejected(Reason.TASK_SPEC, f"aggregation.trimmed is for rule = {TRIMMED_MEAN!r}")


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """What to train and how work is checked; its SHA-256 stands in the task's parameters."""

    name: str
    environment: EnvironmentRef
    model: ModelShape
    sampling: Sampling
    thresholds: Thresholds
    pooling: Pooling
    recipe: Recipe
    aggregation: Aggregation
    length: LengthRule | None = None
    """Prompts state a length to keep to, and rewards depend on it; may be left out."""
    replay: ReplayRule | None = None
    """Updates are checked by training again; may be left out, and then any well-formed update passes."""

    def to_bytes(self) -> bytes:
        """Canonical bytes."""
        return documents.encode(SPEC_KIND, self)

    @property
    def digest(self) -> bytes:
        """SHA-256 of the canonical bytes."""
        return sha256(self.to_bytes())

    @classmethod
    def from_bytes(cls, data: bytes) -> TaskSpec:
        """Inverse of `to_bytes`. Rejected(SIZE, ENCODING, SCHEMA, TASK_SPEC)."""
        spec = documents.decode(cls, SPEC_KIND, data, MAX_SPEC_BYTES)
        if spec.sampling.temperature_millionths == 0:
            raise Rejected(Reason.TASK_SPEC, "the temperature is positive")
        check_aggregation(spec.aggregation)
        check_environment_ref(spec.environment)
        check_recipe(spec.recipe)
        if spec.recipe.lora_rank > spec.model.width:
            raise Rejected(Reason.TASK_SPEC, "recipe.lora_rank is above the model's width")
        if spec.length is not None:
            check_length_rule(spec.length)
        if spec.replay is not None:
            check_replay_rule(spec.replay)
        return spec


def check_task(params: TaskParams, spec: TaskSpec) -> None:
    """Whether parameters and document agree, and can be worked on and checked at all.

    Rejected(TASK_PARAMETERS): a creator's mistake that would otherwise surface at a node.
    """
    problems = {
        "the parameters name another TaskSpec": spec.digest != params.spec_digest,
        "a chunk has more elements than the TOPLOC field": params.chunk_tokens * spec.model.width
        > MAX_CHUNK_ELEMENTS,
        f"topk is below {MIN_TOPK}": params.topk < MIN_TOPK,
        "the model has too few positions for the longest completion": params.max_tokens
        >= spec.model.positions,
        f"max_staleness is above {MAX_STALENESS}": params.max_staleness > MAX_STALENESS,
        "a round lasts no time": params.round_seconds == 0 or params.rounds == 0,
    }
    for problem, present in problems.items():
        if present:
            raise Rejected(Reason.TASK_PARAMETERS, problem)
