"""Which nodes keep what not everybody keeps: rendezvous hashing over the roster, with the round's beacon as salt.

Everybody computes the same holders from the chain. A node that leaves moves only what it held, to the node that is
next for each item; one that joins takes over its share and nothing else moves (Thaler and Ravishankar 1998). The
beacon is drawn after the node joined, so nobody can choose an account that gets to hold a certain submission.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from cupel.protocol.spec.encoding import words
from cupel.protocol.spec.hashing import domain, keccak256

PLACEMENT: Final = domain("cupel.placement.v1")
REPLICAS: Final = 5
"""Holders of each item: it survives its origin and any three more (docs/adr/0002)."""
NO_BEACON: Final = bytes(32)
"""Stands for the beacon of what no round has made: genesis."""


def holders(
    roster: Iterable[str], task: bytes, digest: bytes, beacon: bytes, replicas: int = REPLICAS
) -> tuple[str, ...]:
    """Who keeps the item whose manifest has this digest, first holder first; all of a roster of `replicas` or fewer.

    roster: members that were not slashed and have not left. beacon: of the round that made the item.
    """
    ranked = sorted((_score(task, digest, beacon, account), account) for account in set(roster))
    return tuple(account for _, account in ranked[:replicas])


def _score(task: bytes, digest: bytes, beacon: bytes, account: str) -> bytes:
    return keccak256(words(PLACEMENT, task, digest, beacon, account))
