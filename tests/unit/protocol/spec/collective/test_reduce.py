import numpy as np
import pytest

from cupel.protocol.spec.collective.reduce import (
    CHUNK_BYTES,
    MAX_FLOAT,
    Operation,
    Plan,
    Reduce,
    all_in_range,
    attempt_name,
    finish,
    in_range,
)

MEMBERS = ("0x" + "11" * 20, "0x" + "22" * 20)


@pytest.mark.parametrize("size", [0, 1, 7, 101, CHUNK_BYTES // 4 * 3 + 1])
@pytest.mark.parametrize("members", [2, 3, 5, 8])
def test_what_one_sends_its_right_neighbour_expects(members, size):
    plans = [Plan(members, rank, size, 8) for rank in range(members)]
    for rank, plan in enumerate(plans):
        right = plans[(rank + 1) % members]
        assert [plan.sent(item) for item in range(plan.items)] == [
            right.received(item) for item in range(plan.items)
        ]


@pytest.mark.parametrize("members", [2, 3, 5])
def test_each_value_is_added_once_of_each_other_member(members):
    size = 103
    covered = np.zeros(size, int)
    for rank in range(members):
        plan = Plan(members, rank, size, 8)
        for item in filter(plan.adds, range(plan.items)):
            covered[plan.received(item)] += 1
    assert (covered == members - 1).all()


def test_an_attempt_is_named_by_who_is_left_and_what_is_reduced():
    reduce = Reduce(1, 2, 3, Operation.SUM, "int64", 4)
    roster = bytes(32)
    names = {
        attempt_name(reduce, roster, 0, MEMBERS),
        attempt_name(reduce, roster, 1, MEMBERS),
        attempt_name(reduce, b"\1" * 32, 0, MEMBERS),
        attempt_name(reduce, roster, 0, MEMBERS[:1]),
        attempt_name(reduce, roster, 0, MEMBERS[::-1]),
    }
    names.add(attempt_name(Reduce(1, 2, 3, Operation.SUM, "int64", 5), roster, 0, MEMBERS))
    assert len(names) == 6


def test_floats_that_are_no_numbers_or_too_large_are_seen():
    size = CHUNK_BYTES // 4
    honest = np.full(size, 2**10 * MAX_FLOAT, np.float32)  # a sum of 2^10 members
    assert in_range(honest)
    assert in_range(honest.astype(np.int64))
    for lie in (np.nan, np.inf, -np.inf, 1e30):
        false = honest.copy()
        false[size // 2] = lie
        assert not in_range(false)
    assert all_in_range(np.full(size + 1, -MAX_FLOAT, np.float32))
    assert all_in_range(np.empty(0, np.float32))
    for lie in (np.nan, np.inf, 2 * MAX_FLOAT):
        assert not all_in_range(np.append(np.zeros(size, np.float32), np.float32(lie)))


def test_a_mean_of_integers_rounds_half_to_even():
    reduce = Reduce(1, 2, 3, Operation.MEAN, "int32", 4)
    assert finish(reduce, np.array([1, 3, 5, -1], np.int32), 2).tolist() == [0, 2, 2, 0]
