"""Super-seeding: what a publisher shows to whom, so that its upload carries each leaf about once.

A peer is shown the leaves that fewest others have or were shown, as many as it asks for and no more than it has
still to fetch. As long as there are leaves that nobody was shown, everybody is shown different ones and has
something to pass on. Later the same rule repeats what has not spread, so a peer that keeps its leaves to itself, or
cannot be reached, delays nobody for long, and the uplink never idles while somebody lacks something.

All peers together are shown about as much as the uplink sends in the next second, measured by what they say they
got. More would only wait in its queue, while the same leaf could come from somebody else.

Nothing is refused: whoever asks for a leaf it was not shown gets it. Source of the idea: BitTorrent BEP 16.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

from cupel.protocol.network.exchange.masks import Tally, full, mask_of, pick

# Peers that are remembered; with 1024 leaves of theirs each some hundred kB.
MAX_PEERS: Final = 256
# Leaves that one peer may be shown and not have yet: a multiple of the largest request window.
MAX_WANT: Final = 256
# Leaves that all peers together may be shown and not have yet, before anything is measured.
FIRST_BUDGET: Final = 8
# Of the leaves fetched lately, as a sum that halves in RATE_SECONDS, the share that may be outstanding: 1.44 seconds
# of sending are in the sum, so this is 0.7 seconds.
BUDGET_SHARE: Final = 0.5
RATE_SECONDS: Final = 1.0
# Who asked so lately is waited for when turns are compared; who holds everything, or says so, is not.
WAITING_SECONDS: Final = 1.0
# A peer silent for so long is forgotten, and what only it was shown counts as shown to nobody.
SILENCE_SECONDS: Final = 10.0


@dataclass(slots=True)
class _Shown:
    mask: int
    """What it holds or was shown."""
    pending: int
    """What it was shown and does not hold yet."""
    turns: int
    """Leaves it was shown, a newcomer's counted from those who were shown least."""
    heard: float
    want: int = 0


class Publisher:
    """A file's holder and the peers that fetch it from here."""

    def __init__(self, num_leaves: int) -> None:
        self._all = full(num_leaves)
        self._shown: dict[str, _Shown] = {}
        self._copies = Tally()
        self._pending = 0
        self._fetched = 0.0
        self._fetched_at = 0.0

    def show(self, peer: str, holdings: int, want: int, now: float, draw: random.Random) -> int:
        """The leaves to show a peer that says it holds `holdings` and could fetch `want` leaves from here now.

        peer: whatever tells it from others; a peer that takes several names only gets more of what it may ask for
        anyway.
        """
        self._forget_silent(now)
        known = self._shown.pop(peer, None) or _Shown(0, 0, self._fewest_turns(), now)
        # Popped and put back: the dictionary stays ordered by who spoke last.
        self._shown[peer] = known
        known.heard, known.want = now, want
        self._fetched_since(now, (known.pending & holdings).bit_count())
        self._set_pending(known, known.pending & ~holdings)
        self._count(known, holdings & self._all & ~known.mask)
        for _ in range(self._room(known, want)):
            candidates = self._all & ~known.mask
            if not candidates:
                break
            leaf = mask_of([pick(self._copies.rarest(candidates), draw)])
            self._count(known, leaf)
            self._set_pending(known, known.pending | leaf)
            known.turns += 1
        if len(self._shown) > MAX_PEERS:
            self._forget(next(iter(self._shown)))
        return known.mask

    def _room(self, known: _Shown, want: int) -> int:
        budget = max(FIRST_BUDGET, int(BUDGET_SHARE * self._fetched))
        share = max(1, budget // len(self._shown))
        ahead = known.turns - self._fewest_turns()
        return min(
            min(want, MAX_WANT, share) - known.pending.bit_count(), budget - self._pending, share - ahead
        )

    def _fewest_turns(self) -> int:
        """Of those who wait: a peer that does not fetch what it was shown holds up nobody."""
        everybody = self._shown.values()
        latest = max((known.heard for known in everybody), default=0.0)
        waiting = [
            known.turns
            for known in everybody
            if known.want
            and not known.pending
            and known.mask != self._all
            and latest - known.heard < WAITING_SECONDS
        ]
        return min(waiting or [known.turns for known in everybody], default=0)

    def _fetched_since(self, now: float, leaves: int) -> None:
        self._fetched = self._fetched * 0.5 ** ((now - self._fetched_at) / RATE_SECONDS) + leaves
        self._fetched_at = now

    def _set_pending(self, known: _Shown, pending: int) -> None:
        self._pending += pending.bit_count() - known.pending.bit_count()
        known.pending = pending

    def _count(self, known: _Shown, news: int) -> None:
        self._copies.add(news)
        known.mask |= news

    def _forget_silent(self, now: float) -> None:
        while self._shown:
            oldest = next(iter(self._shown))
            if now - self._shown[oldest].heard <= SILENCE_SECONDS:
                return
            self._forget(oldest)

    def _forget(self, peer: str) -> None:
        known = self._shown.pop(peer)
        self._set_pending(known, 0)
        self._copies.remove(known.mask)
