"""A float engine's proofs before the referee: the honest pass, four-bit weights do not, and the game ends so."""

import dataclasses

import numpy as np
import pytest
import torch

from cupel.protocol.model.canonical import CanonicalVersion, make_version
from cupel.protocol.model.checkpoint import genesis
from cupel.protocol.model.generate import generate
from cupel.protocol.model.layout import layout_of
from cupel.protocol.model.quantise import quantised
from cupel.protocol.model.tiny import TinyPolicy, initialise
from cupel.protocol.model.weights import flatten, load_weights, policy_of
from cupel.protocol.reenactment import Reenactment, can_settle, matter_of, reenact
from cupel.protocol.spec import merkle
from cupel.protocol.spec.environments.sorting import Sorting
from cupel.protocol.spec.referee.game import Game, Terms, Verdict, begin
from cupel.protocol.spec.referee.players import Challenger, accused_move
from cupel.protocol.spec.referee.rules import play
from cupel.protocol.spec.referee.sides import Trace, trace_of
from cupel.protocol.spec.rollout import Commitment, LeafContext, Rollout, leaf_hash, make_leaf
from cupel.protocol.spec.sampling import gumbel_noise
from cupel.protocol.spec.task import NOTHING_PINNED, Pinned
from cupel.protocol.spec.toploc import build_proofs_batch
from cupel.protocol.testing.builders import example_spec
from cupel.protocol.testing.vectors import CHAIN_ID, HUB, NODE, TASK, example_params

SPEC = example_spec()
PARAMS = dataclasses.replace(example_params(), chunk_tokens=4, topk=32)
TERMS = Terms(SPEC.model, SPEC.thresholds, clock_seconds=60, grace_seconds=5)
COUNT = 3


def version() -> CanonicalVersion:
    policy, layout = TinyPolicy(SPEC.model), layout_of(SPEC.model)
    initialise(policy, torch.Generator().manual_seed(5))
    return make_version(0, None, genesis(flatten(policy, layout)), layout)


VERSION = version()
ENVIRONMENT = Sorting()


def rollouts(bits: int | None) -> list[Rollout]:
    """Completions of the version's policy, or of it with rounded weights."""
    policy = policy_of(SPEC.model, VERSION.state)
    engine = policy if bits is None else quantised(policy, bits)
    prompts = np.array([ENVIRONMENT.prompt(problem) for problem in range(COUNT)])
    seeds = [bytes([number]) * 32 for number in range(COUNT)]
    noise = np.stack([gumbel_noise(seed, 9, ENVIRONMENT.vocabulary) for seed in seeds])
    made = generate(engine, prompts, noise, ENVIRONMENT.end_token, 1.0)
    proofs = build_proofs_batch(made.hidden, made.lengths, PARAMS.chunk_tokens, PARAMS.topk)
    return [
        Rollout(
            problem, seeds[problem], tuple(made.tokens[problem, :length].tolist()), 0, tuple(proofs[problem])
        )
        for problem, length in enumerate(made.lengths.tolist())
    ]


def reenacted(work: list[Rollout], rollout: int, chunk: int) -> Reenactment:
    leaves = [make_leaf(index, one, 0, VERSION.digest, PARAMS.chunk_tokens) for index, one in enumerate(work)]
    context = LeafContext(CHAIN_ID, HUB, TASK, NODE, 0, 0)
    root = merkle.root([leaf_hash(context, leaf) for leaf in leaves])
    commitment = Commitment(0, 0, root, bytes(32), COUNT, 0)
    matter = matter_of(TERMS, PARAMS, context, commitment, rollout, chunk)
    return reenact(matter, work, leaves, VERSION)


def test_a_float_engines_proofs_pass_and_rounded_weights_do_not() -> None:
    for bits in (None, 4):
        work = rollouts(bits)
        for rollout, one in enumerate(work):
            for chunk in range(len(one.proofs)):
                assert (reenacted(work, rollout, chunk).refusal is not None) == (bits is not None)


def settle(accused: Reenactment, trace: Trace, challenger: Reenactment) -> Verdict:
    """The game of an accused that opens this trace."""
    game = begin(TERMS, 0)
    answer = accused.standing_by(trace)
    other = Challenger(challenger.matter, challenger.trace, challenger.held)
    while True:
        move = other.move(game) if game.is_challengers else accused_move(game, trace, answer)
        if move is None:
            return Verdict.NOT_GUILTY
        outcome = play(game, accused.matter, move, 0)
        if isinstance(outcome, Verdict):
            return outcome
        assert isinstance(outcome, Game)
        game = outcome


def test_a_cheat_that_stands_by_its_own_weights_loses_and_the_honest_does_not() -> None:
    honest, cheat = reenacted(rollouts(None), 1, 0), reenacted(rollouts(4), 1, 0)
    assert settle(honest, honest.trace, honest) is Verdict.NOT_GUILTY
    assert settle(cheat, cheat.trace, cheat) is Verdict.GUILTY
    rounded = policy_of(SPEC.model, VERSION.state)
    load_weights(rounded, VERSION.layout, flatten(quantised(rounded, 4), VERSION.layout))
    integers = np.rint(flatten(rounded, VERSION.layout).astype(np.float64) * 2**20)
    tensors = {name: values.astype(np.int64) for name, values in VERSION.layout.split(integers).items()}
    false = trace_of(SPEC.model, tensors, cheat.trace.tokens)
    # Its proof passes against its own trace: the chain has to look for the step.
    assert play(begin(TERMS, 0), cheat.matter, cheat.standing_by(false), 0) is not Verdict.GUILTY
    assert settle(cheat, false, cheat) is Verdict.GUILTY


def test_a_chunk_that_the_rollout_does_not_have_is_answered_by_its_leaf() -> None:
    work = rollouts(None)
    one = reenacted(work, 1, len(work[1].proofs))
    assert play(begin(TERMS, 0), one.matter, one.answer, 0) is Verdict.NOT_GUILTY


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"reward_rule": NOTHING_PINNED}, False),
        ({"dispute_seconds": TERMS.needed_seconds - 1}, False),
        ({"dispute_seconds": TERMS.needed_seconds}, True),
    ],
)
def test_which_tasks_a_judge_settles(changes: dict[str, int | Pinned], expected: bool) -> None:
    assert can_settle(TERMS, dataclasses.replace(PARAMS, **changes), SPEC) is expected  # type: ignore[arg-type]


def test_a_judge_of_another_model_or_other_thresholds_settles_nothing() -> None:
    for terms in (
        dataclasses.replace(TERMS, shape=dataclasses.replace(SPEC.model, layers=3)),
        dataclasses.replace(
            TERMS, thresholds=dataclasses.replace(SPEC.thresholds, max_exponent_mismatches=5)
        ),
    ):
        assert not can_settle(terms, PARAMS, SPEC)
