"""Calibration of a task whose environment replies: what is the environment's is neither sampled nor an end."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some
from typer.testing import CliRunner

from cupel.protocol.config import ConfigError
from cupel.protocol.model.checkpoint import checkpoint_to_bytes, genesis
from cupel.protocol.model.layout import layout_of
from cupel.protocol.model.tiny import TinyPolicy, initialise
from cupel.protocol.model.weights import flatten, policy_of
from cupel.protocol.spec.dialogue import own_tokens, read_spans
from cupel.protocol.spec.environments.base import SORTING, Dialogue, get_environment, longest_dialogue
from cupel.protocol.spec.environments.guessing import NO_GUESS, Guessing, number
from cupel.protocol.spec.errors import Rejected
from cupel.protocol.spec.task import Thresholds
from cupel.protocol.task.plan import TaskPlan, load_plan
from cupel.verifier.calibration.cheats import zoo
from cupel.verifier.calibration.cheats.base import Bench, honest
from cupel.verifier.calibration.cli import app
from cupel.verifier.calibration.columns import PLACE, measure
from cupel.verifier.calibration.engines import Variant, replay, variants
from cupel.verifier.calibration.evidence import Claim, Evidence, Integers
from cupel.verifier.calibration.reading import read
from cupel.verifier.calibration.setting import Assigned, derive_seed, setting_of

PLAN = Path(__file__).resolve().parents[4] / "examples" / "guessing" / "task.toml"
COUNT = 48
END, LARGER, SMALLER = Guessing.end_token, 10, 11


class Moods(Guessing):
    """Says two tokens that depend on turn and problem, or nothing: dialogues of one, two and three turns."""

    turns: Final = 3
    reply_tokens: Final = 2

    def reply(self, problem: int, turns: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
        return () if turns[-1][0] % 4 == 0 else (turns[-1][0], problem % 10)

    def reward(self, problem: int, tokens: Sequence[int]) -> int:
        return 1_000_000 * (sum(tokens) % 2)


@pytest.fixture(scope="module")
def plan() -> TaskPlan:
    return load_plan(PLAN, Thresholds(0, 0, 0))


@pytest.fixture(scope="module")
def policy(plan: TaskPlan) -> TinyPolicy:
    policy = TinyPolicy(plan.spec.model)
    initialise(policy, torch.Generator().manual_seed(5))
    return policy


@pytest.fixture(scope="module")
def bench(plan: TaskPlan, policy: TinyPolicy) -> Bench:
    """Chunks of two tokens: of a turn, of a reply, and of both."""
    state = genesis(flatten(policy, layout_of(plan.spec.model)))
    setting = dataclasses.replace(
        setting_of(plan), environment=Moods(), chunk_tokens=2, topk=64, max_tokens=longest_dialogue(Moods())
    )
    return Bench(setting, policy_of(plan.spec.model, state), 1, student_steps=2)


@pytest.fixture(scope="module")
def assigned(bench: Bench) -> Assigned:
    return bench.setting.assign(derive_seed(0, "dialogue"), COUNT)


@pytest.fixture(scope="module")
def claim(bench: Bench, assigned: Assigned) -> Claim:
    return honest(bench.setting, bench.policy, Variant())(assigned)


def seen(bench: Bench, assigned: Assigned, claimed: Claim, reference: Claim) -> Evidence:
    prompts = bench.setting.prompts(claimed.problems)
    recomputed = replay(bench.policy, prompts, claimed.tokens, claimed.lengths, 7)
    return Evidence(bench.setting, assigned, claimed, *recomputed, bytes(32), reference)


def column(values: Integers, name: str) -> list[int]:
    numbers: list[int] = values[:, PLACE[name]].tolist()
    return numbers


def one(problem: int, *tokens: int) -> tuple[list[bool], bool, bool]:
    """Reading of one dialogue: own tokens, whether it ends wrongly, whether it misquotes."""
    row = np.full((1, 8), -1, dtype=np.int32)
    row[0, : len(tokens)] = tokens
    found = read(Guessing(), (problem,), row, np.array([len(tokens)], dtype=np.int32))
    return found.own[0, : len(tokens)].tolist(), bool(found.ends_wrongly[0]), bool(found.is_misquoted[0])


def problem_of(guess: int) -> int:
    return next(problem for problem in range(1000) if number(problem) == guess)


def test_a_reading_by_hand() -> None:
    four = problem_of(4)
    ours, theirs = True, False
    assert one(four, 4, END) == ([ours, ours], False, False)
    right = (6, END, SMALLER, 2, END, LARGER, 4, END)
    own = [ours, ours, theirs, ours, ours, theirs, ours, ours]
    assert one(four, *right) == (own, False, False)
    assert one(four, *right[:-1]) == (own[:-1], True, False), "cut off in a turn"
    assert one(four, *right[:6]) == (own[:6], True, False), "cut off behind a reply"
    assert one(four, *right[:5]) == (own[:5], True, False), "cut off before a reply"
    assert one(four, 6, END, LARGER, 4, END) == (own[:5], False, True), "another reply"
    assert one(four, 4, END, 3, END) == ([ours] * 4, True, False), "goes on after the right guess"


texts = some.lists(some.sampled_from([3, 4, END, LARGER, SMALLER, NO_GUESS]), min_size=1, max_size=8)


@settings(max_examples=300)
@given(some.lists(some.tuples(some.integers(0, 50), texts), min_size=1, max_size=4))
def test_a_reading_objects_where_the_law_does(rows: list[tuple[int, list[int]]]) -> None:
    tokens = np.full((len(rows), 8), -1, dtype=np.int32)
    for row, (_, text) in zip(tokens, rows, strict=True):
        row[: len(text)] = text
    lengths = np.array([len(text) for _, text in rows], dtype=np.int32)
    found = read(Guessing(), [problem for problem, _ in rows], tokens, lengths)
    for row, (problem, text) in enumerate(rows):
        try:
            own = own_tokens(read_spans(Guessing(), problem, text), len(text)).tolist()
        except Rejected:
            assert found.ends_wrongly[row] or found.is_misquoted[row]
        else:
            assert (found.ends_wrongly[row], found.is_misquoted[row]) == (False, False)
            assert found.own[row].tolist() == own + [False] * (8 - len(text))


def test_honest_dialogues_break_nothing(bench: Bench, assigned: Assigned, claim: Claim) -> None:
    environment = bench.setting.environment
    assert isinstance(environment, Dialogue)
    evidence = seen(bench, assigned, claim, claim)
    spans = [
        read_spans(environment, problem, row[:length])
        for problem, row, length in zip(
            claim.problems, claim.tokens.tolist(), claim.lengths.tolist(), strict=True
        )
    ]
    assert {len(one) for one in spans} == {1, 3, 5}
    most = bench.setting.max_tokens
    own = np.stack([np.pad(own_tokens(one, sum(one)), (0, most - sum(one))) for one in spans])
    assert np.array_equal(evidence.reading.own, own)
    values = measure(evidence)
    assert len(values) == sum(len(proofs) for proofs in claim.proofs) > COUNT
    for name in (
        "assignment",
        "reward",
        "ending",
        "reply",
        "seeded-ending",
        "untrue",
        "off-support",
        "format",
    ):
        assert set(column(values, name)) == {0}, name
    assert max(column(values, "sampling")) < 100
    assert max(column(values, "mean")) < 100


def test_replies_are_no_choices_of_the_policy_s(bench: Bench, assigned: Assigned, claim: Claim) -> None:
    """Read as one turn, the same text has gaps where the environment speaks."""
    evidence = seen(bench, assigned, claim, claim)
    alone = dataclasses.replace(bench.setting, environment=get_environment(SORTING))
    other = dataclasses.replace(evidence, setting=alone)
    replies = (np.arange(bench.setting.max_tokens) < claim.lengths[:, None]) & ~evidence.reading.own
    assert replies.sum() > COUNT
    assert (other.gaps[replies] > 0.01).mean() > 0.9
    assert evidence.gaps[replies].max() == 0
    assert np.array_equal(other.gaps[~replies], evidence.gaps[~replies])
    assert np.abs(other.token_bets - evidence.token_bets).max() > 0.1


@pytest.mark.parametrize("variant", variants(("float32",), ("cpu",), (1,)), ids=lambda one: one.name)
def test_every_engine_holds_the_same_dialogues(
    bench: Bench, assigned: Assigned, claim: Claim, variant: Variant
) -> None:
    other = honest(bench.setting, bench.policy, variant)(assigned)
    assert np.array_equal(other.tokens, claim.tokens)
    assert np.array_equal(other.rewards, claim.rewards)


@pytest.mark.parametrize(
    ("name", "check"),
    [
        ("other-replies", "reply"),
        ("cut-off", "ending"),
        ("full-reward", "reward"),
        ("best-of-4", "sampling"),
        ("int4", "mean"),
        ("null", "format"),
        ("edited-prompt", "mean"),
    ],
)
def test_a_cheat_in_a_dialogue_is_refused_by_its_check(
    bench: Bench, assigned: Assigned, claim: Claim, name: str, check: str
) -> None:
    cheat = next(cheat for cheat in zoo(bench, ("float32",)) if cheat.name == name)
    forger = cheat.prepare(bench)
    assert forger is not None
    values = measure(seen(bench, assigned, forger(assigned), claim))
    false = values[values[:, PLACE["untrue"]] > 0]
    assert len(false)
    limit = 100 if check == "mean" else 0
    share = (false[:, PLACE[check]] > limit).mean()
    assert share > 0.5, f"{check} refuses {share:.0%} of {len(false)}"


def test_calibrate_measures_a_dialogue(plan: TaskPlan, policy: TinyPolicy, tmp_path: Path) -> None:
    """The example, whose untrained policy guesses nothing: there is one reply to that, whatever the problem."""
    checkpoint, layout = tmp_path / "genesis.safetensors", layout_of(plan.spec.model)
    checkpoint.write_bytes(checkpoint_to_bytes(genesis(flatten(policy, layout)), layout))
    options = {
        "checkpoint": checkpoint,
        "plan": PLAN,
        "out": tmp_path / "thresholds.toml",
        "chunks": 24,
        "cheat-chunks": 8,
        "student-steps": 2,
        "threads": 1,
        "device": "cpu",
    }
    arguments = [str(part) for name, value in options.items() for part in (f"--{name}", value)]
    result = CliRunner().invoke(app, [*arguments, "--json"])
    assert result.exit_code in (0, 1), result.output
    document = json.loads(result.stdout)
    cheats = {cheat["name"]: cheat["verdict"] for cheat in document["cheat"]}
    assert {cheats[name] for name in ("int4", "null", "cut-off", "other-problem")} == {"refused"}
    assert "other-replies" in document["measured"]["inapplicable"]
    assert document["limits"]["reply"] == 0


def test_too_few_tokens_for_a_dialogue(plan: TaskPlan) -> None:
    short = dataclasses.replace(plan, terms=dataclasses.replace(plan.terms, max_tokens=7))
    with pytest.raises(ConfigError, match="longest dialogue"):
        setting_of(short)
