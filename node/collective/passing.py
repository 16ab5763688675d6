"""One attempt of a reduce: frames go round the ring over two links, the one left and the one right.

    1. What each member holds of earlier attempts, signed. It goes round, so who has it all knows that all have begun.
    2. The values: reduce-scatter and all-gather (`Plan`).
    3. Random numbers, each member's only after its values are complete. Together they key a check of the whole result,
       so nobody who passed on false values could know which change the check overlooks.
    4. What each member holds now, signed.

The calling thread receives and adds while a second one sends. Anything but the next frame of this order ends the
attempt with a reason; so does a frame that is late. Whoever waits for its own left neighbour tells the right one by
beats, and only the neighbour of the one that really stands still loses patience.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cupel.node.collective.frames import BEAT, Aborted, LinkFailed, Receiver, Sender, end_link
from cupel.protocol.spec.collective.agreement import NOTHING, Held
from cupel.protocol.spec.collective.reduce import CHUNK_BYTES, COMBINE, Plan, Reduce, in_range
from cupel.protocol.spec.errors import Reason, Rejected
from cupel.protocol.spec.hashing import keccak256

BEAT_SECONDS: Final = 0.25
# A neighbour that has all we sent may end the link before our sending thread has noticed that it is through.
FINISHING_SECONDS: Final = 0.2
NONCE_BYTES: Final = 32
MAX_SAYING_BYTES: Final = 64 + 72

Said = dict[int, tuple[Held | None, bytes]]
"""What members said they hold, by rank, and their signatures."""


class Voice(Protocol):
    """How a member signs what it holds in this attempt, and who checks what the others signed."""

    def say(self, held: Held | None) -> bytes:
        """A signature."""

    def said(self, rank: int, held: Held | None, signature: bytes) -> bool:
        """Whether the member of this rank signed that it holds this."""


class Passing:
    """The state of an attempt: `values` are read only, the result is written to a new array."""

    def __init__(self, reduce: Reduce, plan: Plan, values: npt.NDArray[Any], voice: Voice) -> None:
        self._reduce, self._plan, self._values, self._voice = reduce, plan, values, voice
        self._others = plan.members - 1
        self._phases = (self._others, self._others + plan.items, 2 * self._others + plan.items)
        self._out: dict[int, bytes] = {}
        self._result: npt.NDArray[Any] = np.empty_like(values)
        self._received = 0
        self._limit = 3 * self._others + plan.items
        self._stopped = False
        self._all_sent = False
        self._progress = threading.Condition()
        self._sending_failed: Aborted | LinkFailed | None = None

    def through(self) -> bool:
        """Whether everything was sent, or is within moments."""
        with self._progress:
            return self._progress.wait_for(lambda: self._all_sent, FINISHING_SECONDS)

    def run(
        self, left: Receiver, right: Sender, held: Held | None,
        agreed: Callable[[Said], bool], hold: Callable[[bytes, npt.NDArray[Any]], Held],
    ) -> Said:  # fmt: skip
        """What all members hold at the end; `agreed` ends it after the first phase, `hold` takes check and result.

        LinkFailed or Aborted if a neighbour fails; both links are the caller's to close.
        """
        self._out[0] = self._saying(held)
        sender = threading.Thread(target=self._send_all, args=(left, right), daemon=True)
        sender.start()
        failure: Aborted | LinkFailed | None = None
        said: Said = {}
        try:
            said = self._receive_all(left, held, agreed, hold)
        except (Aborted, LinkFailed) as error:
            failure = error
        finally:
            if failure is not None or not said:
                self._stop()
                end_link(right.link)
            sender.join()
        if isinstance(self._sending_failed, LinkFailed) and not isinstance(failure, LinkFailed):
            raise self._sending_failed
        if failure is not None or self._sending_failed is not None:
            raise failure or Aborted
        return said

    def _receive_all(
        self, left: Receiver, held: Held | None,
        agreed: Callable[[Said], bool], hold: Callable[[bytes, npt.NDArray[Any]], Held],
    ) -> Said:  # fmt: skip
        start, data, nonces = self._phases
        said = self._hear_sayings(left, 0, held)
        if agreed(said):
            with self._progress:
                self._limit = start
                self._progress.notify_all()
            return said
        self._got(start)
        self._receive_values(left, start)
        key = self._receive_nonces(left, data)
        own = hold(self._check(key), self._result)
        self._out[nonces] = self._saying(own)
        self._got(nonces)
        return self._hear_sayings(left, nonces, own)

    def _saying(self, held: Held | None) -> bytes:
        shown = held or NOTHING
        return shown.attempt + shown.check + self._voice.say(held)

    def _hear_sayings(self, left: Receiver, first: int, own: Held | None) -> Said:
        said: Said = {self._plan.rank: (own, self._out[first][64:])}
        for step in range(self._others):
            text = self._receive_small(left, first + step, MAX_SAYING_BYTES)
            rank = (self._plan.rank - step - 1) % self._plan.members
            shown, signature = Held(text[:32], text[32:64]), text[64:]
            held = None if shown == NOTHING else shown
            if not self._voice.said(rank, held, signature):
                problem = f"what member {rank} holds is not signed by it"
                raise LinkFailed("left", Rejected(Reason.COLLECTIVE_MEMBER, problem))
            said[rank] = (held, signature)
            if step + 1 < self._others:
                self._out[first + step + 1] = text
                self._got(first + step + 1)
        return said

    def _receive_nonces(self, left: Receiver, first: int) -> bytes:
        own = secrets.token_bytes(NONCE_BYTES)
        by_rank = {self._plan.rank: own}
        self._out[first] = own
        self._got(first)
        for step in range(self._others):
            text = self._receive_small(left, first + step, NONCE_BYTES)
            by_rank[(self._plan.rank - step - 1) % self._plan.members] = text
            if step + 1 < self._others:
                self._out[first + step + 1] = text
                self._got(first + step + 1)
        return keccak256(b"".join(by_rank[rank] for rank in sorted(by_rank)))

    def _receive_small(self, left: Receiver, number: int, most: int) -> bytes:
        room = bytearray(most)
        return bytes(room[: left.receive(number, memoryview(room))])

    def _receive_values(self, left: Receiver, first: int) -> None:
        plan, combine = self._plan, COMBINE[self._reduce.operation]
        room: npt.NDArray[Any] = np.empty(CHUNK_BYTES // plan.itemsize + 1, self._values.dtype)
        for item in range(plan.items):
            where = plan.received(item)
            target = self._result[where]
            incoming = room[: len(target)] if plan.adds(item) else target
            length = left.receive(first + item, _bytes_of(incoming))
            if length != target.nbytes:
                problem = f"{length} bytes, not {target.nbytes}"
                raise LinkFailed("left", Rejected(Reason.SIZE, problem))
            if not in_range(incoming):
                raise LinkFailed("left", Rejected(Reason.COLLECTIVE_NON_FINITE, f"chunk {item}"))
            if plan.adds(item):
                combine(incoming, self._values[where], out=target)
            if item + 1 < plan.items:
                self._got(first + item + 1)

    def _check(self, key: bytes) -> bytes:
        """A keyed check of the result: GMAC of each chunk, which is three times as fast as a hash."""
        cipher, data = AESGCM(key[:16]), _bytes_of(self._result)
        starts = range(0, data.nbytes, CHUNK_BYTES)
        tags = [
            cipher.encrypt(index.to_bytes(12, "big"), b"", data[start : start + CHUNK_BYTES])
            for index, start in enumerate(starts)
        ]
        return keccak256(key + b"".join(tags))

    # The sending thread.

    def _send_all(self, left: Receiver, right: Sender) -> None:
        try:
            number = 0
            while self._may_send(number, right):
                right.send(number, self._outgoing(number))
                number += 1
        except (Aborted, LinkFailed) as error:
            self._sending_failed = error
            end_link(left.link)

    def _may_send(self, number: int, right: Sender) -> bool:
        """Waits until the frame can be sent, and beats meanwhile; False at the end."""
        needed = self._needed(number)
        while True:
            with self._progress:
                if not self._stopped and number < self._limit and self._received < needed:
                    self._progress.wait(BEAT_SECONDS)
                if self._stopped:
                    return False
                if number >= self._limit:
                    self._all_sent = True
                    self._progress.notify_all()
                    return False
                if self._received >= needed:
                    return True
            right.send(BEAT, b"")

    def _needed(self, number: int) -> int:
        """How many frames must have been received before this one can be sent."""
        start, data, _ = self._phases
        return start + self._plan.needs(number - start) if start <= number < data else number

    def _outgoing(self, number: int) -> memoryview | bytes:
        start, data, _ = self._phases
        if not start <= number < data:
            return self._out[number]
        item = number - start
        source = self._values if item < self._plan.chunks else self._result
        return _bytes_of(source[self._plan.sent(item)])

    def _got(self, count: int) -> None:
        with self._progress:
            self._received = count
            self._progress.notify_all()

    def _stop(self) -> None:
        with self._progress:
            self._stopped = True
            self._progress.notify_all()


def _bytes_of(array: npt.NDArray[Any]) -> memoryview:
    return memoryview(array.view(np.uint8).data)  # a memoryview of no values cannot be cast


def attempt_deadline(start_seconds: float, frame_seconds: float, plan: Plan) -> float:
    """Monotonic time at which an attempt has failed even if every neighbour still beats."""
    return time.monotonic() + start_seconds + frame_seconds * (plan.items + 3 * plan.members)
