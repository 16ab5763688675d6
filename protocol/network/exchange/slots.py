"""Whose upload goes on next: a few at full speed rather than all at once, one peer after the other.

A leaf that arrives early is passed on early, so uploads that share a line run one after the other. Whoever asks for
much waits behind its own requests and not in front of others'.
"""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

Ticket = TypeVar("Ticket")


class UploadQueue(Generic[Ticket]):
    """Requests that run and that wait; a ticket stands for one, a peer for all that share fairly."""

    def __init__(self, slots: int, max_waiting: int) -> None:
        self._slots = slots
        self._max_waiting = max_waiting
        self._running: dict[Ticket, str] = {}
        self._waiting: dict[str, deque[Ticket]] = {}

    @property
    def num_running(self) -> int:
        """Uploads in progress."""
        return len(self._running)

    @property
    def num_waiting(self) -> int:
        """Requests that wait for a slot."""
        return sum(len(tickets) for tickets in self._waiting.values())

    def enter(self, peer: str, ticket: Ticket) -> Ticket | None:
        """Take a request in. Returns the one that is turned away for it, if there is no room: the greediest peer's."""
        self._waiting.setdefault(peer, deque()).append(ticket)
        if self.num_waiting <= self._max_waiting:
            return None
        greediest = max(self._waiting, key=lambda name: (len(self._waiting[name]), name == peer))
        turned_away = self._waiting[greediest].pop()
        self._drop_empty(greediest)
        return turned_away

    def start(self) -> Ticket | None:
        """The next request to serve, if there is one and a slot for it: peers take turns."""
        if len(self._running) >= self._slots or not self._waiting:
            return None
        peer = next(iter(self._waiting))
        tickets = self._waiting.pop(peer)
        ticket = tickets.popleft()
        if tickets:
            self._waiting[peer] = tickets  # to the end of the round
        self._running[ticket] = peer
        return ticket

    def leave(self, peer: str, ticket: Ticket) -> None:
        """A request is served, or was given up by its peer."""
        if self._running.pop(ticket, None) is None and ticket in self._waiting.get(peer, ()):
            self._waiting[peer].remove(ticket)
            self._drop_empty(peer)

    def _drop_empty(self, peer: str) -> None:
        if not self._waiting[peer]:
            del self._waiting[peer]
