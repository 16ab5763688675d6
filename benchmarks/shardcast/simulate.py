"""Simulate a file's way from one publisher to N receivers: the swarm's own decisions over links that do not exist.

    python benchmarks/shardcast/simulate.py --receivers 4 8 16
    python benchmarks/shardcast/simulate.py --receivers 10000 --leaves 64 --liars 100 --churn 0.05

Every node runs the scheduler, the publisher's rule, the upload queue and the contact rules that real nodes run; only
links and clock are simulated. An uplink sends one leaf after the other at its full rate; downlinks are not limited.
Messages take the link's latency and no room on it. Time is printed relative to size / uplink, the least that a
publisher needs to send one copy. CPU seconds are one thread's.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from cupel.protocol.network.exchange.contacts import Contacts
from cupel.protocol.network.exchange.peer import Ask
from cupel.protocol.network.exchange.publisher import Publisher
from cupel.protocol.network.exchange.scheduler import Scheduler
from cupel.protocol.network.exchange.slots import UploadQueue
from cupel.protocol.network.outcome import NotDelivered

ORIGIN: Final = "origin"
MAX_WAITING: Final = 4
# A node that was killed answers nothing; whoever asks it learns that after this time.
REFUSED_SECONDS: Final = 0.1


@dataclass(frozen=True)
class Settings:
    """One run's settings."""

    receivers: int
    leaves: int = 64
    leaf_bytes: int = 1 << 20
    uplink: float = 10e6
    """Bytes per second of every node, the publisher included."""
    latency: float = 0.02
    """One way, seconds; each link's own is drawn from half to one and a half times this."""
    liars: int = 0
    """Receivers that claim every leaf and serve wrong bytes."""
    churn: float = 0.0
    """Share of the receivers that is killed each second, and starts again with what it had one second later."""
    seed: int = 1

    @property
    def floor(self) -> float:
        """Seconds for one copy over one uplink."""
        return self.leaves * self.leaf_bytes / self.uplink


class Node:
    """A receiver, or the publisher, which has no scheduler."""

    def __init__(self, name: str, settings: Settings, draw: random.Random, lies: bool = False) -> None:
        self.name = name
        self.draw = draw
        self.lies = lies
        self.alive = True
        self.life = 0
        self.finished: float | None = None
        self.contacts = Contacts()
        self.queue: UploadQueue[tuple[str, Ask]] = UploadQueue(1, MAX_WAITING)
        self.sent = 0
        self.wake_at = float("inf")
        self.scheduler = Scheduler([settings.leaf_bytes] * settings.leaves, 0)


class Simulation:
    """Events in order of their time; the state of all nodes."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.now = 0.0
        self._draw = random.Random(settings.seed)
        self._events: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._order = itertools.count()
        self._publisher = Publisher(settings.leaves)
        self.messages = 0
        self.stale = 0
        names = [f"node {number}" for number in range(settings.receivers)]
        liars = set(self._draw.sample(names, settings.liars))
        self.nodes = {
            name: Node(name, settings, random.Random(f"{settings.seed} {name}"), name in liars)
            for name in (ORIGIN, *names)
        }
        self.honest = [node for node in self.nodes.values() if node.name != ORIGIN and not node.lies]
        self._unfinished = len(self.honest)

    def run(self, limit: float) -> None:
        """Until every honest receiver has the file, or `limit` simulated seconds passed."""
        for node in self.nodes.values():
            if node.name != ORIGIN:
                node.scheduler.meet(ORIGIN, 0.0, given=True)
                # Nobody starts at the very same moment.
                self._later(self._draw.random() * 0.05, self._step, node, node.life)
        if self.settings.churn:
            self._later(0.1, self._churn)
        while self._unfinished and self._events and self.now < limit:
            self.now, _, action, arguments = heapq.heappop(self._events)
            action(*arguments)

    def _later(self, seconds: float, action: Callable[..., None], *arguments: Any) -> None:
        heapq.heappush(self._events, (self.now + seconds, next(self._order), action, arguments))

    def _latency(self) -> float:
        return self.settings.latency * (0.5 + self._draw.random())

    def _wake(self, node: Node, life: int) -> None:
        if node.wake_at <= self.now:
            node.wake_at = float("inf")
            self._step(node, life)

    def _step(self, node: Node, life: int) -> None:
        """What the engine does after every event."""
        if not node.alive or life != node.life:
            return
        scheduler = node.scheduler
        if not scheduler.complete and not node.lies:
            for ask in scheduler.overdue(self.now):
                self._cancel(node, ask)
            for ask in scheduler.asks(self.now, node.draw):
                self._later(self._latency(), self._request, node, life, ask)
        for url in scheduler.talks(self.now):
            self.messages += 1
            want = scheduler.talking(url)
            holdings = self._claims(node)
            self._later(self._latency(), self._message, node, life, url, holdings, want, self.now)
        at = scheduler.next_event(self.now)
        if at < node.wake_at:
            node.wake_at = at
            self._later(at - self.now, self._wake, node, life)

    def _claims(self, node: Node) -> int:
        return (1 << self.settings.leaves) - 1 if node.lies else node.scheduler.holdings

    def _message(self, sender: Node, life: int, url: str, holdings: int, want: int, sent: float) -> None:
        """A message reaches `url`, which answers."""
        receiver = self.nodes[url]
        if not receiver.alive:
            self._later(REFUSED_SECONDS, self._unreachable, sender, life, url)
            return
        names = receiver.contacts.names(sender.name, receiver.draw)
        receiver.contacts.add(sender.name, receiver.draw)
        if url == ORIGIN:
            answer = self._publisher.show(sender.name, holdings, want, self.now, receiver.draw)
        else:
            answer = self._claims(receiver)
            receiver.scheduler.meet(sender.name, self.now)
            receiver.scheduler.heard(sender.name, holdings, self.now)
            self._step(receiver, receiver.life)
        self._later(self._latency(), self._answer, sender, life, url, answer, names, sent)

    def _answer(
        self, node: Node, life: int, url: str, holdings: int, names: tuple[str, ...], sent: float
    ) -> None:
        if life != node.life:
            return
        node.scheduler.heard(url, holdings, self.now, self.now - sent)
        node.contacts.add(url, node.draw)
        for name in names:
            if name != node.name:
                node.scheduler.meet(name, self.now)
        self._step(node, life)

    def _unreachable(self, node: Node, life: int, url: str) -> None:
        if life == node.life:
            node.scheduler.unreachable(url, self.now)
            node.contacts.remove(url)
            self._step(node, life)

    def _request(self, asker: Node, life: int, ask: Ask) -> None:
        """A request reaches the server's queue."""
        server = self.nodes[ask.url]
        if not server.alive:
            self._later(REFUSED_SECONDS, self._outcome, asker, life, ask, NotDelivered.FAILED)
            return
        turned_away = server.queue.enter(asker.name, (asker.name, ask))
        if turned_away is not None:
            name, refused = turned_away
            self._later(
                self._latency(),
                self._outcome,
                self.nodes[name],
                self.nodes[name].life,
                refused,
                NotDelivered.BUSY,
            )
        self._serve(server)

    def _serve(self, server: Node) -> None:
        ticket = server.queue.start()
        if ticket is not None:
            seconds = self.settings.leaf_bytes / self.settings.uplink
            self._later(seconds, self._sent, server, server.life, ticket)

    def _sent(self, server: Node, life: int, ticket: tuple[str, Ask]) -> None:
        if life != server.life:
            return
        name, ask = ticket
        server.sent += 1
        server.queue.leave(name, ticket)
        asker = self.nodes[name]
        reason = NotDelivered.LIED if server.lies else None
        self._later(self._latency(), self._outcome, asker, asker.life, ask, reason)
        self._serve(server)

    def _outcome(self, node: Node, life: int, ask: Ask, reason: NotDelivered | None) -> None:
        if life != node.life:
            return
        if reason is None:
            for other in node.scheduler.received(ask.url, ask.leaf, self.now):
                self._cancel(node, other)
            node.scheduler.stored(ask.leaf)
            if node.scheduler.complete and node.finished is None:
                node.finished = self.now
                self._unfinished -= not node.lies
        else:
            node.scheduler.not_delivered(ask.url, ask.leaf, reason, self.now)
        self._step(node, life)

    def _cancel(self, node: Node, ask: Ask) -> None:
        self.nodes[ask.url].queue.leave(node.name, (node.name, ask))

    def _churn(self) -> None:
        """Ten times a second, kill some; each comes back after a second with its stored leaves."""
        for node in self.honest:
            if node.alive and self._draw.random() < self.settings.churn / 10:
                node.alive = False
                node.life += 1
                self._later(1.0, self._return, node)
        self._later(0.1, self._churn)

    def _return(self, node: Node) -> None:
        settings = self.settings
        node.alive = True
        node.queue = UploadQueue(1, MAX_WAITING)
        node.wake_at = float("inf")
        node.scheduler = Scheduler([settings.leaf_bytes] * settings.leaves, node.scheduler.holdings)
        node.scheduler.meet(ORIGIN, self.now, given=True)
        self._step(node, node.life)


def report(settings: Settings) -> str:
    """One table row."""
    started = time.process_time()
    simulation = Simulation(settings)
    simulation.run(60 * settings.floor)
    times = sorted(node.finished for node in simulation.honest if node.finished is not None)
    if len(times) < len(simulation.honest):
        ratios = f"{len(times)} of {len(simulation.honest)} finished | "
    else:
        ratios = f"{times[-1] / settings.floor:.2f} | {times[len(times) // 2] / settings.floor:.2f}"
    copies = simulation.nodes[ORIGIN].sent / settings.leaves
    per_second = simulation.messages / simulation.now / settings.receivers
    return (
        f"| {settings.receivers} | {settings.leaves} | {settings.liars} | {settings.churn:g} | {ratios} "
        f"| {copies:.2f} | {per_second:.1f} | {time.process_time() - started:.0f} |"
    )


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--receivers", type=int, nargs="+", default=[4, 8, 16])
    parser.add_argument("--leaves", type=int, default=64)
    parser.add_argument("--latency", type=float, default=0.02)
    parser.add_argument("--liars", type=int, default=0)
    parser.add_argument("--churn", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    for receivers in arguments.receivers:
        settings = Settings(
            receivers,
            arguments.leaves,
            latency=arguments.latency,
            liars=arguments.liars,
            churn=arguments.churn,
            seed=arguments.seed,
        )
        print(report(settings))
        sys.stdout.flush()


if __name__ == "__main__":
    main()
