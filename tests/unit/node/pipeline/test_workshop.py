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
    assert workshop.order(2) == ORDER
    assert workshop.rounds() == (RoundFiles(2),)
    workshop.save_batch(ORDER, 0, ROLLOUTS, PARAMS)
    assert (workshop.batch(ORDER, 0, PARAMS), workshop.batch(ORDER, 1, PARAMS)) == (ROLLOUTS, None)
    assert (workshop.num_batches(ORDER), workshop.rollouts(ORDER)) == (1, None)
    workshop.seal_rollouts(ORDER, ROLLOUTS, PARAMS)
    assert (workshop.num_batches(ORDER), workshop.rounds()) == (0, (RoundFiles(2, rolled=True),))
    trained = Trained(b"update", b"state")
    for made in (Trained(b"other", b"state", inner_steps=3), trained):
        workshop.save_trained(ORDER, made)
        assert workshop.trained(ORDER) == made
    assert workshop.rounds() == (RoundFiles(2, rolled=True, trained=True),)
    before = workshop.rounds()
    workshop.close(2, "committed")
    other = Workshop(workshop.folder)  # of another process
    assert workshop.rounds() == other.rounds() == (RoundFiles(2, closed=True),)
    assert workshop.outcomes() == {2: "committed"}
    workshop.reopen(2)
    assert (workshop.rounds(), other.rounds()) == (before, before)


def test_what_is_made_for_an_order_that_was_replaced_counts_no_more(workshop: Workshop) -> None:
    """Also what a process hands on that has not noticed."""
    again = dataclasses.replace(ORDER, seed=b"\3" * 32)
    workshop.place(ORDER)
    workshop.seal_rollouts(ORDER, ROLLOUTS, PARAMS)
    workshop.place(again)
    workshop.save_trained(ORDER, Trained(b"update", b"state"))
    workshop.refuse(ORDER, "trainer", "policy-version: too old")
    assert (workshop.order(2), workshop.rounds()) == (again, (RoundFiles(2),))
    assert (workshop.rollouts(again), workshop.trained(again), workshop.refusal(again)) == (None, None, None)


def test_a_damaged_order_is_none_until_it_is_placed_again(workshop: Workshop) -> None:
    workshop.place(ORDER)
    (workshop.folder / "round-000002" / "order").write_bytes(b"{")
    assert (workshop.order(2), workshop.rounds()) == (None, ())
    workshop.place(ORDER)
    assert workshop.rounds() == (RoundFiles(2),)


def test_a_torn_batch_is_made_again(workshop: Workshop) -> None:
    workshop.save_batch(ORDER, 0, ROLLOUTS, PARAMS)
    (path,) = workshop.folder.glob("round-*/*/batch-*")
    path.write_bytes(path.read_bytes()[:-1])
    assert workshop.batch(ORDER, 0, PARAMS) is None


def test_a_refusal_names_who_refused(workshop: Workshop) -> None:
    workshop.place(ORDER)
    assert workshop.refusal(ORDER) is None
    workshop.refuse(ORDER, "trainer", "policy-version: too old")
    assert workshop.refusal(ORDER) == "the trainer process: policy-version: too old"
    assert workshop.rounds() == (RoundFiles(2, refused=True),)


def test_reports_and_status_that_are_damaged_are_none(workshop: Workshop) -> None:
    workshop.report(ORDER, "trainer", {"loss": 0.5})
    assert workshop.reported(ORDER, "trainer") == {"loss": 0.5}
    assert workshop.reported(ORDER, "rollouts") == {}
    status = Status(4, 2, "", "", False)
    workshop.save_status("trainer", status)
    assert workshop.status("trainer") == status
    for path in (workshop.folder / "status-trainer", *workshop.folder.glob("round-*/*/trainer.json")):
        path.write_bytes(b"[1")
    assert (workshop.status("trainer"), workshop.reported(ORDER, "trainer")) == (None, {})


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
