"""What the processes hand each other comes out as it went in."""

import dataclasses
from pathlib import Path

import pytest

from cupel.node.pipeline.rounds import Order, RoundFiles
from cupel.node.pipeline.workshop import (
    KEPT_ROUNDS,
    Status,
    Task,
    Trained,
    Workshop,
    announce_task,
    current_task,
)
from cupel.protocol.spec.rollout import Rollout
from cupel.protocol.testing.builders import example_spec
from cupel.protocol.testing.vectors import example_params

SPEC = example_spec()
PARAMS = dataclasses.replace(example_params(), spec_digest=SPEC.digest)
ORDER = Order(2, b"\1" * 32, 1, b"\2" * 32, 1, 0)
ROLLOUTS = tuple(
    Rollout(problem, bytes([problem]) * 32, (1, 2, 3), 5, (bytes(2 + 2 * PARAMS.topk),))
    for problem in range(3)
)


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path / "task")


def test_the_task(workshop: Workshop) -> None:
    assert workshop.task() is None
    workshop.save_task(Task(PARAMS, SPEC))
    assert workshop.task() == Task(PARAMS, SPEC)


def test_only_the_living_publishers_word_counts(tmp_path: Path) -> None:
    assert current_task(tmp_path, 7) is None
    announce_task(tmp_path, "abc", 7)
    assert current_task(tmp_path, 7) == tmp_path / "abc"
    assert current_task(tmp_path, 8) is None


def test_a_round_from_its_order_to_its_end(workshop: Workshop) -> None:
    assert workshop.rounds() == ()
    workshop.place(ORDER)
    workshop.place(dataclasses.replace(ORDER, sampler=0))  # an order stays as it was given
    assert workshop.order(2) == ORDER
    assert workshop.rounds() == (RoundFiles(2),)
    workshop.save_batch(2, 0, ROLLOUTS, PARAMS)
    assert (workshop.batch(2, 0, PARAMS), workshop.batch(2, 1, PARAMS)) == (ROLLOUTS, None)
    assert (workshop.num_batches(2), workshop.rollouts(2)) == (1, None)
    workshop.seal_rollouts(2, ROLLOUTS, PARAMS)
    assert (workshop.num_batches(2), workshop.rounds()) == (0, (RoundFiles(2, rolled=True),))
    trained = Trained(b"update", b"state")
    for made in (Trained(b"other", b"state", inner_steps=3), trained):
        workshop.save_trained(2, made)
        assert workshop.trained(2) == made
    assert workshop.rounds() == (RoundFiles(2, rolled=True, trained=True),)
    workshop.close(2, "committed")
    (files,) = workshop.rounds()
    assert files.closed
    assert workshop.outcomes() == {2: "committed"}


def test_a_torn_batch_is_made_again(workshop: Workshop) -> None:
    workshop.save_batch(2, 0, ROLLOUTS, PARAMS)
    (path,) = workshop.folder.glob("round-*/batch-*")
    path.write_bytes(path.read_bytes()[:-1])
    assert workshop.batch(2, 0, PARAMS) is None


def test_a_refusal_names_who_refused(workshop: Workshop) -> None:
    workshop.place(ORDER)
    assert workshop.refusal(2) is None
    workshop.refuse(2, "trainer", "policy-version: too old")
    assert workshop.refusal(2) == "the trainer process: policy-version: too old"
    assert workshop.rounds() == (RoundFiles(2, refused=True),)


def test_reports_and_status_that_are_damaged_are_none(workshop: Workshop) -> None:
    workshop.report(2, "trainer", {"loss": 0.5})
    assert workshop.reported(2, "trainer") == {"loss": 0.5}
    assert workshop.reported(2, "rollouts") == {}
    status = Status(4, 2, "", "", False)
    workshop.save_status("trainer", status)
    assert workshop.status("trainer") == status
    for path in (workshop.folder / "status-trainer", *workshop.folder.glob("round-*/trainer.json")):
        path.write_bytes(b"[1")
    assert (workshop.status("trainer"), workshop.reported(2, "trainer")) == (None, {})


def test_what_is_needed_no_more_is_swept(workshop: Workshop) -> None:
    for version in range(5):
        workshop.save_version(version, b"manifest", bytes([version]))
    for number in range(KEPT_ROUNDS + 3):
        workshop.place(dataclasses.replace(ORDER, round=number))
        if number:  # round 0 stays open: nothing of it is lost
            workshop.close(number, "missed")
    workshop.sweep(3, spared_version=0)
    held = [version for version in range(5) if workshop.version(version) is not None]
    assert held == [0, 3, 4]
    assert [files.round for files in workshop.rounds()] == [0, *range(3, KEPT_ROUNDS + 3)]
