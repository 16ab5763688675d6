"""Training on a commitment's rollouts, as its node should have: the update compared, and the state behind it."""

from __future__ import annotations

from collections.abc import Mapping

from cupel.protocol.spec.assignment import round_seed
from cupel.protocol.spec.replay import ReplayRule
from cupel.protocol.spec.updates import codec_of, max_exponent_of
from cupel.protocol.training.round import RoundWork, Weights, needed_versions, train
from cupel.protocol.training.state import TrainerState, fresh_state, quantise
from cupel.protocol.training.trainer import exactly
from cupel.verifier.checks.base import FetchedSubmission, Finding
from cupel.verifier.checks.training import ReplayedUpdate, check_partial, check_training, is_partial, near


def versions_needed(submission: FetchedSubmission) -> tuple[int, ...]:
    """Canonical versions whose weights training takes. A node trains from the version that it samples with."""
    number = submission.manifest.policy.version
    return needed_versions(submission.rules.spec.recipe, number, number)


def judge_training(
    submission: FetchedSubmission, weights: Mapping[int, Weights], state: TrainerState, rule: ReplayRule
) -> tuple[Finding | None, TrainerState]:
    """What training again says of an update, and the node's state behind it. After every other check.

    weights: float32 [parameters] of `versions_needed`; state: behind the node's commitment before. A node that lost its
    state begins afresh, and is believed. It is taken at its word for the number of steps, and trained for just as many.
    """
    if is_partial(submission):
        return check_partial(submission), state
    begun = [state] if state.steps == 0 else [state, fresh_state(submission.rules.num_parameters)]
    replays = []
    for start in begun:
        replayed, behind = _replayed(submission, weights, start)
        if near(submission, replayed, rule)[0]:
            return None, behind
        replays.append(replayed)
    return check_training(submission, replays, rule), state


def _replayed(
    submission: FetchedSubmission, weights: Mapping[int, Weights], start: TrainerState
) -> tuple[ReplayedUpdate, TrainerState]:
    spec = submission.rules.spec
    steps = exactly(spec.recipe.steps_behind(submission.manifest.inner_steps))
    trained = train(round_work(submission), weights, start, steps)
    update, behind = quantise(trained.pseudo_gradient, trained.state, max_exponent_of(spec), codec_of(spec))
    return ReplayedUpdate(update, silent=not trained.pseudo_gradient.any()), behind


def round_work(submission: FetchedSubmission) -> RoundWork:
    """What a node has to train on."""
    rules, work, version = submission.rules, submission.work, submission.manifest.policy.version
    seed = round_seed(rules.chain_id, rules.hub, rules.task, work.node, work.round, submission.beacon)
    return RoundWork(
        rules.params, rules.spec, rules.environment, work.round, seed, version, version, submission.rollouts
    )
