"""Which order of the ring is fastest: members measure what they can send to each other, and all learn the same matrix.

Each member sends to the others by turns, so that everybody sends to one and receives from one. The rows are then summed
by a reduce of the round itself, in whatever order that has; all hold the same bits of the matrix, signed by all, and so
compute the same order, which the next round's roster takes. Who lies about links makes the ring slower, nothing else.
"""

from __future__ import annotations

import secrets
import ssl
import time
from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from cupel.node.collective.calls import Message, hear, receive_all, say
from cupel.node.collective.frames import Aborted, LinkFailed
from cupel.node.collective.member import CollectiveMember
from cupel.protocol.spec.collective.reduce import Operation, Reduce
from cupel.protocol.spec.collective.ring import ring_order

FIRST_BYTES: Final = 1 << 16
MOST_BYTES: Final = 1 << 24
ENOUGH_SECONDS: Final = 0.1
"""A sending that took so long says how fast the link is; shorter ones measure the start of a connection."""
UNREACHABLE: Final = 1
"""Bytes a second that stand for a link that cannot be had."""

Clock = Callable[[], float]


def answer_measurements(member: CollectiveMember) -> None:
    """Let others of the rosters measure their links to this member."""
    member.listener.handlers["measure"] = _answer


def measured_row(
    member: CollectiveMember, round_index: int, clock: Clock = time.monotonic
) -> npt.NDArray[np.int64]:
    """Bytes a second from this member to each of the round's roster, in its order; 0 to itself."""
    order = member.roster(round_index).order
    row, own = np.zeros(len(order), np.int64), order.index(member.address)
    for step in range(1, len(order)):
        other = (own + step) % len(order)
        row[other] = _measured(member, round_index, order[other], clock)
    return row


def agreed_order(
    member: CollectiveMember, task: int, round_index: int, tag: int, row: npt.NDArray[np.int64]
) -> tuple[str, ...]:
    """The fastest order of those left, the same on all members. Rejected as `member.reduce`.

    Whoever was lost meanwhile is not in it.
    """
    order = member.roster(round_index).order
    count, own = len(order), order.index(member.address)
    matrix = np.zeros((count, count), np.int64)
    matrix[own] = row
    reduce = Reduce(task, round_index, tag, Operation.SUM, "int64", count * count)
    outcome = member.reduce(reduce, matrix.reshape(-1))
    left = [order.index(survivor) for survivor in outcome.survivors]
    known = outcome.values.reshape(count, count)[np.ix_(left, left)].clip(UNREACHABLE)
    return tuple(order[left[place]] for place in ring_order(known.tolist()))


def _measured(member: CollectiveMember, round_index: int, to: str, clock: Clock) -> int:
    try:
        with member.ask(round_index, to, {"kind": "measure"}) as link:
            link.settimeout(member.limits.call)
            return _rate(link, clock)
    except (Aborted, LinkFailed, OSError, ValueError, KeyError):
        return UNREACHABLE


def _rate(link: ssl.SSLSocket, clock: Clock) -> int:
    size = FIRST_BYTES
    while True:
        data = secrets.token_bytes(size)
        before = clock()
        say(link, {"bytes": size})
        link.sendall(data)
        if hear(link)["got"] != size:
            raise ValueError("something else was received")
        seconds = clock() - before
        if seconds >= ENOUGH_SECONDS or size == MOST_BYTES:
            return max(UNREACHABLE, int(size / max(seconds, 1e-9)))
        size *= 4


def _answer(link: ssl.SSLSocket, caller: str, message: Message) -> None:
    with link:
        size = FIRST_BYTES
        while size <= MOST_BYTES:
            if hear(link)["bytes"] != size:
                raise ValueError("a measurement of another size")
            receive_all(link, memoryview(bytearray(size)))
            say(link, {"got": size})
            size *= 4
