"""One attempt of a reduce: frames go round the ring over two links, the one left and the one right.

    1. What each member holds of earlier attempts, signed. It goes round, so who has it all knows that all have begun.
    2. The values: reduce-scatter and all-gather (`Plan`).
    3. Random numbers, each member's only after its values are complete. Together they key a check of the whole result,
       so nobody who passed on false values could know which change the check overlooks.
    4. What each member holds now, signed.

One thread receives, adds and sends by turns, whatever the sockets take. Anything but the next frame of this order ends
the attempt with a reason; so does a frame that is late. Whoever waits for its own left neighbour tells the right one by
beats, and only the neighbour of the one that really stands still loses patience.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Generator
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from cupel.node.collective.frames import BEAT, Aborted, LinkFailed, Receiver, Sender, wait
from cupel.protocol.spec.collective.agreement import NOTHING, Held
from cupel.protocol.spec.collective.check import check
from cupel.protocol.spec.collective.reduce import (
    CHUNK_BYTES,
    MAX_FLOAT,
    MAX_SUM,
    Plan,
    Reduce,
    combine,
    in_range,
)
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.hashing import keccak256

BEAT_SECONDS: Final = 0.25
NONCE_BYTES: Final = 32
MAX_SAYING_BYTES: Final = 64 + 72
BEYOND: Final = f"values are not finite, or beyond {MAX_FLOAT}"

Said = dict[int, tuple[Held | None, bytes]]
"""What members said they hold, by rank, and their signatures."""

Hearing = Generator[tuple[int, memoryview], int, Said]
"""Asks for frames, by number and where their bodies go, and is told their lengths."""


class Voice(Protocol):
    """How a member signs what it holds in this attempt, and who checks what the others signed."""

    def say(self, held: Held | None) -> bytes:
        """A signature."""

    def said(self, rank: int, held: Held | None, signature: bytes) -> bool:
        """Whether the member of this rank signed that it holds this."""


class Passing:
    """The state of an attempt: `values` are read only, the result is written to `result` (the same shape)."""

    def __init__(
        self, reduce: Reduce, plan: Plan, values: npt.NDArray[Any], result: npt.NDArray[Any], voice: Voice
    ) -> None:
        self._reduce, self._plan, self._values, self._voice = reduce, plan, values, voice
        self._others = plan.members - 1
        self._phases = (self._others, self._others + plan.items, 2 * self._others + plan.items)
        self._out: dict[int, bytes] = {}
        self._result = result
        self._received, self._sent = 0, 0
        self._limit = 3 * self._others + plan.items

    def run(
        self, left: Receiver, right: Sender, last: float, held: Held | None,
        agreed: Callable[[Said], bool], hold: Callable[[bytes, npt.NDArray[Any]], Held],
    ) -> Said:  # fmt: skip
        """What all members hold at the end; `agreed` ends it after the first phase, `hold` takes check and result.

        LinkFailed or Aborted if a neighbour fails; both links are the caller's to close. `last`: monotonic time at
        which the attempt has failed even if every neighbour still beats.
        """
        self._out[0] = self._saying(held)
        hearing = self._receive_all(held, agreed, hold)
        left.expect(*next(hearing))
        said: Said | None = None
        while said is None or self._sent < self._limit or right.busy:
            moved = self._send(right)
            if said is None and (length := left.pull()) is not None:
                moved = True
                try:
                    left.expect(*hearing.send(length))
                except StopIteration as end:
                    said = end.value
            if not moved:
                self._wait(left if said is None else None, right, last)
        return said

    def _wait(self, left: Receiver | None, right: Sender, last: float) -> None:
        now = time.monotonic()
        if left is not None:
            left.check_time(now)
        right.check_time(now)
        if now > last:
            raise Rejected(Reason.COLLECTIVE_SILENT, "the attempt takes too long, and nobody is to blame")
        through = self._sent == self._limit and not right.busy
        until = min(last, right.deadline if right.busy else now + BEAT_SECONDS)
        until = until if left is None else min(until, left.deadline)
        if wait(left, None if through else right, until):
            raise Aborted
        if not (through or right.busy) and time.monotonic() >= now + BEAT_SECONDS:
            right.begin(BEAT, b"")

    # What comes from the left.

    def _receive_all(
        self, held: Held | None,
        agreed: Callable[[Said], bool], hold: Callable[[bytes, npt.NDArray[Any]], Held],
    ) -> Hearing:  # fmt: skip
        start, data, nonces = self._phases
        said = yield from self._hear_sayings(0, held)
        if agreed(said):
            self._limit = start
            return said
        self._received = start
        yield from self._receive_values(start)
        key = yield from self._receive_nonces(data)
        own = hold(check(key, _bytes_of(self._result)), self._result)
        self._out[nonces] = self._saying(own)
        self._received = nonces
        return (yield from self._hear_sayings(nonces, own))

    def _saying(self, held: Held | None) -> bytes:
        shown = held or NOTHING
        return shown.attempt + shown.check + self._voice.say(held)

    def _hear_sayings(self, first: int, own: Held | None) -> Hearing:
        said: Said = {self._plan.rank: (own, self._out[first][64:])}
        for step in range(self._others):
            text = yield from _small(first + step, MAX_SAYING_BYTES)
            rank = (self._plan.rank - step - 1) % self._plan.members
            shown, signature = Held(text[:32], text[32:64]), text[64:]
            held = None if shown == NOTHING else shown
            if not self._voice.said(rank, held, signature):
                problem = f"what member {rank} holds is not signed by it"
                raise LinkFailed("left", Rejected(Reason.COLLECTIVE_MEMBER, problem))
            said[rank] = (held, signature)
            self._pass_on(first, step, text)
        return said

    def _receive_nonces(self, first: int) -> Generator[tuple[int, memoryview], int, bytes]:
        own = secrets.token_bytes(NONCE_BYTES)
        by_rank = {self._plan.rank: own}
        self._out[first] = own
        self._received = first
        for step in range(self._others):
            text = yield from _small(first + step, NONCE_BYTES)
            by_rank[(self._plan.rank - step - 1) % self._plan.members] = text
            self._pass_on(first, step, text)
        return keccak256(b"".join(by_rank[rank] for rank in sorted(by_rank)))

    def _pass_on(self, first: int, step: int, text: bytes) -> None:
        if step + 1 < self._others:
            self._out[first + step + 1] = text
            self._received = first + step + 1

    def _receive_values(self, first: int) -> Generator[tuple[int, memoryview], int, None]:
        plan = self._plan
        room: npt.NDArray[Any] = np.empty(CHUNK_BYTES // plan.itemsize + 1, self._values.dtype)
        for item in range(plan.items):
            where = plan.received(item)
            target = self._result[where]
            incoming = room[: len(target)] if plan.adds(item) else target
            length = yield first + item, _bytes_of(incoming)
            if length != target.nbytes:
                problem = f"{length} bytes, not {target.nbytes}"
                raise LinkFailed("left", Rejected(Reason.SIZE, problem))
            own = self._values[where]
            if plan.adds(item):
                is_right = combine(self._reduce.operation, incoming, own, target)
            else:
                is_right = in_range(target, MAX_SUM)
            if not is_right:
                assert not plan.adds(item) or in_range(own), BEYOND
                raise LinkFailed("left", Rejected(Reason.COLLECTIVE_NON_FINITE, f"chunk {item}"))
            if item + 1 < plan.items:
                self._received = first + item + 1

    # What goes to the right.

    def _send(self, right: Sender) -> bool:
        """Send a frame at most, as far as the socket takes it; whether that was anything."""
        moved = right.push()
        if not right.busy and self._sent < self._limit and self._received >= self._needed(self._sent):
            right.begin(self._sent, self._outgoing(self._sent))
            self._sent += 1
            moved = right.push() or moved
        return moved

    def _needed(self, number: int) -> int:
        """How many frames must have been received before this one can be sent."""
        start, data, _ = self._phases
        return start + self._plan.needs(number - start) if start <= number < data else number

    def _outgoing(self, number: int) -> memoryview | bytes:
        start, data, _ = self._phases
        if not start <= number < data:
            return self._out[number]
        item = number - start
        where = self._plan.sent(item)
        if item >= self._plan.chunks:
            return _bytes_of(self._result[where])
        assert in_range(self._values[where]), BEYOND  # here, because they come to the core now anyway
        return _bytes_of(self._values[where])


def _small(number: int, most: int) -> Generator[tuple[int, memoryview], int, bytes]:
    room = bytearray(most)
    length = yield number, memoryview(room)
    return bytes(room[:length])


def _bytes_of(array: npt.NDArray[Any]) -> memoryview:
    return memoryview(array.view(np.uint8).data)  # a memoryview of no values cannot be cast


def attempt_deadline(start_seconds: float, frame_seconds: float, plan: Plan) -> float:
    """Monotonic time at which an attempt has failed even if every neighbour still beats."""
    return time.monotonic() + start_seconds + frame_seconds * (plan.items + 3 * plan.members)
