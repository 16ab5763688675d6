"""What a member knows of one reduce: the view it is in, what it holds, and why others are lost.

Shared by the thread that reduces and the threads that answer calls; every method takes the lock, `changed`, itself.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy.typing as npt

from cupel.node.collective.calls import Message
from cupel.node.collective.frames import Aborted, LinkFailed, end_link
from cupel.node.collective.identity import Identity, Roster
from cupel.node.collective.passing import Said
from cupel.protocol.spec.collective.agreement import Accusation, Ballot, Held, View, holding_statement
from cupel.protocol.spec.collective.reduce import Reduce, attempt_name
from cupel.protocol.spec.errors import Reason, Rejected

MAX_NUMBER: Final = 2**63
MAX_DETAIL: Final = 200


@dataclass(frozen=True, slots=True)
class Certificate:
    """That everybody left in a view signed to hold the same result: more than half of the roster."""

    view: View
    held: Held
    signatures: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Incoming:
    """A link that the left neighbour opened for a view, and the key of its frames; None: in the clear.

    early: it was opened before its reduce was called there, so the first frame may take as long as a call.
    """

    view: View
    link: socket.socket
    key: bytes | None
    early: bool


class Attempts:
    """One member's attempts at one reduce."""

    def __init__(self, reduce: Reduce, roster: Roster, address: str, identity: Identity) -> None:
        self.reduce, self.roster, self.address, self._identity = reduce, roster, address, identity
        self.changed = threading.Condition()
        self.ballot = Ballot(roster.order)
        self.certificate: Certificate | None = None
        self.over = False
        self.kept: tuple[npt.NDArray[Any], tuple[str, ...]] | None = None
        self._accusations: dict[str, tuple[Accusation, bytes]] = {}
        self._incoming: Incoming | None = None
        self._links: tuple[socket.socket, ...] = ()

    def name(self, view: View) -> bytes:
        """The attempt in this view: 32 bytes."""
        return attempt_name(self.reduce, self.roster.digest, view.number, view.ring(self.roster.order))

    def standing(self) -> View:
        """The view to try next. Rejected if this member is lost to the others, or too few are left."""
        with self.changed:
            if self.certificate is None and self.address in self.ballot.view.lost:
                raise self.why()[self.address]
            if self.certificate is None and not self.ballot.has_quorum:
                left, all_members = len(self.ballot.ring), len(self.roster.order)
                raise Rejected(Reason.COLLECTIVE_QUORUM, f"{left} of {all_members} members are left")
            return self.ballot.view

    def why(self) -> dict[str, Rejected]:
        """Why each lost member is lost."""
        with self.changed:
            return {lost: Rejected(a.reason, a.detail) for lost, (a, _) in self._accusations.items()}

    # Views.

    def failed(self, tried: View, failure: LinkFailed | None) -> None:
        """An attempt failed, through a neighbour that is to be left out or not."""
        with self.changed:
            lost = None
            if failure is not None:
                ring = tried.ring(self.roster.order)
                step = 1 if failure.side == "right" else -1
                lost = ring[(ring.index(self.address) + step) % len(ring)]
                problem = failure.problem
                accusation = Accusation(
                    self.address, lost, problem.reason, problem.detail[:MAX_DETAIL], tried.lost
                )
                signature = self._identity.sign(accusation.statement(self.roster.digest, self.name(View())))
                self._accusations.setdefault(lost, (accusation, signature))
            self._move(self.ballot.failed(tried, lost))

    def hear(self, message: Message) -> None:
        """Take over another member's view. ValueError, KeyError or TypeError if it is none."""
        number = number_of(message)
        told = [_accusation(entry) for entry in message["accusations"]]
        with self.changed:
            accused = frozenset(a.accused for a, _ in told) | self.ballot.view.lost
            news = [(a, signature) for a, signature in told if a.accused not in self.ballot.view.lost]
            # All of them before any statement, which is about members of the roster alone.
            if not all(accusation.stands(self.roster.order, accused) for accusation, _ in news):
                raise ValueError("an accusation by somebody who is no neighbour")
            for accusation, signature in news:
                statement = accusation.statement(self.roster.digest, self.name(View()))
                if not self.roster.signed(accusation.accuser, statement, signature):
                    raise ValueError("an accusation that its accuser did not sign")
            for accusation, signature in news:
                self._accusations.setdefault(accusation.accused, (accusation, signature))
            lost = frozenset(accusation.accused for accusation, _ in news)
            self._move(self.ballot.heard(View(number, lost)))

    def shown(self) -> Message:
        """The view as others hear it, with the reasons."""
        with self.changed:
            told = [
                {
                    "accuser": a.accuser,
                    "accused": a.accused,
                    "reason": a.reason.value,
                    "detail": a.detail,
                    "without": sorted(a.without),
                    "signature": signature.hex(),
                }
                for a, signature in self._accusations.values()
            ]
            return {"number": self.ballot.view.number, "accusations": told}

    def _move(self, ballot: Ballot) -> None:
        before, self.ballot = self.ballot.view, ballot
        if ballot.view != before and self.certificate is None:
            for link in self._links:
                end_link(link)
            if self._incoming is not None and self._incoming.view != ballot.view:
                self._incoming.link.close()
                self._incoming = None
            self.changed.notify_all()

    # Links.

    def use(self, view: View, *links: socket.socket) -> None:
        """Links that are to be ended when the view is. Aborted if it is already."""
        with self.changed:
            if self.ballot.view != view or self.certificate is not None:
                raise Aborted
            self._links = links

    def release(self) -> None:
        """The links in use are closed by their user."""
        with self.changed:
            self._links = ()

    def put_incoming(self, incoming: Incoming) -> None:
        """A link from the left, for the newest view; one that is in use for the same view has ended."""
        with self.changed:
            if self._incoming is not None:
                self._incoming.link.close()
            if incoming.view != self.ballot.view or self.over or self.certificate is not None:
                incoming.link.close()
                return
            self._incoming = incoming
            self.changed.notify_all()

    def take_incoming(self, view: View, seconds: float) -> Incoming | None:
        """The left neighbour's link, waited for so long. Aborted if the view is over."""
        with self.changed:
            if self._incoming is None and self.ballot.view == view:
                self.changed.wait(seconds)
            if self.ballot.view != view or self.certificate is not None:
                raise Aborted
            incoming, self._incoming = self._incoming, None
            return incoming

    # Results.

    def hold(self, view: View, check: bytes, total: npt.NDArray[Any]) -> Held:
        """Hold the whole result of a view. Aborted if the member has moved on."""
        with self.changed:
            held = Held(self.name(view), check)
            ballot = self.ballot.holding(view, held)
            if ballot is None:
                raise Aborted
            self.ballot, self.kept = ballot, (total, view.ring(self.roster.order))
            return held

    def agreed(self, view: View, said: Said) -> bool:
        """Whether what the members of a view said they hold decides the reduce."""
        ring = view.ring(self.roster.order)
        with self.changed:
            ballot = self.ballot.agreed(view, {ring[rank]: held for rank, (held, _) in said.items()})
            if ballot is None or ballot.decided is None:
                return False
            signatures = {ring[rank]: signature for rank, (_, signature) in said.items()}
            self.ballot, self.certificate = ballot, Certificate(view, ballot.decided, signatures)
            self.changed.notify_all()
            return True

    def decided_elsewhere(self, certificate: Certificate) -> None:
        """Take over a decision. Rejected(COLLECTIVE_CHECK) if it proves nothing, or this member does not hold it."""
        ring = certificate.view.ring(self.roster.order)
        statement = holding_statement(self.name(certificate.view), certificate.held)
        signed = all(self.roster.signed(m, statement, certificate.signatures.get(m, b"")) for m in ring)
        if not signed or 2 * len(ring) <= len(self.roster.order):
            raise Rejected(Reason.COLLECTIVE_CHECK, "a decision that its members did not sign")
        with self.changed:
            if self.ballot.held != certificate.held:
                raise Rejected(
                    Reason.COLLECTIVE_CHECK, "the others decided on a result that is not held here"
                )
            self.certificate = certificate

    def end(self) -> None:
        """No more attempts: what is kept for them goes."""
        with self.changed:
            self.over, self.kept = self.certificate is None, None
            if self._incoming is not None:
                self._incoming.link.close()
                self._incoming = None
            self.changed.notify_all()


class ViewVoice:
    """Signs what one member holds in a view, and knows the others' signatures (`passing.Voice`).

    That nothing is held of attempts before the first needs no signature: there were none.
    """

    def __init__(self, identity: Identity, attempts: Attempts, view: View) -> None:
        self._identity, self._roster = identity, attempts.roster
        self._attempt, self._ring = attempts.name(view), view.ring(attempts.roster.order)
        self._is_first = view == View()

    def say(self, held: Held | None) -> bytes:
        """A signature."""
        if held is None and self._is_first:
            return b""
        return self._identity.sign(holding_statement(self._attempt, held))

    def said(self, rank: int, held: Held | None, signature: bytes) -> bool:
        """Whether the member of this rank signed that it holds this."""
        if held is None and self._is_first:
            return not signature
        return self._roster.signed(self._ring[rank], holding_statement(self._attempt, held), signature)


def number_of(message: Message) -> int:
    """The number of a view that was heard of. ValueError, KeyError or TypeError if it is none."""
    number = message["number"]
    if not isinstance(number, int) or not 0 <= number < MAX_NUMBER:
        raise ValueError(f"attempt {number!r}"[:MAX_DETAIL])
    return number


def _accusation(entry: Message) -> tuple[Accusation, bytes]:
    accusation = Accusation(
        str(entry["accuser"]),
        str(entry["accused"]),
        Reason(entry["reason"]),
        str(entry["detail"])[: MAX_DETAIL + 1],
        frozenset(str(member) for member in entry["without"]),
    )
    if len(accusation.detail) > MAX_DETAIL:
        raise ValueError("a reason too long")
    return accusation, bytes.fromhex(entry["signature"])
