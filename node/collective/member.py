"""A member of the collective: answers calls at its listener, and takes part in reduces until they are agreed on.

There is no coordinator: who is lost and which attempt is on travel with the calls (`agreement`). A call is answered by
"go" if both ends are in the same view, with the newer view if not, and with the decision if there is one already.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cupel.node.collective.answers import answer_call, take_answer
from cupel.node.collective.attempts import Attempts, Incoming, ViewVoice
from cupel.node.collective.calls import Listener, Message, call, hear, listens, plain_link, say
from cupel.node.collective.frames import BEAT, KEY_BYTES, Aborted, LinkFailed, Receiver, Sender, new_key
from cupel.node.collective.identity import Identity, Member, Roster, context
from cupel.node.collective.outcome import Outcome, outcome_of
from cupel.node.collective.passing import BEAT_SECONDS, BEYOND, Passing, attempt_deadline
from cupel.protocol.config import ConfigError
from cupel.protocol.spec.collective.agreement import View
from cupel.protocol.spec.collective.reduce import DTYPES, Plan, Reduce, finish, in_range
from cupel.protocol.spec.errors import Reason, Rejected

WATCH_SECONDS: Final = 0.05
ROUNDS_KEPT: Final = 2

Name = tuple[int, int, int]
"""Task, round and tag of a reduce."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds: `start` until all have begun a reduce, `call` for a connection or a handshake, `frame` for a frame."""

    start: float = 10.0
    call: float = 3.0
    frame: float = 5.0


class CollectiveMember:
    """One process's end of the collective. `listener` is bound and listening; `close` closes it."""

    def __init__(
        self, address: str, identity: Identity, listener: socket.socket, limits: Limits, plain: bool = False
    ) -> None:
        """plain: values travel in the clear. All members or none, and only between loopback addresses."""
        self.address, self.identity, self.limits, self.plain = address, identity, limits, plain
        self.listener = Listener(listener, limits.call)
        self.listener.handlers["reduce"] = self._take_call
        self._changed = threading.Condition()
        self._rosters: dict[int, Roster] = {}
        self._contexts: dict[int, ssl.SSLContext] = {}
        self._known: dict[Name, Attempts] = {}
        self._prepared: dict[Name, Sender | None] = {}

    def enter(self, round_index: int, members: Sequence[Member]) -> None:
        """Take the members of a round, in ring order. Rejected if one of them did not sign its entry.

        Rounds before the last one are forgotten, with what others might still have asked about them.
        """
        if self.plain and not all(ip_address(member.host).is_loopback for member in members):
            raise ConfigError("plain", "links in the clear reach other machines", "Leave it out there")
        roster = Roster(members)
        client = context(self.identity, members, server_side=False)
        with self._changed:
            oldest = round_index - ROUNDS_KEPT + 1
            self._rosters = {r: known for r, known in self._rosters.items() if r >= oldest}
            self._rosters[round_index] = roster
            self._contexts = {r: self._contexts[r] for r in self._rosters if r != round_index}
            self._contexts[round_index] = client
            self._drop_prepared(lambda name: name[1] < oldest)
            self._known = {name: a for name, a in self._known.items() if a.reduce.round >= oldest}
            trusted = [member for known in self._rosters.values() for member in known.members.values()]
            callers = {member.certificate: member.address for member in trusted}
            self.listener.trust(context(self.identity, trusted, server_side=True), callers)

    def roster(self, round_index: int) -> Roster:
        """The members of a round that was entered."""
        with self._changed:
            return self._rosters[round_index]

    def close(self) -> None:
        """Leave: answer no more, and drop what was prepared."""
        self.listener.close()
        with self._changed:
            self._drop_prepared(lambda name: True)

    def _drop_prepared(self, dropped: Callable[[Name], bool]) -> None:
        for name in [name for name in self._prepared if dropped(name)]:
            sender = self._prepared.pop(name)
            self._known[name].end()
            if sender is not None:
                sender.link.close()

    def ask(self, round_index: int, to: str, message: Message) -> ssl.SSLSocket:
        """A link to a member of a round that was asked something (`calls.call`)."""
        with self._changed:
            member, client = self._rosters[round_index].members[to], self._contexts[round_index]
        return call(client, member, message, self.limits.call)

    def prepare(self, reduce: Reduce) -> None:
        """Open the link that a reduce to come will use first, so that it need not wait for handshakes.

        The others' first frames may then be as late as `start`; if the link is lost until then, another is opened.
        """
        attempts, sender = self._begin(reduce), None
        view = attempts.standing()
        try:
            ring = view.ring(attempts.roster.order)
            if len(ring) > 1:
                right = ring[(ring.index(self.address) + 1) % len(ring)]
                sender = self._call_right(attempts, view, right, early=True)
        except Aborted:
            attempts.failed(view, None)
        except LinkFailed as failure:
            attempts.failed(view, failure)
        with self._changed:
            self._prepared[_name(reduce)] = sender

    def reduce(
        self, reduce: Reduce, values: npt.NDArray[Any], out: npt.NDArray[Any] | None = None
    ) -> Outcome:
        """Combine `values` [reduce.size] with the other members'; safe to call for several tags at once.

        out: memory for the result, apart from the values, where the caller has some to spare: fresh memory costs a
        large vector as much time as adding it.

        Every member that returns has the same values. Rejected if the others left this member out
        (their reason), too few are left (COLLECTIVE_QUORUM), results differ (COLLECTIVE_CHECK), or nothing helps.
        """
        assert reduce.dtype in DTYPES
        assert (values.dtype, values.shape) == (np.dtype(reduce.dtype), (reduce.size,))
        assert out is None or (out.dtype, out.shape) == (values.dtype, values.shape)
        assert out is None or not np.may_share_memory(out, values)
        with self._changed:
            prepared = _name(reduce) in self._prepared
            sender = self._prepared.pop(_name(reduce), None)
            attempts = self._known[_name(reduce)] if prepared else None
        attempts = attempts or self._begin(reduce)
        assert attempts.reduce == reduce, "prepared for another reduce"
        try:
            return self._until_agreed(attempts, np.ascontiguousarray(values), out, sender)
        finally:
            attempts.end()

    def _begin(self, reduce: Reduce) -> Attempts:
        name = _name(reduce)
        with self._changed:
            assert reduce.round in self._rosters, "enter the round first"
            assert name not in self._known, "a reduce has one name"
            roster = self._rosters[reduce.round]
            attempts = self._known[name] = Attempts(reduce, roster, self.address, self.identity)
            self._changed.notify_all()
            return attempts

    def _until_agreed(
        self,
        attempts: Attempts,
        values: npt.NDArray[Any],
        out: npt.NDArray[Any] | None,
        sender: Sender | None,
    ) -> Outcome:
        order = attempts.roster.order
        if order == (self.address,):
            assert in_range(values), BEYOND
            return Outcome(finish(attempts.reduce, values.copy(), 1), order, {}, 1, None)
        most = 8 * len(order) + 8
        for attempt in range(1, most + 1):
            view = attempts.standing()
            # What a member holds may be decided on later, so its memory is not used again.
            result = np.empty_like(values) if out is None or attempts.kept is not None else out
            try:
                self._attempt(attempts, view, values, result, sender)
            except Aborted:
                attempts.failed(view, None)
            except LinkFailed as failure:
                attempts.failed(view, failure)
            sender = None
            if attempts.certificate is not None:
                return outcome_of(attempts, attempt)
        raise Rejected(Reason.COLLECTIVE_LOST, f"no success in {most} attempts")

    def _attempt(
        self, attempts: Attempts, view: View, values: npt.NDArray[Any], result: npt.NDArray[Any],
        sender: Sender | None = None,
    ) -> None:  # fmt: skip
        ring = view.ring(attempts.roster.order)
        rank = ring.index(self.address)
        right = sender or self._call_right(attempts, view, ring[(rank + 1) % len(ring)])
        incoming = None
        try:
            incoming = self._await_left(attempts, view, ring[rank - 1], right)
            attempts.use(view, incoming.link, right.link)
            plan = Plan(len(ring), rank, attempts.reduce.size, values.itemsize)
            passing = Passing(attempts.reduce, plan, values, result, ViewVoice(self.identity, attempts, view))
            last = attempt_deadline(self.limits.start, self.limits.frame, plan)
            first = self.limits.start + self.limits.call if incoming.early else self.limits.frame
            said = passing.run(
                Receiver(incoming.link, incoming.key, first, self.limits.frame), right, last, attempts.ballot.held,
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

    def _call_right(self, attempts: Attempts, view: View, to: str, early: bool = False) -> Sender:
        """A link for the view. Who has not entered the round yet ends calls, and is called again until `start`."""
        deadline = time.monotonic() + self.limits.start
        while True:
            try:
                return self._call_once(attempts, view, to, early)
            except Aborted:
                with attempts.changed:
                    if attempts.ballot.view != view or attempts.certificate is not None:
                        raise
                    attempts.changed.wait(WATCH_SECONDS)
            if time.monotonic() > deadline:
                raise LinkFailed("right", Rejected(Reason.COLLECTIVE_LOST, "ends every call"))

    def _call_once(self, attempts: Attempts, view: View, to: str, early: bool) -> Sender:
        reduce, key = attempts.reduce, b"" if self.plain else new_key()
        name = {"kind": "reduce", "task": reduce.task, "round": reduce.round, "tag": reduce.tag}
        hello = {**name, "reduce": attempts.name(View()).hex(), "key": key.hex(), "early": early}
        link = self.ask(reduce.round, to, {**hello, **attempts.shown()})
        try:
            attempts.use(view, link)
            # The other end waits for its own `reduce` as long as `start`, then says that it has none.
            link.settimeout(self.limits.start + self.limits.call)
            answer = hear(link)
            if answer["kind"] == "go":
                return Sender(plain_link(link), key or None, self.limits.frame)
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
            if not right.busy:
                right.begin(BEAT, b"")
            right.push()
            if not listens(attempts.roster.members[left], self.limits.call):
                raise LinkFailed("left", Rejected(Reason.COLLECTIVE_LOST, "does not listen any more"))
            beat = time.monotonic() + BEAT_SECONDS
        raise LinkFailed("left", Rejected(Reason.COLLECTIVE_SILENT, "did not call"))

    # The answering end.

    def _take_call(self, link: ssl.SSLSocket, caller: str, message: Message) -> None:
        name = (int(message["task"]), int(message["round"]), int(message["tag"]))
        key = bytes.fromhex(message["key"])
        if len(key) != (0 if self.plain else KEY_BYTES):
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
        attempts.put_incoming(Incoming(view, plain_link(link), key or None, bool(message["early"])))


def _name(reduce: Reduce) -> Name:
    return reduce.task, reduce.round, reduce.tag
