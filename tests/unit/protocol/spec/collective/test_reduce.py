import numpy as np
import pytest

from cupel.protocol.spec.collective import native
from cupel.protocol.spec.collective.reduce import (
    CHUNK_BYTES,
    DTYPES,
    MAX_FLOAT,
    MAX_SUM,
    Operation,
    Plan,
    Reduce,
    attempt_name,
    combine,
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


LIES = (np.nan, np.inf, -np.inf, 1e30)


@pytest.mark.parametrize("compiled", [True, False])
def test_floats_that_are_no_numbers_or_too_large_are_seen(monkeypatch, compiled):
    monkeypatch.setattr(native, "IS_COMPILED", native.IS_COMPILED and compiled)
    size = CHUNK_BYTES // 4
    honest = np.full(size, MAX_SUM, np.float32)
    assert in_range(honest, MAX_SUM)
    assert in_range(honest.astype(np.int64))
    for lie in LIES:
        false = honest.copy()
        false[size // 2] = lie
        assert not in_range(false, MAX_SUM)
    assert in_range(np.full(size + 1, -MAX_FLOAT, np.float32))
    assert in_range(np.empty(0, np.float32))
    for lie in (np.nan, np.inf, 2 * MAX_FLOAT):
        assert not in_range(np.append(np.zeros(size, np.float32), np.float32(lie)))


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("size", [0, 1, 7, 1001])
def test_a_sum_of_floats_and_whether_it_may_be_one(monkeypatch, compiled, size):
    monkeypatch.setattr(native, "IS_COMPILED", native.IS_COMPILED and compiled)
    rng = np.random.default_rng(size)
    incoming, own = (rng.normal(scale=1e6, size=size).astype(np.float32) for _ in range(2))
    out = np.empty_like(own)
    assert combine(Operation.SUM, incoming, own, out)
    assert out.tobytes() == (incoming + own).tobytes()
    most = np.full(size, MAX_FLOAT, np.float32)
    assert combine(Operation.MEAN, np.full(size, MAX_SUM - MAX_FLOAT, np.float32), most, out)
    assert combine(Operation.SUM, -most, -most, out)
    for place in range(0, size, 7):
        for lie in LIES:
            false = incoming.copy()
            false[place] = lie
            assert not combine(Operation.SUM, false, own, out)
        beyond = own.copy()
        beyond[place] = 2 * MAX_FLOAT
        assert not combine(Operation.SUM, incoming, beyond, out)


@pytest.mark.parametrize("operation", Operation)
@pytest.mark.parametrize("dtype", DTYPES)
def test_combined_values_are_those_of_numpy(operation, dtype):
    left, right = np.array([3, -4, 5], dtype), np.array([1, 2, 100], dtype)
    out = np.empty_like(left)
    assert combine(operation, left, right, out)
    expected = {Operation.MIN: np.minimum, Operation.MAX: np.maximum}.get(operation, np.add)(left, right)
    assert out.tobytes() == expected.tobytes()


@pytest.mark.skipif(not native.IS_COMPILED, reason="no kernel here")
def test_the_kernel_refuses_sizes_that_do_not_fit():
    floats = np.zeros(4, np.float32)
    for arrays in (
        (floats, floats[:3], floats),
        (floats, floats, floats[:3]),
        (np.zeros(2), np.zeros(2), np.zeros(2)),
    ):
        with pytest.raises(ValueError, match="three arrays"):
            native.kernel.add(*arrays, 1.0, 1.0)
    with pytest.raises((TypeError, ValueError, BufferError)):
        native.kernel.add(floats, floats, bytes(16), 1.0, 1.0)
    with pytest.raises(ValueError, match="array of float32"):
        native.kernel.within(np.zeros(2), 1.0)
    with pytest.raises((TypeError, ValueError, BufferError)):
        native.kernel.within(floats[::2], 1.0)


def test_a_mean_of_integers_rounds_half_to_even():
    reduce = Reduce(1, 2, 3, Operation.MEAN, "int32", 4)
    assert finish(reduce, np.array([1, 3, 5, -1], np.int32), 2).tolist() == [0, 2, 2, 0]
