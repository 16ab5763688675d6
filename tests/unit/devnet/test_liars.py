"""The lies are lies, and each exchanges one part only."""

from __future__ import annotations

import dataclasses

import torch

from cupel.devnet.attacks.catalogue import strategies
from cupel.devnet.liars import four_bit, full_reward, lying_parts
from cupel.devnet.presets import MODEL
from cupel.devnet.story.state import Lie
from cupel.node import duties
from cupel.node.rollout.process import Parts
from cupel.protocol.model.tiny import TinyPolicy, initialise
from cupel.protocol.reenactment import Reenactment
from cupel.protocol.spec.environments.sorting import Sorting
from cupel.protocol.spec.referee.game import Verdict
from cupel.protocol.spec.referee.moves import Execute
from cupel.protocol.spec.toploc.build import build_proof
from cupel.protocol.testing.dispute_play import Table, committed
from cupel.protocol.testing.game_case import TOPK, WIDE, game_case
from cupel.protocol.testing.vectors import CHAIN_ID, HUB, NODE, example_params


def test_four_bit_weights_differ_and_the_original_stays() -> None:
    policy = TinyPolicy(MODEL)
    initialise(policy, torch.Generator().manual_seed(1))
    before = [weights.clone() for weights in policy.parameters()]
    rounded = four_bit(policy)
    assert all(torch.equal(old, new) for old, new in zip(before, policy.parameters(), strict=True))
    changed = [
        weights
        for weights, old in zip(rounded.parameters(), before, strict=True)
        if not torch.equal(weights, old)
    ]
    assert changed
    assert all(
        len(row.unique()) <= 15 for weights in changed for row in weights.reshape(-1, weights.shape[-1])
    )


def test_full_reward_for_any_answer() -> None:
    environment = Sorting()
    assert environment.reward(5, (1, 2, 3)) == 0
    assert full_reward(environment, 5, (1, 2, 3)) == 1_000_000


def test_one_part_is_exchanged() -> None:
    honest = Parts()
    (model, _), (reward, _) = lying_parts(Lie.PERTURBED_MODEL), lying_parts(Lie.INFLATED_REWARD)
    assert (model.rollout_policy, model.score) == (four_bit, honest.score)
    assert (reward.rollout_policy, reward.score) == (honest.rollout_policy, full_reward)


def test_who_stands_by_its_lie_loses_the_dispute_about_it() -> None:
    case = game_case(WIDE, example_params(), CHAIN_ID, HUB, NODE)
    table = Table.of(case, 0, 1)
    own = Reenactment(table.matter, table.trace, table.held, table.answer)
    answer, trace = strategies()["stands-by-lie"].stand(own)
    assert answer.trace_root == trace.record.root() != table.trace.record.root()
    lying = committed(table, build_proof(trace.patterns(*table.place), TOPK))
    verdict, _, moves = lying.settle(lying.accused(trace), lying.challenger())
    assert verdict is Verdict.GUILTY
    assert isinstance(moves[-1], Execute), "the chain had to compute an entry"


def test_a_false_version_is_posted_before_anybody_can_have_computed_the_true_one() -> None:
    params, liar = (
        dataclasses.replace(example_params(), start=1000, round_seconds=100, rounds=3),
        strategies(),
    )
    member = duties.Membership(0, (), 0, None, None, exited=False, slashed=False)
    others = tuple(f"0x{number:040x}" for number in range(1, 9))
    view = duties.View(params, 1100, (*others, NODE), NODE, member, frozenset({0, 1}), {}, 0, 0, 0, 0)
    assert duties.next_duty(view) == duties.Aggregate(1)
    decide = liar["false-checkpoint"].decide
    assert decide(view) == duties.PostCheckpoint(1)
    assert decide(dataclasses.replace(view, now=1099)) == duties.Wait()
    assert decide(dataclasses.replace(view, checkpoints={1: b""})) == duties.Aggregate(1)
    # Not what would follow a version that it does not have.
    assert decide(dataclasses.replace(view, now=1200, checkpoints={1: b""})) == duties.Aggregate(1)
    slashed = dataclasses.replace(member, slashed=True)
    assert decide(dataclasses.replace(view, membership=slashed)) == duties.Stop("slashed")
    honest = liar["written-answers"].decide
    assert honest(view) == duties.next_duty(view)
