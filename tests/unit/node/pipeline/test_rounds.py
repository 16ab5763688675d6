"""What the processes do next follows from which files are there."""

import pytest

from cupel.node.pipeline.rounds import (
    PUBLISHER,
    ROLLOUTS,
    TRAINER,
    Order,
    RoundFiles,
    WaitFor,
    Work,
    next_rollouts,
    next_training,
)
from cupel.protocol.spec.errors import Reason, Rejected

NEW = RoundFiles(3)
ROLLED = RoundFiles(3, rolled=True)
IDLE = WaitFor(PUBLISHER, "the order for another round")


@pytest.mark.parametrize(
    ("rounds", "rollouts", "training"),
    [
        ((), IDLE, IDLE),
        ((NEW,), Work(3), WaitFor(ROLLOUTS, "the rollouts of round 3")),
        ((ROLLED,), IDLE, Work(3)),
        ((RoundFiles(3, rolled=True, trained=True),), IDLE, IDLE),
        ((RoundFiles(3, refused=True),), IDLE, IDLE),
        ((RoundFiles(3, closed=True),), IDLE, IDLE),
        ((RoundFiles(2, closed=True), NEW), Work(3), WaitFor(ROLLOUTS, "the rollouts of round 3")),
        ((ROLLED, RoundFiles(4)), Work(4), Work(3)),
        # In order: the later round's rollouts are there, the earlier one's state is not.
        ((NEW, RoundFiles(4, rolled=True)), Work(3), WaitFor(ROLLOUTS, "the rollouts of round 3")),
        ((RoundFiles(2, refused=True), ROLLED), IDLE, Work(3)),
    ],
)
def test_the_next_step(
    rounds: tuple[RoundFiles, ...], rollouts: Work | WaitFor, training: Work | WaitFor
) -> None:
    assert next_rollouts(rounds, 1) == rollouts
    assert next_training(rounds) == training


@pytest.mark.parametrize("most_ahead", range(5))
def test_rollouts_pause_when_the_trainer_is_behind(most_ahead: int) -> None:
    behind = tuple(RoundFiles(number, rolled=True) for number in range(most_ahead))
    todo = RoundFiles(9)
    assert next_rollouts((*behind, todo), most_ahead) == Work(9)
    behind = (*behind, RoundFiles(8, rolled=True))
    step = next_rollouts((*behind, todo), most_ahead)
    assert isinstance(step, WaitFor)
    assert (step.whom, step.what) == (
        TRAINER,
        f"the update of round {behind[0].round}, {len(behind)} rounds of rollouts wait",
    )


def test_an_order_is_read_as_it_was_written() -> None:
    order = Order(7, b"\1" * 32, 5, b"\2" * 32, 6, 4)
    assert Order.from_bytes(order.to_bytes()) == order
    with pytest.raises(Rejected) as error:
        Order.from_bytes(order.to_bytes()[:-1])
    assert error.value.reason is Reason.ENCODING
