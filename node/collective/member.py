"""A member of the collective: answers calls at its listener, and takes part in reduces until they are agreed on.

There is no coordinator: who is lost and which attempt is on travel with the calls (`agreement`). A call is answered by
"go" if both ends are in the same view, with the newer view if not, and with the decision if there is one already.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cupel.node.collective.answers import answer_call, take_answer
from cupel.node.collective.attempts import Attempts, Certificate, Incoming
from cupel.node.collective.calls import Listener, Message, call, hear, listens, plain_link, say
from cupel.node.collective.frames import BEAT, KEY_BYTES, Aborted, LinkFailed, Receiver, Sender, new_key
from cupel.node.collective.identity import Identity, Member, Roster, context
from cupel.node.collective.passing import BEAT_SECONDS, Passing, attempt_deadline
from cupel.protocol.spec.collective.agreement import Held, View, holding_statement
from cupel.protocol.spec.collective.reduce import DTYPES, MAX_FLOAT, Plan, Reduce, all_in_range, finish
from cupel.protocol.spec.errors import Reason, Rejected

CALLS_IN_VAIN: Final = 3
WATCH_SECONDS: Final = 0.05
ROUNDS_KEPT: Final = 2


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds: `start` until all have begun a reduce, `call` for a connection or a handshake, `frame` for a frame."""

    start: float = 10.0
    call: float = 3.0
    frame: float = 5.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """Values (read only), whose they are in ring order, why others were left out, attempts, and who signed."""

    values: npt.NDArray[Any]
    survivors: tuple[str, ...]
    evicted: dict[str, Rejected]
    attempts: int
    certificate: Certificate | None
    """None in a roster of one."""


class CollectiveMember:
    """One process's end of the collective. `listener` is bound and listening; `close` closes it."""

    def __init__(self, address: str, identity: Identity, listener: socket.socket, limits: Limits) -> None:
        self.address, self.identity, self.limits = address, identity, limits
        self.listener = Listener(listener, limits.call)
        self.listener.handlers["reduce"] = self._take_call
        self._changed = threading.Condition()
        self._rosters: dict[int, Roster] = {}
        self._contexts: dict[int, ssl.SSLContext] = {}
        self._known: dict[tuple[int, int, int], Attempts] = {}

    def enter(self, round_index: int, members: Sequence[Member]) -> None:
        """Take the members of a round, in ring order. Rejected if one of them did not sign its entry.

        Rounds before the last one are forgotten, with what others might still have asked about them.
        """
        roster = Roster(members)
        client = context(self.identity, members, server_side=False)
        with self._changed:
            oldest = round_index - ROUNDS_KEPT + 1
            self._rosters = {r: known for r, known in self._rosters.items() if r >= oldest}
            self._rosters[round_index] = roster
            self._contexts = {r: self._contexts[r] for r in self._rosters if r != round_index}
            self._contexts[round_index] = client
            self._known = {name: a for name, a in self._known.items() if a.reduce.round >= oldest}
            trusted = [member for known in self._rosters.values() for member in known.members.values()]
            callers = {member.certificate: member.address for member in trusted}
            self.listener.trust(context(self.identity, trusted, server_side=True), callers)

    def roster(self, round_index: int) -> Roster:
        """The members of a round that was entered."""
        with self._changed:
            return self._rosters[round_index]

    def close(self) -> None:
        """Leave: answer no more."""
        self.listener.close()

    def ask(self, round_index: int, to: str, message: Message) -> ssl.SSLSocket:
        """A link to a member of a round that was asked something (`calls.call`)."""
        with self._changed:
            member, client = self._rosters[round_index].members[to], self._contexts[round_index]
        return call(client, member, message, self.limits.call)

    def reduce(self, reduce: Reduce, values: npt.NDArray[Any]) -> Outcome:
        """Combine `values` [reduce.size] with the other members'; safe to call for several tags at once.

        Every member that returns has the same values. Rejected if the others left this member out
        (their reason), too few are left (COLLECTIVE_QUORUM), results differ (COLLECTIVE_CHECK), or nothing helps.
        """
        assert reduce.dtype in DTYPES
        assert (values.dtype, values.shape) == (np.dtype(reduce.dtype), (reduce.size,))
        assert all_in_range(values), f"values are not finite, or beyond {MAX_FLOAT}"
        attempts = self._begin(reduce)
        try:
            return self._until_agreed(attempts, np.ascontiguousarray(values))
        finally:
            attempts.end()

    def _begin(self, reduce: Reduce) -> Attempts:
        name = (reduce.task, reduce.round, reduce.tag)
        with self._changed:
            assert reduce.round in self._rosters, "enter the round first"
            assert name not in self._known, "a reduce has one name"
            roster = self._rosters[reduce.round]
            attempts = self._known[name] = Attempts(reduce, roster, self.address, self.identity)
            self._changed.notify_all()
            return attempts

    def _until_agreed(self, attempts: Attempts, values: npt.NDArray[Any]) -> Outcome:
        order = attempts.roster.order
        if order == (self.address,):
            return Outcome(finish(attempts.reduce, values.copy(), 1), order, {}, 1, None)
        most = 8 * len(order) + 8
        for attempt in range(1, most + 1):
            view = attempts.standing()
            try:
                self._attempt(attempts, view, values)
            except Aborted:
                attempts.failed(view, None)
            except LinkFailed as failure:
                attempts.failed(view, failure)
            if attempts.certificate is not None:
                return _outcome(attempts, attempt)
        raise Rejected(Reason.COLLECTIVE_LOST, f"no success in {most} attempts")

    def _attempt(self, attempts: Attempts, view: View, values: npt.NDArray[Any]) -> None:
        ring = view.ring(attempts.roster.order)
        rank = ring.index(self.address)
        right = self._call_right(attempts, view, ring[(rank + 1) % len(ring)])
        incoming = None
        try:
            incoming = self._await_left(attempts, view, ring[rank - 1], right)
            attempts.use(view, incoming.link, right.link)
            plan = Plan(len(ring), rank, attempts.reduce.size, values.itemsize)
            passing = Passing(attempts.reduce, plan, values, _Voice(self.identity, attempts, view))
            last = attempt_deadline(self.limits.start, self.limits.frame, plan)
            left = Receiver(incoming.link, incoming.key, self.limits.frame, right.link, passing.through, last)
            said = passing.run(
                left, right, attempts.ballot.held,
                lambda said: attempts.agreed(view, said),
                lambda check, total: attempts.hold(view, check, total),
            )  # fmt: skip
            if attempts.certificate is None and not attempts.agreed(view, said):
                raise Rejected(Reason.COLLECTIVE_CHECK, "members hold different results of one attempt")
        finally:
            attempts.release()
            right.link.close()
            if incoming is not None:
                incoming.link.close()

    # The calling end.

    def _call_right(self, attempts: Attempts, view: View, to: str) -> Sender:
        for _ in range(CALLS_IN_VAIN):
            try:
                return self._call_once(attempts, view, to)
            except Aborted:
                with attempts.changed:
                    if attempts.ballot.view != view or attempts.certificate is not None:
                        raise
        if not listens(attempts.roster.members[to], self.limits.call):
            raise LinkFailed("right", Rejected(Reason.COLLECTIVE_LOST, "does not listen any more"))
        raise LinkFailed("right", Rejected(Reason.COLLECTIVE_LOST, "ends every call"))

    def _call_once(self, attempts: Attempts, view: View, to: str) -> Sender:
        reduce, key = attempts.reduce, new_key()
        name = {"kind": "reduce", "task": reduce.task, "round": reduce.round, "tag": reduce.tag}
        hello = {**name, "reduce": attempts.name(View()).hex(), "key": key.hex(), **attempts.shown()}
        link = self.ask(reduce.round, to, hello)
        try:
            attempts.use(view, link)
            # The other end waits for its own `reduce` as long as `start`, then says that it has none.
            link.settimeout(self.limits.start + self.limits.call)
            answer = hear(link)
            if answer["kind"] == "go":
                return Sender(plain_link(link), key, self.limits.frame)
            take_answer(attempts, view, answer)
        except TimeoutError:
            raise LinkFailed("right", Rejected(Reason.COLLECTIVE_SILENT, "does not answer a call")) from None
        except OSError:
            raise Aborted from None
        except (ValueError, KeyError, TypeError) as error:
            raise LinkFailed("right", Rejected(Reason.ENCODING, str(error))) from None
        finally:
            attempts.release()
            link.close()  # has no effect on a link that went on as a plain one
        raise Aborted

    def _await_left(self, attempts: Attempts, view: View, left: str, right: Sender) -> Incoming:
        deadline = time.monotonic() + self.limits.start + self.limits.call
        beat = time.monotonic() + BEAT_SECONDS
        while time.monotonic() < deadline:
            incoming = attempts.take_incoming(view, WATCH_SECONDS)
            if incoming is not None:
                return incoming
            if right.ended():
                raise Aborted
            if time.monotonic() < beat:
                continue
            right.send(BEAT, b"")
            if not listens(attempts.roster.members[left], self.limits.call):
                raise LinkFailed("left", Rejected(Reason.COLLECTIVE_LOST, "does not listen any more"))
            beat = time.monotonic() + BEAT_SECONDS
        raise LinkFailed("left", Rejected(Reason.COLLECTIVE_SILENT, "did not call"))

    # The answering end.

    def _take_call(self, link: ssl.SSLSocket, caller: str, message: Message) -> None:
        name = (int(message["task"]), int(message["round"]), int(message["tag"]))
        key = bytes.fromhex(message["key"])
        if len(key) != KEY_BYTES:
            raise ValueError("a key of another length")
        with self._changed:
            self._changed.wait_for(lambda: name in self._known, self.limits.start)
            attempts = self._known.get(name)
        answer, view = {"kind": "unknown"}, None
        if attempts is not None:
            answer, view = answer_call(attempts, caller, message, self.address)
        say(link, answer)
        if attempts is None or view is None:
            link.close()
            return
        attempts.put_incoming(Incoming(view, plain_link(link), key))


class _Voice:
    """Signs in one view."""

    def __init__(self, identity: Identity, attempts: Attempts, view: View) -> None:
        self._identity, self._roster = identity, attempts.roster
        self._attempt, self._ring = attempts.name(view), view.ring(attempts.roster.order)

    def say(self, held: Held | None) -> bytes:
        return self._identity.sign(holding_statement(self._attempt, held))

    def said(self, rank: int, held: Held | None, signature: bytes) -> bool:
        return self._roster.signed(self._ring[rank], holding_statement(self._attempt, held), signature)


def _outcome(attempts: Attempts, attempt: int) -> Outcome:
    assert attempts.kept is not None, "who agrees to a result holds it"
    total, ring = attempts.kept
    values = finish(attempts.reduce, total, len(ring))
    values.flags.writeable = False
    evicted = {member: why for member, why in attempts.why().items() if member not in ring}
    return Outcome(values, ring, evicted, attempt, attempts.certificate)
