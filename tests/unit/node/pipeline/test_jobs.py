"""The rollout process's and the trainer's parts of a round: functions of files, whatever was killed in between."""

import dataclasses
import pickle
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from cupel.node.pipeline.rounds import Order, WaitFor
from cupel.node.pipeline.worker import Clock
from cupel.node.pipeline.workshop import Task, Trained, Workshop
from cupel.node.rollout import worker as rollout_worker
from cupel.node.rollout.process import Parts, RolloutJob
from cupel.node.training.process import TrainerJob
from cupel.protocol.environments.process import EnvironmentFailed
from cupel.protocol.model.canonical import CanonicalVersion, make_version
from cupel.protocol.model.checkpoint import genesis
from cupel.protocol.model.layout import layout_of
from cupel.protocol.model.tiny import TinyPolicy, initialise
from cupel.protocol.model.weights import flatten
from cupel.protocol.spec.environments.base import Environment
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.task import MILLION, ModelShape
from cupel.protocol.testing.builders import example_spec
from cupel.protocol.testing.vectors import example_params
from cupel.protocol.training import trainer

_SPEC = example_spec()
SPEC = dataclasses.replace(_SPEC, model=dataclasses.replace(_SPEC.model, layers=1, width=32, feed_forward=64))
PARAMS = dataclasses.replace(example_params(), spec_digest=SPEC.digest, problems_per_round=4, group_size=4)


def version_of(shape: ModelShape, number: int) -> CanonicalVersion:
    policy, layout = TinyPolicy(shape), layout_of(shape)
    initialise(policy, torch.Generator().manual_seed(number))
    parent = bytes(32) if number else None
    return make_version(number, parent, genesis(flatten(policy, layout)), layout)


VERSIONS = [version_of(SPEC.model, number) for number in range(2)]


def first_token_even(environment: Environment, problem: int, tokens: Sequence[int]) -> int:
    """A reward that differs within groups."""
    return MILLION if tokens[0] % 2 == 0 else 0


PARTS = Parts(score=first_token_even)


def order(number: int, sampler: int = 0, base: int = 0, after: int | None = None) -> Order:
    return Order(
        number, b"\3" * 32, sampler, VERSIONS[sampler].digest, base, number if after is None else after
    )


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return new_workshop(tmp_path)


def new_workshop(folder: Path) -> Workshop:
    workshop = Workshop(folder)
    workshop.save_task(Task(PARAMS, SPEC))
    for version in VERSIONS:
        workshop.save_version(version.version, version.manifest.to_bytes(), version.file)
    return workshop


def placed(workshop: Workshop, number: int) -> Order:
    order = workshop.order(number)
    assert order is not None
    return order


def roll(workshop: Workshop, number: int, parts: Parts = PARTS) -> WaitFor | None:
    return RolloutJob(workshop, Clock(time.monotonic), parts).work(placed(workshop, number))


def train(workshop: Workshop, number: int) -> Trained:
    assert TrainerJob(workshop, Clock(time.monotonic)).work(placed(workshop, number)) is None
    trained = workshop.trained(placed(workshop, number))
    assert trained is not None
    return trained


def test_both_wait_for_a_version_by_name(tmp_path: Path) -> None:
    workshop = Workshop(tmp_path)
    workshop.save_task(Task(PARAMS, SPEC))
    workshop.place(order(0))
    wanted = WaitFor("publisher", "version 0 of the weights")
    assert roll(workshop, 0) == wanted
    assert TrainerJob(workshop, Clock(time.monotonic)).work(placed(workshop, 0)) == wanted


def test_rollouts_go_on_with_the_batches_that_were_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollout_worker, "BATCH_ROLLOUTS", 6)
    whole, resumed = new_workshop(tmp_path / "whole"), new_workshop(tmp_path / "resumed")
    for workshop in (whole, resumed):
        workshop.place(order(0))
    assert roll(whole, 0) is None
    asked: list[int] = []

    def power_cut(environment: Environment, problem: int, tokens: Sequence[int]) -> int:
        asked.append(problem)
        if len(asked) == 9:
            raise KeyboardInterrupt
        return first_token_even(environment, problem, tokens)

    with pytest.raises(KeyboardInterrupt):
        roll(resumed, 0, Parts(score=power_cut))
    assert (resumed.num_batches(placed(resumed, 0)), resumed.rollouts(placed(resumed, 0))) == (1, None)
    assert roll(resumed, 0, Parts(score=power_cut)) is None
    assert len(asked) == 9 + PARAMS.units_per_round - 6
    assert resumed.rollouts(placed(resumed, 0)) == whole.rollouts(placed(whole, 0))
    assert whole.reported(placed(whole, 0), "rollouts")["tokens"] > 0


def test_a_version_that_turned_out_to_be_false_is_replaced_for_both(tmp_path: Path) -> None:
    """Whoever took it from a poster that was slashed would otherwise go on with its weights under the true digest."""
    false = make_version(1, bytes(32), version_of(SPEC.model, 99).state, VERSIONS[1].layout)
    wanted, deceived = new_workshop(tmp_path / "wanted"), new_workshop(tmp_path / "deceived")
    deceived.save_version(1, false.manifest.to_bytes(), false.file)
    clock = Clock(time.monotonic)
    rollouts, trainer = RolloutJob(deceived, clock, PARTS), TrainerJob(deceived, clock)
    deceived.place(dataclasses.replace(order(1, sampler=1, base=1), sampler_digest=false.digest))
    assert rollouts.work(placed(deceived, 1)) is None
    deceived.close(1, "missed")
    true = VERSIONS[1]
    deceived.save_version(1, true.manifest.to_bytes(), true.file)
    for workshop in (wanted, deceived):
        workshop.place(order(2, sampler=1, base=1))
    assert (roll(wanted, 2), rollouts.work(placed(deceived, 2)), trainer.work(placed(deceived, 2))) == (
        None,
        None,
        None,
    )
    assert deceived.rollouts(placed(deceived, 2)) == wanted.rollouts(placed(wanted, 2))
    assert deceived.trained(placed(deceived, 2)) == train(wanted, 2)


@pytest.mark.parametrize("number", [3, 12])
def test_rollouts_over_age_are_neither_made_nor_trained_on(workshop: Workshop, number: int) -> None:
    workshop.place(order(number))
    for job in (
        RolloutJob(workshop, Clock(time.monotonic), PARTS),
        TrainerJob(workshop, Clock(time.monotonic)),
    ):
        with pytest.raises(Rejected) as error:
            job.work(placed(workshop, number))
        assert error.value.reason is Reason.POLICY_VERSION
    workshop.place(order(2))
    assert roll(workshop, 2) is None


@pytest.mark.parametrize("shape", [{"width": 16}, {"layers": 2}, {"vocabulary": 128}])
def test_a_checkpoint_of_wrong_shapes_is_refused(tmp_path: Path, shape: dict[str, int]) -> None:
    wrong = version_of(dataclasses.replace(SPEC.model, **shape), 0)
    workshop = Workshop(tmp_path)
    workshop.save_task(Task(PARAMS, SPEC))
    workshop.save_version(0, wrong.manifest.to_bytes(), wrong.file)
    workshop.place(dataclasses.replace(order(0), sampler_digest=wrong.digest))
    for job in (
        RolloutJob(workshop, Clock(time.monotonic), PARTS),
        TrainerJob(workshop, Clock(time.monotonic)),
    ):
        with pytest.raises(Rejected) as error:
            job.work(placed(workshop, 0))
        assert error.value.reason in (Reason.CHECKPOINT, Reason.SIZE)


def test_an_environment_that_fails_leaves_nothing(workshop: Workshop) -> None:
    def hang(environment: Environment, problem: int, tokens: Sequence[int]) -> int:
        raise EnvironmentFailed("it gave no answer within 20 s")

    workshop.place(order(0))
    with pytest.raises(EnvironmentFailed):
        roll(workshop, 0, Parts(score=hang))
    assert workshop.rollouts(placed(workshop, 0)) is None


def test_training_twice_gives_the_same_bits_and_goes_on_from_the_state_named(tmp_path: Path) -> None:
    results = []
    for name in ("one", "two"):
        workshop = new_workshop(tmp_path / name)
        workshop.place(order(0))
        workshop.place(order(1, sampler=0, base=1, after=0))
        for number in (0, 1):
            assert roll(workshop, number) is None
            first = train(workshop, number)
            assert train(workshop, number) == first  # killed before anybody looked, it is only made again
            results.append(first)
    assert results[:2] == results[2:]
    assert results[0].update != results[1].update
    fresh = new_workshop(tmp_path / "fresh")
    fresh.place(order(1, sampler=0, base=1))
    assert roll(fresh, 1) is None
    assert train(fresh, 1).update != results[1].update
    assert fresh.reported(placed(fresh, 1), "trainer")["notes"] == []


@pytest.mark.parametrize("damage", [None, b"torn"])
def test_a_state_that_is_lost_is_begun_again_and_told(workshop: Workshop, damage: bytes | None) -> None:
    workshop.place(order(0))
    if damage is not None:
        workshop.save_trained(placed(workshop, 0), Trained(b"update", damage))
    workshop.place(order(1, after=0))
    assert roll(workshop, 1) is None
    train(workshop, 1)
    (note,) = workshop.reported(placed(workshop, 1), "trainer")["notes"]
    assert "its state after round 0 is " + ("gone" if damage is None else "damaged") in note


def test_what_a_new_process_needs_can_be_imported_there() -> None:
    assert pickle.loads(pickle.dumps(Parts())) == Parts()


@pytest.mark.parametrize(("seconds", "stated"), [(0.01, 0), (12.5, 0), (13.0, 7), (30.0, 3), (60.0, 2)])
def test_a_slow_trainer_does_fewer_steps_and_is_on_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float, stated: int
) -> None:
    """Of eight steps, two at least, on machines where one takes so long; a hundred seconds are left."""
    recipe = dataclasses.replace(SPEC.recipe, inner_steps=8, least_inner_steps=2)
    spec = dataclasses.replace(SPEC, recipe=recipe)
    workshop = Workshop(tmp_path)
    workshop.save_task(Task(dataclasses.replace(PARAMS, spec_digest=spec.digest), spec))
    workshop.save_version(0, VERSIONS[0].manifest.to_bytes(), VERSIONS[0].file)
    workshop.place(dataclasses.replace(order(0), train_until=1_000_100))
    assert roll(workshop, 0) is None
    passed, step = [0.0], trainer._accumulate

    def slow_step(*parts: Any) -> Any:
        passed[0] += seconds
        return step(*parts)

    monkeypatch.setattr(trainer, "_accumulate", slow_step)
    clock = Clock(lambda: passed[0])
    assert TrainerJob(workshop, clock, today=lambda: 1_000_000 + passed[0]).work(placed(workshop, 0)) is None
    trained = workshop.trained(placed(workshop, 0))
    assert trained is not None
    assert trained.inner_steps == stated
    assert workshop.reported(placed(workshop, 0), "trainer")["steps"] == (stated or 8)
    if stated > recipe.least_inner_steps:
        assert 100 - seconds < passed[0] <= 100
