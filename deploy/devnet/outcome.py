"""A finished demo: what ran, what the chain says, which promises held. The screen, the report and --json show this."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cupel.devnet.facts import ChainFacts
from cupel.devnet.money import MoneyRow, money_rows
from cupel.devnet.story.state import DemoState
from cupel.devnet.verdict import Check


@dataclass(frozen=True, slots=True)
class RunInfo:
    """What was run, where and when."""

    started: str
    """Local date and time."""
    preset: str
    seed: int
    machine: str
    folder: str


@dataclass(frozen=True, slots=True)
class GasRow:
    """What one kind of transaction costs."""

    action: str
    count: int
    least: int
    mean: int
    most: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything a finished demo leaves."""

    info: RunInfo
    state: DemoState
    facts: ChainFacts
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether every promise held."""
        return bool(self.checks) and all(check.passed for check in self.checks)

    @property
    def seconds(self) -> float:
        """Duration of the whole demo."""
        return (self.state.now_ms - self.state.started_ms) / 1000

    @property
    def money(self) -> tuple[MoneyRow, ...]:
        """Who earned, who lost."""
        return money_rows(self.facts, self.state)

    @property
    def gas(self) -> tuple[GasRow, ...]:
        """Gas by kind of transaction, the dearest sum first."""
        by_action: dict[str, list[int]] = {}
        for use in self.facts.gas:
            by_action.setdefault(use.action, []).append(use.gas)
        rows = [
            GasRow(action, len(values), min(values), sum(values) // len(values), max(values))
            for action, values in by_action.items()
        ]
        return tuple(sorted(rows, key=lambda row: -row.mean * row.count))

    def as_json(self) -> dict[str, Any]:
        """The result as plain values; amounts are decimal strings, rewards millionths."""
        state, facts = self.state, self.facts
        return {
            "passed": self.passed,
            "checks": {check.name: _plain(check) for check in self.checks},
            "run": {**dataclasses.asdict(self.info), "seconds": round(self.seconds, 1)},
            "task": _plain(facts.terms),
            "rewards": {
                "honest_mean": {str(index): value for index, value in state.honest_reward.items()},
                **{
                    node.name: {str(index): value for index, value in node.rewards.items()}
                    for node in state.nodes.values()
                },
            },
            "money": [_plain(row) for row in self.money],
            "challenges": [_plain(challenge) for challenge in facts.challenges],
            "slashes": [_plain(slash) for slash in facts.slashes],
            "findings": [_plain(accusation) for accusation in state.accusations],
            "checkpoints": [_plain(checkpoint) for checkpoint in facts.checkpoints],
            "gas": [_plain(row) for row in self.gas],
            "hub": _plain(facts.hub),
            "stages": {
                stage.key: (stage.ended_ms - stage.started_ms) / 1000
                for stage in state.stages
                if stage.ended_ms
            },
        }


# Fields that hold token amounts and hashes: beyond 2^53, where readers of JSON lose digits.
_LARGE_NUMBERS = frozenset(
    {
        "net",
        "stake",
        "burned",
        "rewarded",
        "rate",
        "bond",
        "bounty",
        "challenge_id",
        "balance",
        "bounties",
        "stakes",
        "bonds",
        "credits",
    }
)


def _plain(item: Any) -> Mapping[str, Any]:
    return {
        name: str(value) if name in _LARGE_NUMBERS and isinstance(value, int) else value
        for name, value in dataclasses.asdict(item).items()
    }
