"""Updates against training again: what an honest node publishes passes, and lies do not."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cupel.protocol.model.layout import layout_of
from cupel.protocol.model.weights import flatten
from cupel.protocol.spec.diloco.blocks import Update
from cupel.protocol.spec.errors import Reason
from cupel.protocol.spec.recipe import GRPO, SFT
from cupel.protocol.spec.replay import ReplayRule
from cupel.protocol.spec.updates import codec_of, empty_update, max_exponent_of
from cupel.protocol.training.round import train
from cupel.protocol.training.state import TrainerState, fresh_state, quantise, state_to_bytes
from cupel.protocol.training.trainer import exactly
from cupel.verifier.checks.base import FetchedSubmission
from cupel.verifier.replays import ReplayPending, Replays, StateUnknown
from cupel.verifier.retraining import judge_training, round_work

OTHER = "0x3000000000000000000000000000000000000003"
RULE = ReplayRule(300)


@pytest.fixture(scope="module")
def court(world: Any) -> Any:
    """The tests' world with a recipe that learns from every round, and updates that are checked."""
    recipe = dataclasses.replace(world.rules.spec.recipe, objective=SFT, inner_steps=2)
    spec = dataclasses.replace(world.rules.spec, recipe=recipe, replay=RULE)
    return dataclasses.replace(world, rules=dataclasses.replace(world.rules, spec=spec))


def weights_of(court: Any) -> dict[int, Any]:
    return {4: flatten(court.policy, layout_of(court.rules.spec.model))}


def honest(
    court: Any, state: TrainerState, node: str | None = None, round_index: int = 5
) -> tuple[FetchedSubmission, TrainerState]:
    """A round as the node's trainer does it, and the node's own state behind it."""
    place = dataclasses.replace(court, node=node or court.node, round=round_index, sequence=round_index - 2)
    blank = place.submission(place.roll_out(court.policy))
    trained = train(round_work(blank), weights_of(court), state)
    spec = court.rules.spec
    update, behind = quantise(trained.pseudo_gradient, trained.state, max_exponent_of(spec), codec_of(spec))
    return with_update(place, blank, update), behind


def with_update(court: Any, submission: FetchedSubmission, update: Update) -> FetchedSubmission:
    file = codec_of(court.rules.spec).to_bytes(update, court.rules.num_parameters)
    return dataclasses.replace(submission, update_file=file)


def fresh(court: Any) -> TrainerState:
    return fresh_state(court.rules.num_parameters)


def judged(court: Any, submission: FetchedSubmission, state: TrainerState | None = None) -> Any:
    return judge_training(submission, weights_of(court), state or fresh(court), RULE)


def test_an_honest_node_passes_and_its_state_is_known_to_the_bit(court: Any) -> None:
    own = ours = fresh(court)
    for round_index in (4, 5, 6):
        submission, own = honest(court, own, round_index=round_index)
        finding, ours = judged(court, submission, ours)
        assert finding is None
        assert state_to_bytes(ours) == state_to_bytes(own)
    assert np.abs(own.remainder).max() > 0


def paced(court: Any) -> Any:
    """The same court where slow nodes may do 1 of 8 steps."""
    recipe = dataclasses.replace(court.rules.spec.recipe, inner_steps=8, least_inner_steps=1)
    spec = dataclasses.replace(court.rules.spec, recipe=recipe)
    return dataclasses.replace(court, rules=dataclasses.replace(court.rules, spec=spec))


def slow(
    court: Any, done: int, stated: int, state: TrainerState, round_index: int = 5
) -> tuple[FetchedSubmission, TrainerState]:
    """A round of a node that did so many steps, and stated so many."""
    place = dataclasses.replace(court, round=round_index, sequence=round_index - 2)
    blank = place.submission(place.roll_out(court.policy), manifest={"inner_steps": stated})
    trained = train(round_work(blank), weights_of(court), state, exactly(done))
    spec = court.rules.spec
    update, behind = quantise(trained.pseudo_gradient, trained.state, max_exponent_of(spec), codec_of(spec))
    return with_update(place, blank, update), behind


def test_a_slow_node_is_followed_through_rounds_of_different_lengths(court: Any) -> None:
    court = paced(court)
    own = ours = fresh(court)
    for round_index, (done, stated) in enumerate([(1, 1), (8, 0), (5, 5)], 4):
        submission, own = slow(court, done, stated, own, round_index)
        finding, ours = judged(court, submission, ours)
        assert finding is None
        assert state_to_bytes(ours) == state_to_bytes(own)
    assert ours.steps == 14


@pytest.mark.parametrize(("done", "stated"), [(1, 0), (1, 7), (8, 1), (3, 6), (6, 3)])
def test_a_false_number_of_steps_is_found_as_any_false_update(court: Any, done: int, stated: int) -> None:
    court = paced(court)
    submission, _ = slow(court, done, stated, fresh(court))
    finding, _ = judged(court, submission)
    assert finding is not None
    assert finding.reason is Reason.TRAINING
    assert int(finding.observed) > int(finding.allowed) == 300


def lies(court: Any) -> dict[str, Update]:
    submission, _ = honest(court, fresh(court))
    others, _ = honest(court, fresh(court), node=OTHER)
    true = submission.update
    return {
        "zeros": empty_update(court.rules.spec, court.rules.num_parameters),
        "opposite": Update(-true.mantissas, true.exponents),
        "copied": others.update,
        "half": Update((true.mantissas / 2).astype(np.int8), true.exponents),
    }


@pytest.mark.parametrize("lie", ["zeros", "opposite", "copied", "half"])
def test_an_update_that_does_not_follow_from_the_rollouts_is_found(court: Any, lie: str) -> None:
    submission, _ = honest(court, fresh(court))
    finding, _ = judged(court, with_update(court, submission, lies(court)[lie]))
    assert finding is not None
    assert finding.reason is (Reason.ZERO_UPDATE if lie == "zeros" else Reason.TRAINING)
    assert int(finding.observed) > int(finding.allowed) == 300


def test_whoever_was_copied_passes(court: Any) -> None:
    """A copier may be first on the chain: order says nothing of who trained."""
    others, _ = honest(court, fresh(court), node=OTHER)
    copy = with_update(court, honest(court, fresh(court))[0], others.update)
    assert judged(court, copy)[0] is not None
    assert judged(court, others)[0] is None


def test_a_node_that_lost_its_state_is_believed(court: Any) -> None:
    _, own = honest(court, fresh(court), round_index=4)
    again, behind = honest(court, fresh(court))
    finding, ours = judged(court, again, own)
    assert finding is None
    assert state_to_bytes(ours) == state_to_bytes(behind)


def test_where_nothing_was_to_be_learned_zeros_pass_and_nothing_else(court: Any) -> None:
    recipe = dataclasses.replace(court.rules.spec.recipe, objective=GRPO)
    spec = dataclasses.replace(court.rules.spec, recipe=recipe)
    silent = dataclasses.replace(court, rules=dataclasses.replace(court.rules, spec=spec))
    equal = [dataclasses.replace(one, reward=0) for one in silent.rollouts]
    submission = silent.submission(equal)
    assert not submission.update.mantissas.any()
    assert judged(silent, submission)[0] is None
    moved = with_update(silent, submission, lies(court)["copied"])
    finding, _ = judged(silent, moved)
    assert finding is not None
    # What rounding left out of the round before may be made up for, or lost.
    _, state = honest(court, fresh(court), round_index=4)
    left_over, _ = codec_of(spec).encode(state.remainder, max_exponent_of(spec))
    assert judged(silent, with_update(silent, submission, left_over), state)[0] is None
    assert judged(silent, submission, state)[0] is None


def test_of_a_part_of_a_round_only_zeros_pass_and_the_state_stays(court: Any) -> None:
    _, state = honest(court, fresh(court), round_index=4)
    part = court.submission(court.rollouts[:4])
    assert judged(court, part, state) == (None, state)
    finding, _ = judged(court, with_update(court, part, lies(court)["copied"]), state)
    assert finding is not None
    assert finding.reason is Reason.TRAINING


class Trains:
    """Trains as an auditor does, and counts."""

    def __init__(self, court: Any) -> None:
        self.rules = court.rules
        self.count = 0
        self._weights = weights_of(court)

    async def retrain(self, submission: Any, state: TrainerState, rule: ReplayRule) -> Any:
        self.count += 1
        return judge_training(submission, self._weights, state, rule)


def check(replays: Replays, submission: FetchedSubmission, before: Any = None, is_open: bool = False) -> Any:
    return asyncio.run(replays.check(submission, before, is_open))


def test_a_nodes_rounds_are_replayed_in_order_also_after_a_restart(court: Any, tmp_path: Path) -> None:
    auditor: Any = Trains(court)
    first, own = honest(court, fresh(court), round_index=4)
    second, _ = honest(court, own, round_index=5)
    replays = Replays(auditor, tmp_path)
    with pytest.raises(ReplayPending):
        check(replays, second, first.work, is_open=True)
    assert check(replays, first) is None
    assert check(Replays(auditor, tmp_path), second, first.work) is None
    assert [path.name for path in tmp_path.iterdir()] == [f"{court.node}-3.state"]


def test_what_was_judged_is_not_trained_again(court: Any, tmp_path: Path) -> None:
    auditor: Any = Trains(court)
    submission, _ = honest(court, fresh(court))
    false = with_update(court, submission, lies(court)["opposite"])
    replays = Replays(auditor, tmp_path)
    assert check(replays, false) is check(replays, false)
    assert auditor.count == 1
    assert list(tmp_path.iterdir()) == []


def test_behind_a_round_that_was_not_replayed_nothing_can_be_said(court: Any, tmp_path: Path) -> None:
    auditor: Any = Trains(court)
    first, own = honest(court, fresh(court), round_index=4)
    second, _ = honest(court, own)
    replays = Replays(auditor, tmp_path)
    with pytest.raises(StateUnknown):
        check(replays, second, first.work)
    (tmp_path / f"{court.node}-2.state").write_bytes(b"torn")
    with pytest.raises(StateUnknown):
        check(replays, second, first.work)
    assert auditor.count == 0
