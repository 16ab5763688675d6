import math
import socket

import pytest

from cupel.node.collective.frames import BEAT, Aborted, LinkFailed, Receiver, Sender, new_key, wait
from cupel.protocol.spec.errors import Reason

BODY = bytes(range(256)) * 40_000  # more than a socket takes at once


@pytest.fixture
def pair():
    ends = socket.socketpair()
    yield ends
    for end in ends:
        end.close()


@pytest.fixture(params=["sealed", "plain"])
def link(request, pair):
    key = new_key() if request.param == "sealed" else None
    return Sender(pair[0], key, 5.0), Receiver(pair[1], key, 5.0, 5.0)


def passed(sender, receiver):
    """What comes out when both ends do what they can, by turns."""
    while True:
        sender.push()
        length = receiver.pull()
        if length is not None:
            return length


def test_bodies_of_any_size_come_out_whole_and_in_order(link):
    sender, receiver = link
    for number, body in enumerate((b"", b"x", BODY)):
        room = bytearray(len(BODY))
        receiver.expect(number, memoryview(room))
        sender.begin(number, body)
        assert bytes(room[: passed(sender, receiver)]) == body
    assert not sender.busy


def test_beats_are_passed_over_and_give_more_time(link):
    sender, receiver = link
    receiver.expect(0, memoryview(bytearray(8)))
    before = receiver.deadline
    sender.begin(BEAT, b"")
    assert (sender.push(), receiver.pull()) == (True, None)
    assert receiver.deadline > before
    sender.begin(0, b"word")
    assert passed(sender, receiver) == 4


@pytest.mark.parametrize(
    ("number", "body", "reason"), [(1, b"", Reason.COLLECTIVE_NAME), (0, b"12345", Reason.SIZE)]
)
def test_another_frame_than_the_next_is_the_left_ones_fault(link, number, body, reason):
    sender, receiver = link
    receiver.expect(0, memoryview(bytearray(4)))
    sender.begin(number, body)
    with pytest.raises(LinkFailed) as caught:
        passed(sender, receiver)
    assert (caught.value.side, caught.value.problem.reason) == ("left", reason)


def test_a_frame_under_another_key_or_again_ends_the_link(pair):
    receiver = Receiver(pair[1], new_key(), 5.0, 5.0)
    receiver.expect(0, memoryview(bytearray(4)))
    sender = Sender(pair[0], new_key(), 5.0)
    sender.begin(0, b"word")
    with pytest.raises(Aborted):
        passed(sender, receiver)


def test_an_ended_link_and_a_late_frame_are_noticed(pair):
    sender, receiver = Sender(pair[0], None, 5.0), Receiver(pair[1], None, 5.0, 1.0)
    receiver.expect(0, memoryview(bytearray(4)))
    receiver.check_time(receiver.deadline)
    with pytest.raises(LinkFailed) as caught:
        receiver.check_time(receiver.deadline + 1)
    assert caught.value.problem.reason is Reason.COLLECTIVE_SILENT
    sender.check_time(math.inf)  # nothing to send is never late
    sender.begin(0, BODY)
    with pytest.raises(LinkFailed) as caught:
        sender.check_time(sender.deadline + 1)
    assert caught.value.side == "right"
    pair[0].close()
    with pytest.raises(Aborted):
        receiver.pull()


def test_who_waits_is_told_that_the_right_end_closed(pair):
    sender = Sender(pair[0], None, 5.0)
    assert not wait(None, sender, 0.0)
    pair[1].close()
    assert wait(None, sender, 0.0)
    assert sender.ended()
