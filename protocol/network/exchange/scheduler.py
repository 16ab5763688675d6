"""One download's decisions: which leaf to ask of whom now, what to give up, whom to tell of news.

Rarest leaf first, then the holder that is expected to deliver it soonest. No IO: the engine and the simulator drive
the same object with clock readings (monotonic seconds) and their own randomness. What it holds is bounded by
MAX_PEERS sets of the file's leaves, whatever peers say.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import MutableMapping, Sequence
from typing import Final

from cupel.protocol.network import sources
from cupel.protocol.network.exchange.masks import Tally, full, pick
from cupel.protocol.network.exchange.peer import Ask, Peer, deadline_seconds
from cupel.protocol.network.outcome import NotDelivered
from cupel.protocol.network.sources import Source
from cupel.protocol.spec.errors import Reason, Rejected

# Peers of one download. More neighbours would cost messages and find no more leaves.
MAX_PEERS: Final = 12
# Leaves asked for at a time. Few are in memory: of those asked for together, one after the other.
MAX_IN_FLIGHT: Final = 32
# When so few leaves are missing and all are asked for, one that is late is asked of a second peer.
END_GAME_LEAVES: Final = MAX_IN_FLIGHT
# An obsolete file is finished rather than dropped above this share.
FINISH_SHARE: Final = 0.8
# A peer whose messages fail so often in a row is forgotten.
MAX_MISSES: Final = 3
# Lies that are remembered.
_MAX_BANNED: Final = 256
_UNKNOWN: Final = Source(updated=0.0)
"""A perfect record has nothing to heal, so it does not matter when it was last looked at."""


class Scheduler:
    """State of one download of leaves `0 .. len(sizes) - 1`."""

    def __init__(
        self, sizes: Sequence[int], held: int, known: MutableMapping[str, Source] | None = None
    ) -> None:
        """sizes: bytes of each leaf. held: those already here. known: memory of servers, read and kept current."""
        self._sizes = sizes
        self._all = full(len(sizes))
        self.holdings = held & self._all
        """Leaves here, verified and stored: what others may be told of."""
        self._free = self._all & ~self.holdings
        self._asked: dict[int, dict[str, Ask]] = {}
        self._peers: dict[str, Peer] = {}
        self._copies = Tally()
        self._known: MutableMapping[str, Source] = {} if known is None else known
        self.banned: dict[str, Rejected] = {}
        """Peers that lied in this download, and how."""

    @property
    def complete(self) -> bool:
        """Whether every leaf is here."""
        return self.holdings == self._all

    @property
    def num_leaves(self) -> int:
        """Distinct leaves of the file."""
        return len(self._sizes)

    @property
    def in_flight(self) -> int:
        """Requests running, duplicates counted."""
        return sum(len(askings) for askings in self._asked.values())

    def worth_finishing(self) -> bool:
        """Whether to go on although a newer version of the file was announced."""
        return self.holdings.bit_count() > FINISH_SHARE * self.num_leaves

    def meet(self, url: str, now: float, given: bool = False) -> bool:
        """Know of a peer; nothing is asked of it before it spoke. False if there is no room or it was banned.

        given: named by this process's owner and not by a peer, so it is kept when it fails.
        """
        if url in self.banned or self._source(url).banned_until > now:
            return False
        if url not in self._peers:
            if len(self._peers) >= MAX_PEERS and not self._make_room():
                return False
            self._peers[url] = Peer(now)
        self._peers[url].given |= given
        return True

    def heard(self, url: str, holdings: int | None, now: float, seconds: float | None = None) -> None:
        """A peer says what it holds; None from a server that does not speak of it, which is tried for everything.

        seconds: how long its answer to our message took, if it was one.
        """
        peer = self._peers.get(url)
        if peer is None:
            return
        news = (self._all if holdings is None else holdings & self._all) & ~peer.holdings
        self._copies.add(news)
        peer.silent_server = holdings is None
        peer.spoke(now, news, self.holdings, seconds)

    def speaks(self, url: str) -> bool:
        """Whether it is a peer of ours, which says what it holds, and not a plain gateway."""
        return url in self._peers and self._peers[url].proven and not self._peers[url].silent_server

    def unreachable(self, url: str, now: float) -> None:
        """A message to it failed."""
        peer = self._peers.get(url)
        if peer is None:
            return
        peer.missed(now)
        if not peer.given and (not peer.proven or peer.misses >= MAX_MISSES):
            self.forget(url)

    def ban(self, url: str, rejected: Rejected, now: float) -> None:
        """It said or served what no honest peer does: out of this download, and remembered."""
        self._known[url] = sources.lied(self._source(url), now)
        if len(self.banned) < _MAX_BANNED:
            self.banned[url] = rejected
        self.forget(url)

    def forget(self, url: str) -> None:
        """Drop a peer, and free what was asked of it."""
        peer = self._peers.pop(url, None)
        if peer is not None:
            self._copies.remove(peer.holdings)
            for leaf in [leaf for leaf, askings in self._asked.items() if url in askings]:
                self._release(url, leaf)

    def asks(self, now: float, draw: random.Random) -> list[Ask]:
        """What to ask now; what is returned counts as asked."""
        ready = {url: peer for url, peer in self._peers.items() if self._ready(url, peer, now, begins=True)}
        made: list[Ask] = []
        while self._free and ready and self.in_flight < MAX_IN_FLIGHT:
            reach = 0
            for peer in ready.values():
                reach |= peer.holdings
            if not reach & self._free:
                break
            leaf = pick(self._copies.rarest(reach & self._free), draw)
            made.append(self._ask(self._soonest(leaf, ready, now, draw), leaf, now))
            self._keep_ready(ready, made[-1].url, now)
        if not self._free and len(self._asked) <= END_GAME_LEAVES:
            made += self._duplicates(ready, now, draw)
        return made

    def received(self, url: str, leaf: int, now: float) -> list[Ask]:
        """A right leaf came. Returns what was asked of others for it, to be cancelled; those count no more."""
        ask = self._asked.get(leaf, {}).get(url)
        if ask is None:
            return []
        peer = self._peers[url]
        seconds = now - max(ask.asked, peer.last_finished)
        self._known[url] = sources.delivered(self._source(url), now, self._sizes[leaf], seconds)
        peer.last_finished, peer.misses, peer.delivered = now, 0, True
        others = [other for other in self._asked[leaf].values() if other.url != url]
        for other in (ask, *others):
            self._release(other.url, leaf)
        self._free &= ~(1 << leaf)
        return others

    def stored(self, leaf: int) -> None:
        """A leaf that came is in the store: others may have it."""
        self.holdings |= 1 << leaf

    def not_delivered(self, url: str, leaf: int, reason: NotDelivered, now: float) -> None:
        """A request came to nothing; the leaf is free to be asked again."""
        if url not in self._asked.get(leaf, {}):
            return
        if reason is NotDelivered.LIED:
            self.ban(
                url, Rejected(Reason.BLOCK_HASH, f"leaf {leaf} from {url} is not what was asked for"), now
            )
            return
        self._release(url, leaf)
        peer = self._peers[url]
        if reason is NotDelivered.BUSY:
            peer.busy(now)
            return
        peer.missed(now)
        if reason is NotDelivered.ABSENT:
            self._copies.remove(peer.holdings & 1 << leaf)
            peer.holdings &= ~(1 << leaf)
        # A server that does not say what it has is not blamed for what it lacks.
        if reason is NotDelivered.FAILED or not peer.silent_server:
            self._known[url] = sources.failed(self._source(url), now)

    def is_asked(self, ask: Ask) -> bool:
        """Whether this request is waited for."""
        return self._asked.get(ask.leaf, {}).get(ask.url) is ask

    def give_up(self, ask: Ask) -> None:
        """Wait for a request no more, through no fault of the peer's; nothing if it is not waited for."""
        if self.is_asked(ask):
            self._release(ask.url, ask.leaf)

    def overdue(self, now: float) -> list[Ask]:
        """Requests to cancel, because their deadline passed; they count as failed."""
        late = [ask for askings in self._asked.values() for ask in askings.values() if ask.deadline <= now]
        for ask in late:
            source = self._source(ask.url)
            # Whatever it was thought to do, it is slower than this: the next deadline is longer.
            slower = self._sizes[ask.leaf] / (2 * (now - ask.asked))
            self._known[ask.url] = dataclasses.replace(source, goodput=min(source.goodput, slower))
            self.not_delivered(ask.url, ask.leaf, NotDelivered.FAILED, now)
        return late

    def talks(self, now: float) -> list[str]:
        """Peers to send a message to now, longest waiting first; each counts as spoken to until `heard`."""
        due = sorted(
            (at, url)
            for url, peer in self._peers.items()
            if not peer.talking and (at := self._talk_at(url, peer)) <= now
        )
        return [url for _, url in due]

    def talking(self, url: str) -> int:
        """A message to `url` is being sent: how many leaves to say that we want of it."""
        peer = self._peers[url]
        peer.talking = True
        return peer.want(self._source(url), self._sizes[0])

    def next_event(self, now: float) -> float:
        """When to call again although nothing happened."""
        times = [ask.deadline for askings in self._asked.values() for ask in askings.values()]
        if not self._free:
            times += [
                ask.expected
                for askings in self._asked.values()
                if len(askings) == 1
                for ask in askings.values()
            ]
        for url, peer in self._peers.items():
            times.append(peer.resting_until)
            if not peer.talking:
                times.append(self._talk_at(url, peer))
        return min((time for time in times if time > now), default=now + 1.0)

    def _talk_at(self, url: str, peer: Peer) -> float:
        return peer.talk_at(self.holdings, self._free, self._source(url), self._sizes[0])

    def _ready(self, url: str, peer: Peer, now: float, begins: bool = False) -> bool:
        window = peer.window(self._source(url), self._sizes[0])
        # Asking begins when half of the window is free, so that a request is for many leaves.
        return peer.resting_until <= now and peer.running < (window // 2 + 1 if begins else window)

    def _keep_ready(self, ready: dict[str, Peer], url: str, now: float) -> None:
        if not self._ready(url, ready[url], now):
            del ready[url]

    def _soonest(self, leaf: int, ready: dict[str, Peer], now: float, draw: random.Random) -> str:
        holders = [url for url, peer in ready.items() if peer.holdings >> leaf & 1]
        draw.shuffle(holders)
        return min(
            holders,
            key=lambda url: ready[url].expected_seconds(self._source(url), self._sizes[leaf], now),
        )

    def _ask(self, url: str, leaf: int, now: float) -> Ask:
        peer = self._peers[url]
        expected = peer.expected_seconds(self._source(url), self._sizes[leaf], now)
        ask = Ask(url, leaf, now, now + expected, now + deadline_seconds(expected))
        self._asked.setdefault(leaf, {})[url] = ask
        peer.running += 1
        self._free &= ~(1 << leaf)
        return ask

    def _duplicates(self, ready: dict[str, Peer], now: float, draw: random.Random) -> list[Ask]:
        made: list[Ask] = []
        for leaf, askings in list(self._asked.items()):
            first = next(iter(askings.values())) if len(askings) == 1 else None
            others = {
                url: peer for url, peer in ready.items() if url not in askings and peer.holdings >> leaf & 1
            }
            if others and first is not None and first.expected < now:
                made.append(self._ask(self._soonest(leaf, others, now, draw), leaf, now))
                self._keep_ready(ready, made[-1].url, now)
        return made

    def _release(self, url: str, leaf: int) -> None:
        """A request is over; its leaf is free again if it was the last one for it."""
        askings = self._asked[leaf]
        del askings[url]
        if url in self._peers:
            self._peers[url].running -= 1
        if not askings:
            del self._asked[leaf]
            self._free |= 1 << leaf

    def _make_room(self) -> bool:
        """Forget a peer that is of no use: one that never spoke, or that fails."""
        for url, peer in self._peers.items():
            if not peer.given and not peer.running and (peer.misses or not peer.proven):
                self.forget(url)
                return True
        return False

    def _source(self, url: str) -> Source:
        return self._known.get(url, _UNKNOWN)
