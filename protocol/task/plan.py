"""A task creator's plan: one TOML file with the terms the chain enforces and the TaskSpec document.

[terms]      what `TaskTerms` lists: schedule, amounts, windows
[spec]       what `TaskSpec` lists: environment, model, sampling, thresholds, pooling, recipe, aggregation, and may
             have length and replay; docs/learning.md lists the recipe's keys, docs/diloco.md the aggregation's

Keys that have a default may be left out. `spec.environment.arguments` may be a table.

`spec.thresholds` may be the path of a file that `cupel calibrate` wrote, relative to the plan;
`spec.pooling` and `spec.sampling.tolerance_millionths` may then be left out, and are taken from there too.
"""

from __future__ import annotations

import dataclasses
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cupel.protocol.config import ConfigError
from cupel.protocol.spec import documents
from cupel.protocol.spec.encoding import canonical_json
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.task import DEFAULT_STALENESS, Pinned, Pooling, TaskParams, TaskSpec, Thresholds
from cupel.protocol.task.criteria import Criteria, Scope, load_criteria, scope_of


@dataclass(frozen=True, slots=True)
class TaskTerms:
    """Schedule in seconds; amounts in the token's smallest unit, as strings, since TOML integers end at 2^63."""

    round_seconds: int
    commit_seconds: int
    rounds: int
    problems_per_round: int
    group_size: int
    problem_count: int
    chunk_tokens: int
    topk: int
    max_tokens: int
    bounty: str
    rate: str
    stake: str
    bond: str
    challenge_window: int
    dispute_seconds: int
    exit_margin: int
    max_staleness: int = DEFAULT_STALENESS


@dataclass(frozen=True, slots=True)
class TaskPlan:
    """Everything about a task but who, where and when."""

    terms: TaskTerms
    spec: TaskSpec

    @property
    def scope(self) -> Scope:
        """What validation criteria must have been measured for."""
        return scope_of(self.terms.chunk_tokens, self.terms.topk, self.terms.max_tokens, self.spec)

    @property
    def bounty(self) -> int:
        """Bounty to escrow."""
        return _amount("bounty", self.terms.bounty)

    @property
    def units(self) -> int:
        """Units of work that the bounty pays for."""
        return self.bounty // _amount("rate", self.terms.rate)

    def params(
        self,
        creator: str,
        token: str,
        genesis_digest: bytes,
        start: int,
        reward_rule: Pinned,
        judges: tuple[Pinned, ...],
    ) -> TaskParams:
        """The parameters to create the task with."""
        terms = self.terms
        return TaskParams(
            creator=creator,
            token=token,
            spec_digest=self.spec.digest,
            genesis_digest=genesis_digest,
            start=start,
            round_seconds=terms.round_seconds,
            commit_seconds=terms.commit_seconds,
            rounds=terms.rounds,
            problems_per_round=terms.problems_per_round,
            group_size=terms.group_size,
            problem_count=terms.problem_count,
            chunk_tokens=terms.chunk_tokens,
            topk=terms.topk,
            max_tokens=terms.max_tokens,
            max_staleness=terms.max_staleness,
            rate=_amount("rate", terms.rate),
            stake=_amount("stake", terms.stake),
            bond=_amount("bond", terms.bond),
            challenge_window=terms.challenge_window,
            dispute_seconds=terms.dispute_seconds,
            exit_margin=terms.exit_margin,
            reward_rule=reward_rule,
            judges=judges,
        )


def load_plan(path: Path, placeholder: Thresholds | None = None) -> TaskPlan:
    """Read a plan. ConfigError that names the file and the key for anything that is not one.

    placeholder: stands for the plan's thresholds, for a command that has yet to find them.
    """
    try:
        values: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError("plan", f"cannot read {path} ({error.strerror})", "Check the path") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError("plan", f"{path} is not TOML ({error})", "Correct the file at that place") from None
    taken = _take_thresholds(values, path, placeholder)
    _write_arguments(values)
    try:
        plan = documents.from_plain(TaskPlan, values, "plan")
        TaskSpec.from_bytes(plan.spec.to_bytes())
    except Rejected as rejected:
        raise ConfigError("plan", rejected.detail, f"Correct {path}") from None
    if taken is not None:
        criteria, file = taken
        criteria.check_scope(plan.scope, file)
    for name in ("bounty", "rate", "stake", "bond"):
        _amount(name, getattr(plan.terms, name))
    rate = _amount("rate", plan.terms.rate)
    if rate == 0 or plan.bounty % rate or not plan.bounty:
        remedy = "Make it a multiple of terms.rate: the bounty pays for whole units of work"
        raise ConfigError("terms.bounty", f"{plan.bounty} does not pay for whole units at {rate}", remedy)
    return plan


def _take_thresholds(
    values: dict[str, Any], path: Path, placeholder: Thresholds | None
) -> tuple[Criteria, Path] | None:
    """Put numbers where the plan names a file or, with a placeholder, has nothing yet; the criteria if it has."""
    spec = values.get("spec")
    if not isinstance(spec, dict):
        return None
    file, criteria = spec.get("thresholds"), None
    if placeholder is not None:
        thresholds, pooling, tolerance = placeholder, Pooling(0), 0
    elif isinstance(file, str):
        criteria = load_criteria(path.parent / file)
        thresholds, pooling = criteria.thresholds, criteria.pooling
        tolerance = criteria.sampling.tolerance_millionths
    else:
        return None
    spec["thresholds"] = dataclasses.asdict(thresholds)
    spec.setdefault("pooling", dataclasses.asdict(pooling))
    if isinstance(spec.get("sampling"), dict):
        spec["sampling"].setdefault("tolerance_millionths", tolerance)
    return None if criteria is None else (criteria, path.parent / str(file))


def _write_arguments(values: dict[str, Any]) -> None:
    """An environment's arguments may be a table in the plan; the document has them as canonical JSON."""
    match values:
        case {"spec": {"environment": {"arguments": dict(arguments)} as environment}}:
            try:
                environment["arguments"] = canonical_json(arguments).decode()
            except AssertionError as error:
                remedy = "Write whole numbers, strings, true and false"
                raise ConfigError("spec.environment.arguments", str(error), remedy) from None


def _amount(name: str, text: str) -> int:
    if not text.isascii() or not text.isdigit():
        remedy = "Write a whole number of the token's smallest unit, as a string"
        raise ConfigError(f"terms.{name}", f"{text!r} is not an amount", remedy)
    return int(text)
