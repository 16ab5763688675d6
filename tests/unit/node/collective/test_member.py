import hashlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from eth_account import Account

from cupel.node.collective.identity import new_identity, signed_member
from cupel.node.collective.member import CollectiveMember, Limits
from cupel.node.collective.peers import contribution, start_peers
from cupel.protocol.config import ConfigError
from cupel.protocol.spec.collective.reduce import CHUNK_BYTES, Operation, Reduce
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.testing.waiting import HANG_SECONDS
from tests.unit.node.collective.conftest import LIMITS

# For whom somebody is silent; the others have so long to say something.
QUICK = Limits(start=3.0, call=HANG_SECONDS, frame=3.0)
SUM = Reduce(1, 1, 0, Operation.SUM, "int64", 1)
DIRECT = {Operation.SUM: np.sum, Operation.MIN: np.min, Operation.MAX: np.max, Operation.MEAN: np.mean}


@pytest.mark.parametrize("count", [2, 3, 5])
@pytest.mark.parametrize("dtype", ["int64", "float32"])
def test_everybody_has_the_same_bits(make_ring, count, dtype):
    ring, random = make_ring(count), np.random.default_rng(1)
    for number, size in enumerate((0, 1, 101, CHUNK_BYTES // 4 + 3)):
        for shift, operation in enumerate(Operation):
            values = (random.standard_normal((count, size)) * 1000).astype(dtype)
            reduce = Reduce(1, 1, 4 * number + shift, operation, dtype, size)
            outcomes = ring.reduce(reduce, values)
            assert len({outcome.values.tobytes() for outcome in outcomes}) == 1
            expected = DIRECT[operation](values.astype("float64"), axis=0)
            atol = 0.51 if dtype == "int64" and operation is Operation.MEAN else 1e-2
            np.testing.assert_allclose(outcomes[0].values, expected, rtol=1e-4, atol=atol)
            assert all(outcome.evicted == {} and outcome.attempts == 1 for outcome in outcomes)
            assert all(set(o.certificate.signatures) == set(o.survivors) for o in outcomes)


def test_tags_are_reduced_at_the_same_time(make_ring):
    ring, values = make_ring(3), np.arange(9).reshape(3, 3)
    reduces = [Reduce(1, 1, tag, Operation.SUM, "int64", 3) for tag in range(8)]

    def all_tags(rank):
        with ThreadPoolExecutor(len(reduces)) as pool:
            futures = [pool.submit(ring.members[rank].reduce, r, values[rank] * r.tag) for r in reduces]
            return [future.result().values.tolist() for future in futures]

    assert ring.each(all_tags) == [[[9 * tag, 12 * tag, 15 * tag] for tag in range(8)]] * 3


def test_prepared_links_are_used_and_memory_is_the_callers(make_ring):
    ring, values = make_ring(3), np.arange(9).reshape(3, 3)
    reduce, out = replace(SUM, size=3), np.empty((3, 3), np.int64)
    assert ring.each(lambda rank: ring.members[rank].prepare(reduce)) == [None] * 3
    for member in ring.members:
        member.ask = None  # no call is made any more
    outcomes = ring.each(lambda rank: ring.members[rank].reduce(reduce, values[rank], out[rank]))
    assert [outcome.attempts for outcome in outcomes] == [1] * 3
    assert out.tolist() == [[9, 12, 15]] * 3
    assert all(np.shares_memory(outcome.values, out) for outcome in outcomes)


def test_prepared_links_that_are_lost_are_opened_anew(make_ring):
    ring, values = make_ring(3), np.array([[1], [2], [4]])
    assert ring.each(lambda rank: ring.members[rank].prepare(SUM)) == [None] * 3
    ring.members[1].close()
    outcomes = ring.reduce(SUM, values, [0, 2])
    assert [int(outcome.values[0]) for outcome in outcomes] == [5, 5]


class EntersLate(CollectiveMember):
    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.called = threading.Event()
        accept = self.listener._answer
        self.listener._answer = lambda *call: (self.called.set(), accept(*call))

    def enter_when_called(self, *round_):
        assert self.called.wait(HANG_SECONDS)
        self.enter(*round_)


def test_one_that_enters_late_is_waited_for(make_ring):
    ring, values = make_ring(3, kinds={2: EntersLate}), np.array([[1], [2], [4]])
    stranger = make_ring(1, first_key=9)  # a newcomer, whom who has not entered the round does not know
    members, roster = [*ring.members, stranger.members[0]], [*ring.roster, stranger.roster[0]]
    ring.members, ring.roster, values = members, roster, np.array([[1], [2], [4], [8]])
    order = [0, 1, 3, 2]  # the newcomer calls the late one
    for rank in (0, 1, 3):
        members[rank].enter(2, [roster[other] for other in order])
    members[2].called.clear()

    def reduce(rank):
        if rank == 2:
            members[2].enter_when_called(2, [roster[other] for other in order])
        return members[rank].reduce(replace(SUM, round=2), values[rank])

    assert [(int(o.values[0]), o.evicted) for o in ring.each(reduce)] == [(15, {})] * 4


def test_plain_links_sum_too_and_stay_on_this_machine(make_ring):
    ring, values = make_ring(2, plain=True), np.array([[1], [2]])
    assert [int(o.values[0]) for o in ring.reduce(SUM, values)] == [3, 3]
    with pytest.raises(ConfigError):
        ring.members[0].enter(2, [replace(ring.roster[0], host="192.0.2.1")])


def test_one_that_left_is_left_out_by_all_and_may_come_back_in_a_later_round(make_ring):
    ring, values = make_ring(4), np.array([[1], [2], [4], [8]])
    ring.enter(1, [0, 1, 3, 2])
    ring.members[2].close()
    outcomes = ring.reduce(SUM, values, [0, 1, 3])
    assert {int(outcome.values[0]) for outcome in outcomes} == {11}
    for outcome in outcomes:
        assert {who: why.reason for who, why in outcome.evicted.items()} == {
            ring.roster[2].address: Reason.COLLECTIVE_LOST
        }
    joined = make_ring(1, first_key=9)
    ring.members[2], ring.roster[2] = joined.members[0], joined.roster[0]
    ring.enter(2)
    outcomes = ring.reduce(replace(SUM, round=2), values)
    assert [(int(o.values[0]), o.evicted) for o in outcomes] == [(15, {})] * 4


def test_one_that_does_not_begin_is_left_out(make_ring):
    ring = make_ring(3, QUICK)
    outcomes = ring.reduce(SUM, np.array([[1], [2], [4]]), [0, 1])
    assert {int(outcome.values[0]) for outcome in outcomes} == {3}
    assert all(o.evicted[ring.roster[2].address].reason is Reason.COLLECTIVE_SILENT for o in outcomes)


def test_who_is_left_alone_fails(make_ring):
    ring = make_ring(2)
    ring.members[1].close()
    (found,) = ring.reduce(SUM, np.array([[1], [2]]), [0])
    assert isinstance(found, Rejected)
    assert found.reason is Reason.COLLECTIVE_QUORUM


def test_two_halves_that_lost_each_other_both_fail(make_ring):
    ring = make_ring(4)
    for half in ([0, 1], [2, 3]):
        for rank in half:  # each half cannot reach the other: its rosters hold dead endpoints for it
            gone = [m if r in half else dead(m, r) for r, m in enumerate(ring.roster)]
            ring.members[rank].enter(1, gone)
    found = ring.reduce(SUM, np.array([[1], [2], [4], [8]]))
    assert [problem.reason for problem in found] == [Reason.COLLECTIVE_QUORUM] * 4


def dead(member, rank):
    account = Account.from_key(bytes([rank + 1]) * 32)
    identity = new_identity(account.address)
    return signed_member(account, replace(identity, certificate=member.certificate), "127.0.0.1", 1)


class WrongName(CollectiveMember):
    def reduce(self, reduce, values):
        return super().reduce(replace(reduce, operation=Operation.MAX), values)


class WrongTag(CollectiveMember):
    def reduce(self, reduce, values):
        return super().reduce(replace(reduce, tag=reduce.tag + 1), values)


class Liar(CollectiveMember):
    def _call_right(self, *args, **options):
        sender = super()._call_right(*args, **options)
        begin = sender.begin
        sender.begin = lambda number, body: begin(number, body if len(body) < 200 else self.lie(body))
        return sender


class NotANumber(Liar):
    def lie(self, body):
        return np.full(len(body) // 4, np.nan, np.float32).tobytes()


class WrongSize(Liar):
    def lie(self, body):
        return body[:-4]


class Stuck(CollectiveMember):
    def _await_left(self, *args):
        incoming = super()._await_left(*args)
        time.sleep(2 * QUICK.frame)  # without a beat: as if the process were stopped
        return incoming


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (NotANumber, Reason.COLLECTIVE_NON_FINITE),
        (WrongName, Reason.COLLECTIVE_NAME),
        (WrongSize, Reason.SIZE),
        (WrongTag, Reason.COLLECTIVE_SILENT),
        (Stuck, Reason.COLLECTIVE_SILENT),
    ],
)
def test_bad_input_is_left_out_with_its_reason(make_ring, kind, reason):
    ring = make_ring(4, QUICK if reason is Reason.COLLECTIVE_SILENT else LIMITS, {2: kind})
    values = np.ones((4, 1000), np.float32)
    found = ring.reduce(replace(SUM, dtype="float32", size=1000), values)
    honest = [found[rank] for rank in (0, 1, 3)]
    assert [outcome.values.tolist() for outcome in honest] == [[3.0] * 1000] * 3
    # Whom a lost link of its other neighbour reaches first knows of that alone.
    reasons = {outcome.evicted[ring.roster[2].address].reason for outcome in honest}
    assert reason in reasons
    assert reasons <= {reason, Reason.COLLECTIVE_LOST}
    assert isinstance(found[2], Rejected)


def test_own_values_that_are_no_numbers_are_our_bug(make_ring):
    values = np.full((2, 8), np.nan, np.float32)
    found = make_ring(2).reduce(replace(SUM, dtype="float32", size=8), values)
    kinds = {type(problem) for problem in found}
    # Whose neighbour failed first has nobody left to add up with.
    assert AssertionError in kinds
    assert kinds <= {AssertionError, Rejected}


def test_a_stranger_is_not_let_in(make_ring):
    ring, outsider = make_ring(2), make_ring(1, Limits(1.0, HANG_SECONDS, HANG_SECONDS), first_key=8)
    stranger = outsider.members[0]
    stranger.enter(1, [outsider.roster[0], ring.roster[1]])  # knows an endpoint, but nobody there knows it
    with pytest.raises(Rejected):
        stranger.reduce(SUM, np.array([1]))


@pytest.mark.e2e
def test_survivors_of_a_kill_finish_with_their_own_sum():
    peers = start_peers(range(3), Limits(start=20.0, call=10.0, frame=20.0))
    try:
        reduce = Reduce(1, 1, 0, Operation.SUM, "int64", 1 << 20)
        for peer in peers:
            peer.begin(reduce, [peer.member for peer in peers], barrier=True)
        peers[2].process.join(0.05)
        peers[2].kill()
        reports = [peer.report() for peer in peers[:2]]
        total = sum(contribution(p.number, reduce.size, "int64") for p in peers[: len(reports[0].survivors)])
        assert {report.digest for report in reports} == {hashlib.sha256(total).hexdigest()}
    finally:
        for peer in peers:
            peer.end()
